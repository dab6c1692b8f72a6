public import Platform

/// One electrical feed into the container, its meters and its limits.
public struct PowerFeedPlan: Equatable, Sendable {
    /// The tag that the outside knows it by: "main-a".
    public var tag: String
    /// Points that together measure what the feed delivers; W or kW.
    public var meters: [String]
    public var minimumWatts: Double
    public var maximumWatts: Double
    /// What may be drawn while no target is set.
    public var defaultWatts: Double
    /// How fast the accelerators' allowance may fall and rise.
    public var rampDownWattsPerSecond: Double
    public var rampUpWattsPerSecond: Double
    /// How long the load may be over the target before it is a breach.
    public var breachAfter: Nanoseconds

    public init(
        tag: String, meters: [String], minimumWatts: Double = 0, maximumWatts: Double, defaultWatts: Double? = nil,
        rampDownWattsPerSecond: Double = 500, rampUpWattsPerSecond: Double = 100,
        breachAfter: Nanoseconds = .seconds(10)
    ) {
        self.tag = tag
        self.meters = meters
        self.minimumWatts = minimumWatts
        self.maximumWatts = maximumWatts
        self.defaultWatts = defaultWatts ?? maximumWatts
        self.rampDownWattsPerSecond = rampDownWattsPerSecond
        self.rampUpWattsPerSecond = rampUpWattsPerSecond
        self.breachAfter = breachAfter
    }
}

/// Power usage effectiveness after ISO/IEC 30134-2: all energy over the IT equipment's energy.
public struct PowerUsageEffectivenessPlan: Equatable, Sendable {
    /// Where the line is drawn, in words: "container incl. cooling and UPS losses; IT at the PDU outlets".
    public var boundary: String
    public var totalMeters: [String]
    public var itMeters: [String]

    public init(boundary: String, totalMeters: [String], itMeters: [String]) {
        self.boundary = boundary
        self.totalMeters = totalMeters
        self.itMeters = itMeters
    }
}

/// What a lane of the serving plane draws, so that joules per inference can be proved.
public struct LaneEnergyPlan: Equatable, Sendable {
    /// The lane's model as the serving plane names it.
    public var model: String
    public var accelerator: String
    /// Points that measure the accelerator's power.
    public var meters: [String]

    public init(model: String, accelerator: String, meters: [String]) {
        self.model = model
        self.accelerator = accelerator
        self.meters = meters
    }

    /// The lane's word in point names: what is not [a-z0-9-] becomes a dash.
    public var word: String {
        String(
            decoding: (model + "-" + accelerator).lowercased().utf8.map { byte in
                (97...122).contains(byte) || (48...57).contains(byte) ? byte : UInt8(ascii: "-")
            }, as: UTF8.self)
    }
}
