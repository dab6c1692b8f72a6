public import Platform

/// A limit on what feeds may draw during an interval, as a grid or an operator asks for it.
public struct PowerTarget: Equatable, Sendable {
    /// The asker's correlation id: stable, returned with everything about the target.
    public var id: String
    /// Empty: all feeds.
    public var feeds: [String]
    public var start: WallTime
    /// Nil: until replaced.
    public var end: WallTime?
    /// Nil: removes what is set for these feeds.
    public var watts: Double?
    public var isBestEffort: Bool
    public var actor: String

    public init(
        id: String, feeds: [String], start: WallTime, end: WallTime?, watts: Double?, isBestEffort: Bool = false,
        actor: String
    ) {
        self.id = id
        self.feeds = feeds
        self.start = start
        self.end = end
        self.watts = watts
        self.isBestEffort = isBestEffort
        self.actor = actor
    }
}
