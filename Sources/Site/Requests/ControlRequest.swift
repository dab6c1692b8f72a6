public import Platform

/// How far somebody may go.
public enum Authority: UInt8, Comparable, CaseIterable, Sendable {
    case viewer = 0
    /// A system upstream, within the fence the site file draws for it.
    case upstream = 1
    case technician = 2
    case engineer = 3

    public static func < (a: Authority, b: Authority) -> Bool { a.rawValue < b.rawValue }
    public var text: String {
        switch self {
        case .viewer: "viewer"
        case .upstream: "upstream"
        case .technician: "technician"
        case .engineer: "engineer"
        }
    }
    public init?(text: String) {
        guard let match = Authority.allCases.first(where: { $0.text == text }) else { return nil }
        self = match
    }
}

/// Who asks, and through which door: "technician@console", "upstream:isv-a".
public struct Actor: Equatable, Sendable {
    public var name: String
    public var authority: Authority
    public init(_ name: String, _ authority: Authority) {
        self.name = name
        self.authority = authority
    }
}

/// Something somebody wants changed. Any room sends it into the control loop's mailbox; every one is
/// answered exactly once, after what it changed is in the journal.
public struct ControlRequest: Sendable {
    public enum Kind: Equatable, Sendable {
        case acknowledge(alarm: String)
        case acknowledgeAll
        /// Hides an alarm from people for a while; what it does to the posture stays.
        case shelve(alarm: String, span: Nanoseconds, reason: String)
        case unshelve(alarm: String)
        case arming(ArmingRequest)
        case powerTargets([PowerTarget])
        /// `hold`: how long the value stands before the safe value is written back.
        case write(point: String, value: Double, purpose: String, hold: Nanoseconds?)
    }

    public var actor: Actor
    public var kind: Kind
    /// Called by the control loop; must only hand over (a mailbox, an eventfd).
    public var answer: (@Sendable (ControlAnswer) -> Void)?

    public init(actor: Actor, kind: Kind, answer: (@Sendable (ControlAnswer) -> Void)? = nil) {
        self.actor = actor
        self.kind = kind
        self.answer = answer
    }
}

public enum ControlAnswer: Equatable, Sendable {
    case done(String)
    /// Why not now, in a sentence a person can act on.
    case refused(String)
    /// There is no such alarm, zone or feed.
    case notFound(String)
    /// The asker may not.
    case forbidden(String)
    case written(WriteOutcome)

    /// Why nothing was done; nil where something was.
    public var refusal: String? {
        switch self {
        case .refused(let why), .notFound(let why), .forbidden(let why): why
        case .done, .written: nil
        }
    }
}

public enum ArmingRequest: Equatable, Sendable {
    case arm(ArmingState)
    case disarm
    case bypass(zone: String)
    case unbypass(zone: String)
    case walkTest(Bool)
}
