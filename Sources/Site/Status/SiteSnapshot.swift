public import Platform

/// The whole container at one moment, made once per change by the control loop. Everything that
/// answers outsiders renders from this and from nothing else.
public struct SiteSnapshot: Sendable {
    public var site: String
    public var title: String
    public var version: String
    public var time: Moment
    public var points: PointTable
    /// One per point, in the table's order.
    public var readings: [Reading]
    public var posture: Posture
    public var arming: ArmingState = .disarmed
    public var alarms: [Alarm] = []
    public var power: [PowerFeedStatus] = []
    /// Nil where the site file asks for no energy accounts.
    public var energy: EnergyStatus?
    public var buses: [BusStatus] = []
    public var zones: [ZoneStatus] = []
    public var accelerators: [AcceleratorStatus] = []
    public var inference: InferenceStatus?
    public var upstream: UpstreamStatus?
    public var journal: JournalStatus?
    /// SHA-256 of the certificate on the TLS address, as browsers show it.
    public var certificateFingerprint: String?
    /// Threads that do not make progress, by name.
    public var stuck: [String] = []
    public var pace = ControlPace()

    public init(
        site: String, title: String, version: String, time: Moment, points: PointTable, readings: [Reading],
        posture: Posture
    ) {
        self.site = site
        self.title = title
        self.version = version
        self.time = time
        self.points = points
        self.readings = readings
        self.posture = posture
    }
}

/// How long the control loop judges: what comes meanwhile waits for it.
public struct ControlPace: Equatable, Sendable {
    public private(set) var steps: UInt64 = 0
    public private(set) var total = Nanoseconds.zero
    public private(set) var longest = Nanoseconds.zero

    public init() {}

    public mutating func add(_ step: Nanoseconds) {
        steps += 1
        total = total + step
        longest = max(longest, step)
    }
}
