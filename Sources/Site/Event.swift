public import Platform

public enum Severity: UInt8, Comparable, CaseIterable, Sendable {
    case info = 0
    case notice = 1
    case warning = 2
    case major = 3
    case critical = 4

    public static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }

    public var text: String {
        switch self {
        case .info: "info"
        case .notice: "notice"
        case .warning: "warning"
        case .major: "major"
        case .critical: "critical"
        }
    }

    public init?(text: String) {
        guard let match = Severity.allCases.first(where: { $0.text == text }) else { return nil }
        self = match
    }
}

/// What happened, in one vocabulary for all rooms. Additions only: outsiders match on these.
public enum EventKind: String, CaseIterable, Sendable {
    case agentStarted = "agent.started"
    case agentStopping = "agent.stopping"
    case configurationChanged = "configuration.changed"
    case configurationRefused = "configuration.refused"
    case alarmRaised = "alarm.raised"
    case alarmCleared = "alarm.cleared"
    case alarmAcknowledged = "alarm.acknowledged"
    case alarmShelved = "alarm.shelved"
    case postureChanged = "posture.changed"
    case zoneChanged = "zone.changed"
    case zoneBypassed = "zone.bypassed"
    case armingChanged = "arming.changed"
    case edgesLost = "security.edges-lost"
    case busChanged = "bus.changed"
    case unitChanged = "unit.changed"
    case acceleratorChanged = "accelerator.changed"
    case kernelMessage = "kernel.message"
    case writeRequested = "write.requested"
    case writeFinished = "write.finished"
    case powerTarget = "power.target"
    case powerState = "power.state"
    case powerBreach = "power.breach"
    case inferenceChanged = "inference.changed"
    case upstreamChanged = "upstream.changed"
    case commandRefused = "command.refused"
    case storageChanged = "storage.changed"
    case floodStarted = "alarm.flood"
    case floodEnded = "alarm.flood-ended"
    case clockJumped = "clock.jumped"
}

/// One fact that an event rests on: a point and what it read, a file, a count.
public struct Evidence: Equatable, Sendable {
    public let name: String
    public let value: String
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// Something that happened, before the journal has numbered it.
public struct EventDraft: Equatable, Sendable {
    public var time: Moment
    public var kind: EventKind
    public var severity: Severity
    /// A point, device, zone or room: a dotted path.
    public var subject: String
    /// One sentence for people.
    public var text: String
    public var evidence: [Evidence]
    /// Who caused it, and through which door: "technician@console", "upstream:isv-a". Nil: the container itself.
    public var actor: String?

    public init(
        time: Moment, kind: EventKind, severity: Severity, subject: String, text: String,
        evidence: [Evidence] = [], actor: String? = nil
    ) {
        self.time = time
        self.kind = kind
        self.severity = severity
        self.subject = subject
        self.text = text
        self.evidence = evidence
        self.actor = actor
    }
}

/// An event as the journal keeps it.
public struct Event: Equatable, Sendable {
    public let sequence: UInt64
    /// Stable over restarts and replays: what receivers drop duplicates by.
    public let id: String
    public let wall: WallTime
    public let kind: EventKind
    public let severity: Severity
    public let subject: String
    public let text: String
    public let evidence: [Evidence]
    public let actor: String?

    public init(
        sequence: UInt64, id: String, wall: WallTime, kind: EventKind, severity: Severity, subject: String,
        text: String, evidence: [Evidence], actor: String?
    ) {
        self.sequence = sequence
        self.id = id
        self.wall = wall
        self.kind = kind
        self.severity = severity
        self.subject = subject
        self.text = text
        self.evidence = evidence
        self.actor = actor
    }
}
