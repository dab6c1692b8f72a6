public import Platform
public import Site

/// What a zone's loop says, as the Security room judged it.
public enum ZoneReading: UInt8, Sendable {
    case normal = 0
    case alarm = 1
    case short = 2
    case open = 3
    case fault = 4
}

public struct ZoneInput: Equatable, Sendable {
    public var name: String
    /// Nil: there is no good reading.
    public var reading: ZoneReading?
    public init(name: String, reading: ZoneReading?) {
        self.name = name
        self.reading = reading
    }
}

public struct ArmingDecisions: Sendable {
    public var state: ArmingState = .disarmed
    public var events: [EventDraft] = []
    /// One for each of `Arming.conditions`: does it hold? Nil: unknown. The alarm list makes alarms of them.
    public var holding: [Bool?] = []
    /// One for each request.
    public var answers: [ControlAnswer] = []
    /// The zones' status for people, with bypasses.
    public var zones: [ZoneStatus] = []
    /// When something happens although nothing changes: an exit or entry time runs out.
    public var nextDeadline: MonotonicTime?
    public init() {}
}

/// Who may be inside: arming, entry and exit times, bypasses, and what each zone's alarm means now.
public struct Arming: Sendable {
    /// What arming can raise: fixed when the site is loaded, all with the test `.external`.
    public let conditions: [ConditionPlan]
    public private(set) var state: ArmingState = .disarmed

    public init(plan: SecurityPlan) {
        conditions = []
    }

    public mutating func step(zones: [ZoneInput], requests: [(request: ArmingRequest, actor: Actor)], now: Moment)
        -> ArmingDecisions
    {
        var decisions = ArmingDecisions()
        decisions.state = state
        decisions.answers = requests.map { _ in .refused("this site has no security zones") }
        return decisions
    }
}
