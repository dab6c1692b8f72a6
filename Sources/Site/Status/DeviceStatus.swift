public import Platform

/// What device rooms tell people beyond points. Each room publishes its own through a `Latest`;
/// the snapshot for the outside is made of them. Additions only.

public struct BusStatus: Equatable, Sendable {
    public var name: String
    /// "tcp 127.0.0.1:1502", "rtu /dev/serial/by-id/... 19200 8E1"
    public var address: String
    public var isConnected: Bool
    public var lastError: String?
    public var requests: UInt64 = 0
    public var utilisation: Double = 0
    /// Rounds that could not begin before the next was due, since the start.
    public var missedCycles: UInt64 = 0
    /// How late requests begin: 99 of 100 at most this much.
    public var startDelayP99: Nanoseconds = .zero
    public var units: [UnitStatus] = []
    public init(name: String, address: String, isConnected: Bool, lastError: String? = nil) {
        self.name = name
        self.address = address
        self.isConnected = isConnected
        self.lastError = lastError
    }
}

public struct UnitStatus: Equatable, Sendable {
    public enum State: String, Sendable { case online, offline, dormant, starting }
    public var name: String
    public var unitID: Int
    public var profile: String
    public var state: State
    public var requests: UInt64 = 0
    public var timeouts: UInt64 = 0
    public var checksumErrors: UInt64 = 0
    public var exceptions: UInt64 = 0
    public var lateReplies: UInt64 = 0
    public var foreignReplies: UInt64 = 0
    public var roundTripP50: Nanoseconds = .zero
    public var roundTripP99: Nanoseconds = .zero
    public var lastError: String?
    public init(name: String, unitID: Int, profile: String, state: State) {
        self.name = name
        self.unitID = unitID
        self.profile = profile
        self.state = state
    }
}

public struct ZoneStatus: Equatable, Sendable {
    public var name: String
    public var title: String
    public var kind: String
    /// "normal", "alarm", "short", "open", "fault"
    public var state: String
    public var isBypassed: Bool
    public var since: WallTime
    public var reason: String?
    public init(
        name: String, title: String, kind: String, state: String, isBypassed: Bool, since: WallTime,
        reason: String? = nil
    ) {
        self.name = name
        self.title = title
        self.kind = kind
        self.state = state
        self.isBypassed = isBypassed
        self.since = since
        self.reason = reason
    }
}

public enum AcceleratorHealth: Int, CaseIterable, Sendable {
    case ok = 0
    case transitional = 1
    case degraded = 2
    case failed = 3
    case absent = 4
    case unknown = 5
    public var text: String {
        switch self {
        case .ok: "ok"
        case .transitional: "transitional"
        case .degraded: "degraded"
        case .failed: "failed"
        case .absent: "absent"
        case .unknown: "unknown"
        }
    }
}

public struct AcceleratorFinding: Equatable, Sendable {
    public var code: String
    public var text: String
    public var since: WallTime
    /// observe, drain, reset, reboot, replace
    public var action: String
    public var evidence: [Evidence]
    public init(code: String, text: String, since: WallTime, action: String, evidence: [Evidence] = []) {
        self.code = code
        self.text = text
        self.since = since
        self.action = action
        self.evidence = evidence
    }
}

public struct AcceleratorStatus: Equatable, Sendable {
    public var name: String
    public var vendor: String
    public var model: String
    /// PCI address, "0000:c3:00.0"
    public var address: String
    public var serial: String?
    public var slot: String?
    public var health: AcceleratorHealth
    public var since: WallTime
    public var findings: [AcceleratorFinding]
    /// False where the vendor's driver shows no state of its own: then bus and kernel log alone judge it.
    public var showsState: Bool
    public init(
        name: String, vendor: String, model: String, address: String, serial: String? = nil, slot: String? = nil,
        health: AcceleratorHealth, since: WallTime, findings: [AcceleratorFinding] = [], showsState: Bool = true
    ) {
        self.name = name
        self.vendor = vendor
        self.model = model
        self.address = address
        self.serial = serial
        self.slot = slot
        self.health = health
        self.since = since
        self.findings = findings
        self.showsState = showsState
    }
}

public struct LaneStatus: Equatable, Sendable {
    public var model: String
    public var accelerator: String?
    public var state: String
    public var reason: String?
    public var inferences: UInt64
    public var failures: UInt64
    /// The known question, where the model has one and the site wants it asked.
    public var canary: CanaryStatus?
    public init(
        model: String, accelerator: String?, state: String, reason: String? = nil, inferences: UInt64,
        failures: UInt64, canary: CanaryStatus? = nil
    ) {
        self.model = model
        self.accelerator = accelerator
        self.state = state
        self.reason = reason
        self.inferences = inferences
        self.failures = failures
        self.canary = canary
    }
}

/// What a lane answered to a question whose answer is known.
public struct CanaryStatus: Equatable, Sendable {
    public var lane: String
    /// Goes up with every answer.
    public var answers: UInt64
    /// SHA-256 as hex; nil: nobody has said yet what is right.
    public var expected: String?
    public var got: String?
    public init(lane: String, answers: UInt64, expected: String?, got: String?) {
        self.lane = lane
        self.answers = answers
        self.expected = expected
        self.got = got
    }
}

public struct InferenceStatus: Equatable, Sendable {
    public var isReady: Bool
    public var lanes: [LaneStatus]
    public init(isReady: Bool, lanes: [LaneStatus]) {
        self.isReady = isReady
        self.lanes = lanes
    }
}

public struct UpstreamStatus: Equatable, Sendable {
    public var broker: String?
    public var isConnected: Bool
    public var lastError: String?
    /// Events in the journal that no broker has acknowledged yet.
    public var eventsBehind: UInt64
    public var oldestUnsent: WallTime?
    /// Since the start.
    public var eventsSent: UInt64 = 0
    public var valuesSent: UInt64 = 0
    /// Who was refused what, last.
    public var lastRefusal: String?
    /// What cannot be kept or signed at present, although the broker is there.
    public var trouble: String?
    /// Since the start: events that gave way in the journal before any broker took them, and messages that
    /// found no room on the way out or in.
    public var eventsLost: UInt64 = 0
    public var messagesDropped: UInt64 = 0
    /// Minutes of past outages that are still to be told.
    public var backfillMinutes = 0
    public init(
        broker: String?, isConnected: Bool, lastError: String? = nil, eventsBehind: UInt64 = 0,
        oldestUnsent: WallTime? = nil
    ) {
        self.broker = broker
        self.isConnected = isConnected
        self.lastError = lastError
        self.eventsBehind = eventsBehind
        self.oldestUnsent = oldestUnsent
    }
}

public struct JournalStatus: Equatable, Sendable {
    public var isDurable: Bool
    public var lastError: String?
    public var lastSequence: UInt64
    public var bytes: UInt64
    /// Events, and readings for the history, that were lost for want of space.
    public var dropped: UInt64
    public var droppedReadings: UInt64
    public init(
        isDurable: Bool, lastError: String? = nil, lastSequence: UInt64, bytes: UInt64, dropped: UInt64,
        droppedReadings: UInt64 = 0
    ) {
        self.isDurable = isDurable
        self.lastError = lastError
        self.lastSequence = lastSequence
        self.bytes = bytes
        self.dropped = dropped
        self.droppedReadings = droppedReadings
    }
}
