public import Platform
public import Site

/// What is to be done, in this order: journal the events (with `memory`), then show posture, alarms
/// and points, then hand out the writes, then answer.
public struct Decisions: Sendable {
    public var events: [EventDraft] = []
    public var posture: Posture
    /// The posture is the one before the evidence is in.
    public var isStarting = false
    public var alarms: [Alarm] = []
    /// Goes up whenever the alarm list differs.
    public var alarmsVersion: UInt64 = 0
    public var arming: ArmingState = .disarmed
    public var zones: [ZoneStatus] = []
    public var power: [PowerFeedStatus] = []
    /// Nil where the site file asks for no energy accounts.
    public var energy: EnergyStatus?
    public var published: [ComputedValue] = []
    public var writes: [WriteCommand] = []
    public var answers: [AnsweredRequest] = []
    /// What `Control.init` takes back after a restart; to be stored with the events. Nil: unchanged.
    public var memory: [UInt8]?
    /// When to step again though nothing changes.
    public var nextDeadline: MonotonicTime?

    init(posture: Posture) { self.posture = posture }

    mutating func nextDeadline(_ deadline: MonotonicTime?) {
        nextDeadline = earlier(nextDeadline, deadline)
    }

    mutating func answer(_ request: ControlRequest, _ answer: ControlAnswer) {
        answers.append(AnsweredRequest(request: request, answer: answer))
    }
}

/// The earlier of two moments, where nil is never.
func earlier(_ a: MonotonicTime?, _ b: MonotonicTime?) -> MonotonicTime? {
    guard let a, let b else { return a ?? b }
    return min(a, b)
}

public struct AnsweredRequest: Sendable {
    public let request: ControlRequest
    public let answer: ControlAnswer
}

/// A point that Control computes, for the control loop to put on the Board.
public struct ComputedValue: Equatable, Sendable {
    public let point: PointID
    /// Nil: its inputs are not good.
    public let number: Double?
}

extension Board {
    public func publish(_ computed: ComputedValue, at now: Moment) {
        if let number = computed.number {
            publish(computed.point, number, at: now)
        } else {
            publish(computed.point, .invalid, .notComputable)
        }
    }
}
