public import Platform

/// What the container allows its inference, in rising strictness.
public enum PostureState: UInt8, Comparable, CaseIterable, Sendable {
    case normal = 0
    /// Take work, but only as much as the watts allow.
    case conserve = 1
    /// Finish what runs, take nothing new.
    case drain = 2
    /// Take nothing.
    case stop = 3
    /// Take nothing and wipe what is held: somebody may be inside.
    case seal = 4

    public static func < (a: PostureState, b: PostureState) -> Bool { a.rawValue < b.rawValue }
    public var text: String {
        switch self {
        case .normal: "normal"
        case .conserve: "conserve"
        case .drain: "drain"
        case .stop: "stop"
        case .seal: "seal"
        }
    }
    public init?(text: String) {
        guard let match = PostureState.allCases.first(where: { $0.text == text }) else { return nil }
        self = match
    }
}

public struct Posture: Equatable, Sendable {
    public var state: PostureState
    /// One sentence: why.
    public var reason: String
    public var since: WallTime
    /// What the accelerators may draw together, while conserving.
    public var watts: Double?
    /// Names of accelerators whose lanes must drain although the container is well.
    public var drainedAccelerators: [String]

    public init(
        state: PostureState, reason: String, since: WallTime, watts: Double? = nil, drainedAccelerators: [String] = []
    ) {
        self.state = state
        self.reason = reason
        self.since = since
        self.watts = watts
        self.drainedAccelerators = drainedAccelerators
    }
}
