public import Platform

/// Something that may be wrong with the container: what holds when it is, how sure one must be, and
/// how grave it is. A condition that holds is an alarm of the same name.
public struct ConditionPlan: Equatable, Sendable {
    /// What is looked at. Comparisons are strict; hysteresis is how far back the value must come.
    public enum Test: Equatable, Sendable {
        case above(point: String, limit: Double, hysteresis: Double)
        case below(point: String, limit: Double, hysteresis: Double)
        /// The point's state is one of these, by text or by code.
        case states(point: String, named: [String])
        /// The point moves faster than this, either way, seen over the window.
        case movesFasterThan(point: String, perMinute: Double, window: Nanoseconds)
        /// None of the points has a good reading.
        case absent(points: [String])
        /// Two points that should agree are further apart than this.
        case apart(point: String, from: String, limit: Double, hysteresis: Double)
        /// At least `count` of these conditions hold.
        case atLeast(count: Int, of: [String])
        /// Decided elsewhere in the Control room (arming, power budget, the agent itself).
        case external
    }

    /// What a condition is while the points it rests on cannot be trusted.
    public enum WhenUnknown: Equatable, Sendable {
        /// It stays as it was: nothing is raised and nothing is cleared without evidence.
        case hold
        /// It is raised after its delay: not knowing is as bad (smoke, leak, coolant supply).
        case raise
    }

    /// Dotted path: "ups1.on-battery".
    public var id: String
    public var test: Test
    public var severity: Severity
    /// Dotted path of what is wrong; a device or a point.
    public var subject: String
    /// One sentence for people.
    public var text: String
    public var raiseAfter: Nanoseconds
    public var clearAfter: Nanoseconds
    /// Stays in the list until acknowledged, also after it has cleared.
    public var isLatched: Bool
    /// While one of these stands, this one is its consequence.
    public var dependsOn: [String]
    public var whenUnknown: WhenUnknown
    /// What the container does while it stands, where nothing stricter holds.
    public var posture: PostureState?
    /// With `posture: conserve`: what the accelerators may draw together.
    public var postureWatts: Double?
    /// Only this accelerator's lanes drain while it stands.
    public var drainsAccelerator: String?

    public init(
        id: String, test: Test, severity: Severity, subject: String, text: String,
        raiseAfter: Nanoseconds = .zero, clearAfter: Nanoseconds = .zero, isLatched: Bool = false,
        dependsOn: [String] = [], whenUnknown: WhenUnknown = .hold, posture: PostureState? = nil,
        postureWatts: Double? = nil, drainsAccelerator: String? = nil
    ) {
        self.id = id
        self.test = test
        self.severity = severity
        self.subject = subject
        self.text = text
        self.raiseAfter = raiseAfter
        self.clearAfter = clearAfter
        self.isLatched = isLatched
        self.dependsOn = dependsOn
        self.whenUnknown = whenUnknown
        self.posture = posture
        self.postureWatts = postureWatts
        self.drainsAccelerator = drainsAccelerator
    }

    /// The points it rests on.
    public var points: [String] {
        switch test {
        case .above(let point, _, _), .below(let point, _, _), .states(let point, _), .movesFasterThan(let point, _, _):
            [point]
        case .absent(let points): points
        case .apart(let point, let other, _, _): [point, other]
        case .atLeast, .external: []
        }
    }

    /// The same condition on one device: a profile's names are relative to the device that follows it.
    public func on(device: String) -> ConditionPlan {
        func full(_ name: String) -> String { device + "." + name }
        var copy = self
        copy.id = full(id)
        copy.subject = subject.isEmpty ? device : full(subject)
        copy.text = "\(device): \(text)"
        // A dependency that names another device's condition begins with a slash: "/mains.lost".
        copy.dependsOn = dependsOn.map { $0.hasPrefix("/") ? String($0.dropFirst()) : full($0) }
        copy.test =
            switch test {
            case .above(let point, let limit, let hysteresis):
                .above(point: full(point), limit: limit, hysteresis: hysteresis)
            case .below(let point, let limit, let hysteresis):
                .below(point: full(point), limit: limit, hysteresis: hysteresis)
            case .states(let point, let names): .states(point: full(point), named: names)
            case .movesFasterThan(let point, let perMinute, let window):
                .movesFasterThan(point: full(point), perMinute: perMinute, window: window)
            case .absent(let points): .absent(points: points.map(full))
            case .apart(let point, let other, let limit, let hysteresis):
                .apart(point: full(point), from: full(other), limit: limit, hysteresis: hysteresis)
            case .atLeast(let count, let ids): .atLeast(count: count, of: ids.map(full))
            case .external: .external
            }
        return copy
    }
}
