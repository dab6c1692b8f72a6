/// Buses, the units on them and the register maps they follow.
public struct ModbusPlan: Sendable {
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]

    public init(points: [PointDefinition] = []) {
        self.points = points
    }
}
