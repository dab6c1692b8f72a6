public import Platform

/// One file of a card: where it is, how its text becomes a value, how often, and what is wrong when.
public struct AcceleratorAttribute: Equatable, Sendable {
    public enum Source: Equatable, Sendable {
        /// A file below the place, as it is named ("power/runtime_status", "temp_input").
        case file(String)
        /// A hwmon channel found by its label, never by its number: `<kind>N_label` = label, then
        /// `<kind>N_<item>`.
        case sensor(kind: String, label: String, item: String)
    }

    public enum Parser: Equatable, Sendable {
        /// The whole text is one number, decimal or 0x.
        case integer
        /// The number that the text begins with: "16.0 GT/s PCIe", "4 (FULL 1)".
        case leadingNumber
        case text
        /// The whole text is one of the `states`.
        case state
        /// The number at the end of the line that begins with this key: "Device Error: 3", "TOTAL_ERR_COR 0".
        case keyed(String)
        /// The sum of the numbers at the ends of all lines but these.
        case sumExcept([String])
        /// The mean, or the largest, of all numbers in the text.
        case mean
        case largest
        /// One column of a comma or space separated list, counted from 1.
        case column(Int)
        /// The number after the colon in the line marked with a star: "1: 1000Mhz *".
        case starred
        /// 1 when there is any text, 0 when the file is empty.
        case isFilled
        /// The first four bytes of PCI configuration space: 0 when all are ones (nobody answers), else 1.
        case answersOnBus
    }

    /// How often: each tier's interval is the site's.
    public enum Tier: String, CaseIterable, Sendable { case liveness, fast, slow, once }

    /// What the value is for, beyond being shown.
    public enum Role: String, CaseIterable, Sendable {
        case temperature, power, serial, identity, firmware
        case driverVersion = "driver-version"
        case linkSpeed = "link-speed"
        case linkWidth = "link-width"
        case linkSpeedLimit = "link-speed-limit"
        case linkWidthLimit = "link-width-limit"
        case runtimeStatus = "runtime-status"
        case powerCap = "power-cap"
        case powerCapMin = "power-cap-min"
        case powerCapMax = "power-cap-max"
    }

    /// One value that the file can say, and what it means. `versions` gates codes that a driver moved.
    public struct State: Equatable, Sendable {
        public var value: String
        public var code: Int
        public var text: String
        public var health: AcceleratorHealth
        public var action: Verdict.Action
        public var versions: VersionRange?
        /// The finding's word, where it is no matter of this file alone: heat, say.
        public var faultCode: String?
        public init(
            value: String, code: Int, text: String, health: AcceleratorHealth, action: Verdict.Action,
            versions: VersionRange? = nil, faultCode: String? = nil
        ) {
            self.value = value
            self.code = code
            self.text = text
            self.health = health
            self.action = action
            self.versions = versions
            self.faultCode = faultCode
        }
    }

    public struct Check: Equatable, Sendable {
        public enum Rule: Equatable, Sendable {
            /// Holds after `count` of the last `window` values were beyond `limit`; ends when as many are
            /// back beyond `clear`.
            case above(limit: Double, clear: Double, count: Int, window: Int)
            case below(limit: Double, clear: Double, count: Int, window: Int)
            /// A counter that went up by more than `perMinute` within the last minute (0: at all); holds
            /// for `hold` after the last such minute. A counter that went down was reset: no fault.
            case rises(perMinute: Double, hold: Nanoseconds)
            /// Once it was seen to move, it must move within this time.
            case movesWithin(Nanoseconds)
            /// Once it was seen to move, the same value for this long is a dead sensor.
            case frozenFor(Nanoseconds)
        }
        public var rule: Rule
        public var verdict: Verdict
        public init(rule: Rule, verdict: Verdict) {
            self.rule = rule
            self.verdict = verdict
        }
    }

    /// The point's name after the card's; empty when the value is identity only and stays off the Board.
    public var point: String
    public var title: String
    /// "device" (the PCI folder), "port" (the PCI port above it) or one of the layout's places.
    public var place: String
    public var source: Source
    public var parser: Parser
    public var scale: Double
    public var unit: Unit
    public var tier: Tier
    public var role: Role?
    /// Reading it would wake a sleeping card: left alone unless the card is awake.
    public var wakes: Bool
    public var versions: VersionRange?
    /// Device ids that must not be read this way (a read that resets a counter there).
    public var exceptDevices: [Int]
    /// Without it the card's health is unknown.
    public var isRequired: Bool
    public var plausible: ClosedRange<Double>?
    public var states: [State]
    public var checks: [Check]
    public var isVerified: Bool
    /// A transitional state that lasts longer than this is a fault.
    public var transitionalLimit: Nanoseconds

    public init(
        point: String, title: String = "", place: String = "device", source: Source, parser: Parser = .integer,
        scale: Double = 1, unit: Unit = .none, tier: Tier = .fast, role: Role? = nil, wakes: Bool = false,
        versions: VersionRange? = nil, exceptDevices: [Int] = [], isRequired: Bool = false,
        plausible: ClosedRange<Double>? = nil, states: [State] = [], checks: [Check] = [], isVerified: Bool = true,
        transitionalLimit: Nanoseconds = .seconds(120)
    ) {
        self.point = point
        self.title = title
        self.place = place
        self.source = source
        self.parser = parser
        self.scale = scale
        self.unit = unit
        self.tier = tier
        self.role = role
        self.wakes = wakes
        self.versions = versions
        self.exceptDevices = exceptDevices
        self.isRequired = isRequired
        self.plausible = plausible
        self.states = states
        self.checks = checks
        self.isVerified = isVerified
        self.transitionalLimit = transitionalLimit
    }

    public var pointKind: PointDefinition.Kind {
        switch parser {
        case .text: .text
        case .state:
            .state(
                states.reduce(into: []) { kept, state in
                    if !kept.contains(where: { $0.code == state.code }) {
                        kept.append(StateText(code: state.code, text: state.text))
                    }
                })
        default: .number
        }
    }

    public var fileName: String {
        switch source {
        case .file(let name): name
        case .sensor(let kind, let label, let item): "\(kind)*_\(item) labelled \(label)"
        }
    }
}
