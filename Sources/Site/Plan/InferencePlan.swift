/// The serving plane: pool, models, lanes and its safe posture.
public struct InferencePlan: Sendable {
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]

    public init(points: [PointDefinition] = []) {
        self.points = points
    }
}
