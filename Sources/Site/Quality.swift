/// How far a reading may be trusted. The raw value sits in the Board's slots.
public enum Quality: UInt8, CaseIterable, Sendable {
    case good = 0
    /// It was good, and nothing newer came in time.
    case stale = 1
    /// The device answered, and the answer is no measurement (its own "not available" code, out of range).
    case invalid = 2
    /// The device said that it has no such point.
    case unsupported = 3
    /// The device or the way to it failed.
    case failed = 4

    public var text: String {
        switch self {
        case .good: "good"
        case .stale: "stale"
        case .invalid: "invalid"
        case .unsupported: "unsupported"
        case .failed: "failed"
        }
    }
}

/// Why a reading is not good, in the words a technician can act on.
public enum Reason: UInt16, CaseIterable, Sendable {
    case none = 0
    case notYetRead = 1
    case timeout = 2
    case notConnected = 3
    case connectionRefused = 4
    case nameNotFound = 5
    case malformedReply = 6
    case checksum = 7
    case foreignReply = 8
    case illegalFunction = 9
    case illegalAddress = 10
    case illegalValue = 11
    case deviceFailure = 12
    case deviceBusy = 13
    case gatewayPath = 14
    case gatewayTarget = 15
    case otherException = 16
    case notAvailableCode = 17
    case outOfRange = 18
    case frozen = 19
    case absent = 20
    case noDriver = 21
    case unresponsive = 22
    case noPermission = 23
    case inputOutput = 24
    case disabled = 25
    case asleep = 26
    case chipGone = 27
    case lineBusy = 28
    case lineMissing = 29
    case shortCircuit = 30
    case cut = 31
    case notANumber = 32
    case dormant = 33
    case sensorFault = 34
    case notComputable = 35
    case notCarried = 36

    public var text: String {
        switch self {
        case .none: ""
        case .notYetRead: "not read yet"
        case .timeout: "no answer in time"
        case .notConnected: "not connected"
        case .connectionRefused: "connection refused"
        case .nameNotFound: "host name not found"
        case .malformedReply: "malformed reply"
        case .checksum: "checksum wrong"
        case .foreignReply: "reply of another unit or request"
        case .illegalFunction: "device: illegal function"
        case .illegalAddress: "device: illegal address"
        case .illegalValue: "device: illegal value"
        case .deviceFailure: "device: failure"
        case .deviceBusy: "device: busy"
        case .gatewayPath: "gateway: path unavailable"
        case .gatewayTarget: "gateway: target does not answer"
        case .otherException: "device: exception"
        case .notAvailableCode: "device says not available"
        case .outOfRange: "outside what is physically possible"
        case .frozen: "frozen: has not moved"
        case .absent: "device absent"
        case .noDriver: "no driver bound"
        case .unresponsive: "a read hangs in the kernel"
        case .noPermission: "no permission"
        case .inputOutput: "input/output error"
        case .disabled: "disabled"
        case .asleep: "asleep"
        case .chipGone: "GPIO chip gone"
        case .lineBusy: "line held by another program"
        case .lineMissing: "no such line"
        case .shortCircuit: "loop shorted"
        case .cut: "loop cut"
        case .notANumber: "not a number"
        case .dormant: "device dormant, probed slowly"
        case .sensorFault: "sensor fault"
        case .notComputable: "its inputs are not good"
        case .notCarried: "this machine does not have it"
        }
    }
}
