public import Platform
internal import Site
internal import Synchronization

/// One frame as it passed, for people who look into a bus.
public struct TracedFrame: Sendable {
    public var index: UInt64
    public var time: WallTime
    public var isSent: Bool
    public var bytes: [UInt8]
    /// What it is, in words.
    public var text: String
}

/// The last frames of a bus, kept only while somebody looks.
public final class FrameTrace: Sendable {
    /// 512 frames of at most 260 bytes: 130 kB while somebody looks, nothing otherwise.
    static let framesMax = 512
    private let until = Atomic<Int64>(0)
    private let frames = Mutex<(next: UInt64, kept: [TracedFrame])>((0, []))

    /// Keeps frames for the next ten seconds; a watcher asks again before that.
    public func enable(now: MonotonicTime) {
        // What an earlier watcher left is of another time.
        if !isEnabled(now) { frames.withLock { $0.kept.removeAll() } }
        until.store((now + .seconds(10)).nanoseconds, ordering: .relaxed)
    }

    public func frames(since index: UInt64) -> [TracedFrame] {
        frames.withLock { $0.kept.filter { $0.index >= index } }
    }

    func isEnabled(_ now: MonotonicTime) -> Bool { now.nanoseconds < until.load(ordering: .relaxed) }

    func note(_ now: Moment, isSent: Bool, _ bytes: [UInt8], _ text: @autoclosure () -> String) {
        guard isEnabled(now.monotonic) else { return }
        let text = text()
        frames.withLock { state in
            if state.kept.count >= FrameTrace.framesMax { state.kept.removeFirst(FrameTrace.framesMax / 4) }
            state.kept.append(
                TracedFrame(index: state.next, time: now.wall, isSent: isSent, bytes: bytes, text: text))
            state.next += 1
        }
    }
}

extension RequestPDU {
    /// "read 20 holding registers from 768"
    var words: String {
        switch self {
        case .read(let table, let address, let count):
            switch table {
            case .coil: "read \(count) coils from \(address)"
            case .discrete: "read \(count) discrete inputs from \(address)"
            case .holding: "read \(count) holding registers from \(address)"
            case .input: "read \(count) input registers from \(address)"
            }
        case .writeCoil(let address, let on): "write coil \(address) = \(on ? 1 : 0)"
        case .writeRegister(let address, let raw): "write register \(address) = \(raw)"
        case .writeCoils(let address, let states): "write \(states.count) coils from \(address)"
        case .writeRegisters(let address, let words):
            "write registers from \(address) = \(words.map(String.init).joined(separator: ", "))"
        case .identify(let code, let object): "read device identification \(code), from object \(object)"
        }
    }
}

extension RequestPDU {
    /// What an answer to it says: "answer, from 768: 231, 0, 50". `pdu` has been found to be one.
    func words(ofAnswer pdu: [UInt8]) -> String {
        switch self {
        case .read(let table, let address, let count):
            let data = pdu.dropFirst(2)
            let shown = min(count, RequestPDU.valuesShown)
            let values = (0..<shown).map { index -> Int in
                let at = data.startIndex + (table.holdsBits ? index / 8 : index * 2)
                guard at + (table.holdsBits ? 0 : 1) < data.endIndex else { return 0 }
                return table.holdsBits ? Int(data[at]) >> (index % 8) & 1 : Int(data[at]) << 8 | Int(data[at + 1])
            }
            let rest = count > shown ? ", ... (\(count) in all)" : ""
            return "answer, from \(address): \(values.map(String.init).joined(separator: ", "))\(rest)"
        case .writeCoil, .writeRegister, .writeCoils, .writeRegisters: return "answer: taken"
        case .identify: return "answer: device identification"
        }
    }

    /// As many as a line on a terminal holds.
    private static let valuesShown = 16
}

/// The protocol's exceptions, in words (MODBUS Application Protocol V1.1b3, 7).
func exceptionWords(_ code: UInt8) -> String {
    switch code {
    case 1: "illegal function"
    case 2: "illegal address"
    case 3: "illegal value"
    case 4: "device failure"
    case 5: "acknowledged, still working"
    case 6: "busy"
    case 7: "refused"
    case 8: "memory parity error"
    case 10: "gateway: path unavailable"
    case 11: "gateway: target does not answer"
    default: "exception \(code)"
    }
}

func exceptionReason(_ code: UInt8) -> Reason {
    switch code {
    case 1: .illegalFunction
    case 2: .illegalAddress
    case 3: .illegalValue
    case 4: .deviceFailure
    case 5, 6: .deviceBusy
    case 10: .gatewayPath
    case 11: .gatewayTarget
    default: .otherException
    }
}
