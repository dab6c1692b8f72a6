public import Platform

/// A condition that holds, or held and waits to be acknowledged.
public struct Alarm: Equatable, Sendable {
    /// The condition's name; there is at most one alarm of each.
    public var id: String
    public var severity: Severity
    public var subject: String
    public var text: String
    public var raised: WallTime
    public var cleared: WallTime?
    public var acknowledgedBy: String?
    public var shelvedUntil: WallTime?
    /// The alarm that explains this one: shown under it, counted once.
    public var consequenceOf: String?

    public init(id: String, severity: Severity, subject: String, text: String, raised: WallTime) {
        self.id = id
        self.severity = severity
        self.subject = subject
        self.text = text
        self.raised = raised
    }

    public var isActive: Bool { cleared == nil }
    public var isAcknowledged: Bool { acknowledgedBy != nil }
}

public enum ArmingState: String, CaseIterable, Sendable { case disarmed, stay, away, exiting, entering }
