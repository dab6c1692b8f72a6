internal import Platform
internal import Site

/// A name under which a card is known to the rest of the house: an expected card's, or a spare one.
struct CardSlot {
    let name: String
    let expected: ExpectedAccelerator?
    let healthPoint: PointID?
    var record: CardRecord?
    var findings = Findings()
    var health = AcceleratorHealth.unknown
    var since: WallTime
    /// The last known card's, kept while it is away.
    var lastAddress = ""
    var lastSerial: String?
    var lastModel = ""
    var announced = Announced()
    var isDeterminable = false
    /// When its silence was told to its points last.
    var absentPublished = MonotonicTime.distantPast
    var canary = CanaryRecord()
    var logged = LoggedFaults()

    /// What was last told as an event.
    struct Announced {
        var health = AcceleratorHealth.ok
        var codes: [String] = []
        /// A change is told once it has stood for a while: heat may turn out to be everybody's.
        var pendingSince: MonotonicTime?
    }
}
