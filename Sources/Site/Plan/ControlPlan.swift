public import Platform

/// Conditions, posture rules, power feeds and what may be written.
public struct ControlPlan: Sendable {
    public var conditions: [ConditionPlan]
    /// Conditions of profiles and devices that this site does without, by id.
    public var switchedOff: [String]
    public var postureRules: [PostureRulePlan]
    /// Whether the alarms of the shipped profiles have a posture of their own (UsualPosture).
    public var keepsUsualPostures: Bool
    /// How long a posture is kept after its cause has gone, so that it does not flap.
    public var postureHold: Nanoseconds
    /// How long after the start the container drains while what its posture rests on was not read yet.
    public var startGrace: Nanoseconds
    public var flood: FloodPlan
    public var feeds: [PowerFeedPlan]
    public var effectiveness: PowerUsageEffectivenessPlan?
    public var lanes: [LaneEnergyPlan]
    public var writable: [WritablePlan]

    public init(
        conditions: [ConditionPlan] = [], switchedOff: [String] = [],
        postureRules: [PostureRulePlan] = [],
        keepsUsualPostures: Bool = true, postureHold: Nanoseconds = .seconds(30),
        startGrace: Nanoseconds = .seconds(10), flood: FloodPlan = FloodPlan(), feeds: [PowerFeedPlan] = [],
        effectiveness: PowerUsageEffectivenessPlan? = nil, lanes: [LaneEnergyPlan] = [],
        writable: [WritablePlan] = []
    ) {
        self.conditions = conditions
        self.switchedOff = switchedOff
        self.postureRules = postureRules
        self.keepsUsualPostures = keepsUsualPostures
        self.postureHold = postureHold
        self.startGrace = startGrace
        self.flood = flood
        self.feeds = feeds
        self.effectiveness = effectiveness
        self.lanes = lanes
        self.writable = writable
    }
}

/// What the container does while any of some alarms stands.
public struct PostureRulePlan: Equatable, Sendable {
    /// Alarm ids; `*` stands for one word or a part of it: "*.on-battery", "zone.*.fire".
    public var alarms: [String]
    public var state: PostureState
    public var watts: Double?

    public init(alarms: [String], state: PostureState, watts: Double? = nil) {
        self.alarms = alarms
        self.state = state
        self.watts = watts
    }
}

/// When alarms come too fast to be read one by one.
public struct FloodPlan: Equatable, Sendable {
    /// More raises than this within the window are a flood. 10 in 10 minutes per operator is the
    /// flood of ANSI/ISA-18.2; nobody is on site here, so the window is one minute.
    public var alarms: Int
    public var window: Nanoseconds
    /// An alarm that comes this often within `chatterWindow` chatters, and is then kept raised until quiet.
    public var chatterCount: Int
    public var chatterWindow: Nanoseconds

    public init(
        alarms: Int = 10, window: Nanoseconds = .seconds(60), chatterCount: Int = 5,
        chatterWindow: Nanoseconds = .seconds(600)
    ) {
        self.alarms = alarms
        self.window = window
        self.chatterCount = chatterCount
        self.chatterWindow = chatterWindow
    }
}
