/// Conditions, posture rules, power feeds and what may be written.
public struct ControlPlan: Sendable {
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]

    public init(points: [PointDefinition] = []) {
        self.points = points
    }
}
