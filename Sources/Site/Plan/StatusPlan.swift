/// The addresses on which the agent answers, and who may ask.
public struct StatusPlan: Sendable {
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]

    public init(points: [PointDefinition] = []) {
        self.points = points
    }
}
