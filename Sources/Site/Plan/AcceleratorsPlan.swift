/// The cards the container should hold and the layouts they are read by.
public struct AcceleratorsPlan: Sendable {
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]

    public init(points: [PointDefinition] = []) {
        self.points = points
    }
}
