public import Platform

/// Where events and history are kept, and how much of them.
public struct JournalPlan: Sendable {
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]
    public var folder: String
    /// The file of events may grow to this; the oldest events then give way, and are counted.
    public var eventBytesMax: Int
    public var historyBytesMax: Int
    /// Every change is kept this long, one-minute minimum, mean and maximum this long.
    public var fullRateFor: Nanoseconds
    public var minutesFor: Nanoseconds
    /// Full rate before and after each critical event, kept like the minutes.
    public var blackBoxAround: Nanoseconds
    /// Events held in memory while the storage cannot take them.
    public var eventsInMemoryMax: Int
    /// At least this often the chain's head is signed and written beside the file.
    public var checkpointEvery: Int

    public init(
        points: [PointDefinition] = [], folder: String = "/var/lib/mdc-agent", eventBytesMax: Int = 256 << 20,
        historyBytesMax: Int = 512 << 20, fullRateFor: Nanoseconds = .seconds(6 * 3600),
        minutesFor: Nanoseconds = .seconds(30 * 86_400), blackBoxAround: Nanoseconds = .seconds(300),
        eventsInMemoryMax: Int = 10_000, checkpointEvery: Int = 1000
    ) {
        self.points = points
        self.folder = folder
        self.eventBytesMax = eventBytesMax
        self.historyBytesMax = historyBytesMax
        self.fullRateFor = fullRateFor
        self.minutesFor = minutesFor
        self.blackBoxAround = blackBoxAround
        self.eventsInMemoryMax = eventsInMemoryMax
        self.checkpointEvery = checkpointEvery
    }
}
