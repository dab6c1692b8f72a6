/// GPIO lines and the zones made of them.
public struct SecurityPlan: Sendable {
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]

    public init(points: [PointDefinition] = []) {
        self.points = points
    }
}
