public import Platform

/// Where each feed stands between what it may draw and what it draws: what goes upstream.
public struct PowerFeedStatus: Equatable, Sendable {
    public enum Transition: String, Sendable {
        case periodic
        case targetSet = "target_set"
        case startRampDown = "start_ramp_down"
        case endRampDown = "end_ramp_down"
        case startRampUp = "start_ramp_up"
        case endRampUp = "end_ramp_up"
    }

    public var tag: String
    public var minimumWatts: Double
    public var maximumWatts: Double
    public var defaultWatts: Double
    /// Active and to come, in order of start.
    public var targets: [PowerTarget]
    public var activeTarget: PowerTarget?
    /// What the feed may draw right now, somewhere on the ramp.
    public var allowedWatts: Double
    /// What the load comes to when everyone keeps to what is allowed.
    public var calculatedWatts: Double
    /// Nil while a meter is not good.
    public var measuredWatts: Double?
    public var isRamping: Bool
    public var lastTransition: Transition
    public var eventStart: WallTime?
    public var isCompliant: Bool
    public var breach: PowerBreach?
    public var energyWattHours: Double

    public init(
        tag: String, minimumWatts: Double, maximumWatts: Double, defaultWatts: Double, targets: [PowerTarget] = [],
        activeTarget: PowerTarget? = nil, allowedWatts: Double, calculatedWatts: Double,
        measuredWatts: Double? = nil, isRamping: Bool = false, lastTransition: Transition = .periodic,
        eventStart: WallTime? = nil, isCompliant: Bool = true, breach: PowerBreach? = nil, energyWattHours: Double = 0
    ) {
        self.tag = tag
        self.minimumWatts = minimumWatts
        self.maximumWatts = maximumWatts
        self.defaultWatts = defaultWatts
        self.targets = targets
        self.activeTarget = activeTarget
        self.allowedWatts = allowedWatts
        self.calculatedWatts = calculatedWatts
        self.measuredWatts = measuredWatts
        self.isRamping = isRamping
        self.lastTransition = lastTransition
        self.eventStart = eventStart
        self.isCompliant = isCompliant
        self.breach = breach
        self.energyWattHours = energyWattHours
    }
}

/// The load is over an active target.
public struct PowerBreach: Equatable, Sendable {
    public enum State: String, Sendable { case active, escalated, resolved }

    /// UUID; the same from active over escalated to resolved.
    public var id: String
    public var feed: String
    public var state: State
    /// More than 20 % over the target.
    public var isCritical: Bool
    public var detected: WallTime
    public var resolved: WallTime?
    public var target: PowerTarget
    public var measuredWatts: Double

    public init(
        id: String, feed: String, state: State, isCritical: Bool, detected: WallTime, resolved: WallTime? = nil,
        target: PowerTarget, measuredWatts: Double
    ) {
        self.id = id
        self.feed = feed
        self.state = state
        self.isCritical = isCritical
        self.detected = detected
        self.resolved = resolved
        self.target = target
        self.measuredWatts = measuredWatts
    }
}

/// What energy went where. Only what was measured counts: nil where a meter was not good, or nothing ran.
public struct EnergyStatus: Equatable, Sendable {
    public struct Lane: Equatable, Sendable {
        public var model: String
        public var accelerator: String
        /// Over about the last minute.
        public var joulesPerInference: Double?
        public var joules: Double
        public var inferences: UInt64

        public init(
            model: String, accelerator: String, joulesPerInference: Double?, joules: Double, inferences: UInt64
        ) {
            self.model = model
            self.accelerator = accelerator
            self.joulesPerInference = joulesPerInference
            self.joules = joules
            self.inferences = inferences
        }
    }

    /// Where the site file draws the line between IT and the rest; nil: it does not ask for PUE.
    public var boundary: String?
    public var totalWatts: Double?
    public var itWatts: Double?
    public var totalWattHours = 0.0
    public var itWattHours = 0.0
    /// Power usage effectiveness (ISO/IEC 30134-2), over about five minutes and since the accounts began.
    public var effectiveness: Double?
    public var effectivenessOverall: Double?
    public var lanes: [Lane] = []

    public init(boundary: String?) { self.boundary = boundary }
}
