public import Platform

/// GPIO lines, the zones made of them, and how the container is armed.
public struct SecurityPlan: Sendable {
    public var source: LineSourcePlan
    public var lines: [LinePlan]
    public var zones: [ZonePlan]
    public var arming: ArmingPlan
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]

    public init(
        source: LineSourcePlan = .gpio, lines: [LinePlan] = [], zones: [ZonePlan] = [],
        arming: ArmingPlan = ArmingPlan(), points: [PointDefinition] = []
    ) {
        self.source = source
        self.lines = lines
        self.zones = zones
        self.arming = arming
        self.points = points
    }

    /// A room with no lines has nothing to do and makes no thread.
    public var isEmpty: Bool { lines.isEmpty }
}

public enum LineSourcePlan: Equatable, Sendable {
    /// The kernel's GPIO character devices, by its v2 interface where it has one.
    case gpio
    /// The same devices by libgpiod's own event calls, whatever the kernel has.
    case libgpiod
    /// The make-believe container's Unix socket.
    case simulated(socket: String)
}

/// How a line is found: by the name that the board's maker gave it, or as a place on a chip.
public enum LineAddress: Equatable, Hashable, Sendable {
    case name(String)
    /// Chips are known by label: their numbers change from boot to boot.
    case place(chip: String, offset: Int)

    public var text: String {
        switch self {
        case .name(let name): name
        case .place(let chip, let offset): "\(chip):\(offset)"
        }
    }
}

public enum LineBias: Equatable, Hashable, Sendable { case asIs, pullUp, pullDown, disabled }

/// One physical input.
public struct LinePlan: Equatable, Sendable {
    public let address: LineAddress
    public let bias: LineBias
    /// How long a level must hold before it counts.
    public let debounce: Nanoseconds
    /// Where the site file or the wiring names it: "wiring/x.yaml:12:11".
    public let writtenAt: String

    public init(address: LineAddress, bias: LineBias, debounce: Nanoseconds, writtenAt: String) {
        self.address = address
        self.bias = bias
        self.debounce = debounce
        self.writtenAt = writtenAt
    }

    /// How people and the simulator name it.
    public var name: String { address.text }
}

public enum ZoneKind: String, CaseIterable, Sendable { case door, motion, smoke, leak, tamper, mains, contact }

/// What a zone's wiring says. The raw value is the code of the zone's `state` point.
public enum ZoneState: Int, CaseIterable, Sendable {
    case normal = 0
    case alarm = 1
    /// A supervised loop whose two wires touch.
    case short = 2
    /// A supervised loop that is cut.
    case open = 3

    public var text: String {
        switch self {
        case .normal: "normal"
        case .alarm: "alarm"
        case .short: "short"
        case .open: "open"
        }
    }
}

/// A flapping zone is quieted after `count` activations within `window`, until it has been at rest
/// for `rest`.
public struct SwingerPlan: Equatable, Sendable {
    public let count: Int
    public let window: Nanoseconds
    public let rest: Nanoseconds
    public init(count: Int, window: Nanoseconds, rest: Nanoseconds) {
        self.count = count
        self.window = window
        self.rest = rest
    }
    /// Panels ship with 3 to 6 trips; a loading day has more doors than that, so 6 in ten minutes.
    public static let usual = SwingerPlan(count: 6, window: .seconds(600), rest: .seconds(300))
}

public struct ZonePlan: Equatable, Sendable {
    public let name: String
    public let title: String
    public let kind: ZoneKind
    /// Index into the plan's `lines`.
    public let line: Int
    /// The second line of a supervised pair (a changeover contact): it reads the opposite of the
    /// first, so both alike is a short or a cut.
    public let complement: Int?
    /// The contact's state while all is well. Normally closed: a cut wire reads as an alarm.
    public let isNormallyClosed: Bool
    /// What a closed contact reads: low where it pulls the line to ground, high behind most opto-inputs.
    public let closedReadsHigh: Bool
    /// In force whatever the arming: smoke, leak and tamper always are.
    public let is24Hour: Bool
    /// Also in force when somebody stays inside.
    public let isInForceInStay: Bool
    /// Zero: an instant zone.
    public let entryDelay: Nanoseconds
    public let isBypassable: Bool
    public let swinger: SwingerPlan

    public init(
        name: String, title: String, kind: ZoneKind, line: Int, complement: Int? = nil, isNormallyClosed: Bool = true,
        closedReadsHigh: Bool = false, is24Hour: Bool? = nil, isInForceInStay: Bool? = nil,
        entryDelay: Nanoseconds = .zero, isBypassable: Bool = true, swinger: SwingerPlan = .usual
    ) {
        self.name = name
        self.title = title
        self.kind = kind
        self.line = line
        self.complement = complement
        self.isNormallyClosed = isNormallyClosed
        self.closedReadsHigh = closedReadsHigh
        self.is24Hour = is24Hour ?? kind.isAlways24Hour
        self.isInForceInStay = isInForceInStay ?? (kind != .motion)
        self.entryDelay = entryDelay
        self.isBypassable = isBypassable
        self.swinger = swinger
    }

    /// The first line's level in a state; the simulator and tests wire by it.
    public func isHigh(in state: ZoneState) -> Bool {
        switch state {
        case .normal: isNormallyClosed == closedReadsHigh
        case .alarm: isNormallyClosed != closedReadsHigh
        case .short: closedReadsHigh
        case .open: !closedReadsHigh
        }
    }

    /// The complement's level in a state.
    public func isComplementHigh(in state: ZoneState) -> Bool {
        switch state {
        case .normal: isNormallyClosed != closedReadsHigh
        case .alarm: isNormallyClosed == closedReadsHigh
        case .short: closedReadsHigh
        case .open: !closedReadsHigh
        }
    }

    /// How events, alarms and points name it: apart from a device that is called the same.
    public var subject: String { "zone." + name }
    public var statePoint: String { subject + ".state" }
    public var activationsPoint: String { subject + ".activations" }
}

extension ZoneKind {
    /// Alarm-panel practice: these are never disarmed.
    public var isAlways24Hour: Bool {
        switch self {
        case .smoke, .leak, .tamper: true
        case .door, .motion, .mains, .contact: false
        }
    }

    /// Long enough for the contact's bounce, and never over the 400 ms within which EN 50131 wants an
    /// intruder or tamper signal recognised.
    public var usualDebounce: Nanoseconds {
        switch self {
        case .contact: .milliseconds(50)
        case .door, .tamper: .milliseconds(100)
        case .motion, .mains: .milliseconds(250)
        case .smoke, .leak: .milliseconds(400)
        }
    }
}

/// The delays and rights of arming, for Control.
public struct ArmingPlan: Equatable, Sendable {
    /// Time to leave after `arm away`.
    public var exitDelay: Nanoseconds
    /// An alarm during entry is local first and reported after this (EN 50131: 30 s).
    public var entryGrace: Nanoseconds
    /// A bypass lasts this long at most.
    public var bypassMax: Nanoseconds

    public init(
        exitDelay: Nanoseconds = .seconds(45), entryGrace: Nanoseconds = .seconds(30),
        bypassMax: Nanoseconds = .seconds(86_400)
    ) {
        self.exitDelay = exitDelay
        self.entryGrace = entryGrace
        self.bypassMax = bypassMax
    }
}

extension SecurityPlan {
    /// Edges that the kernel dropped because nobody read them in time, since the start.
    public static let edgesLostPoint = "security.edges-lost"

    /// The points of these zones, in Board order.
    public static func points(of zones: [ZonePlan]) -> [PointDefinition] {
        if zones.isEmpty { return [] }
        let states = ZoneState.allCases.map { StateText(code: $0.rawValue, text: $0.text) }
        var points = zones.flatMap { zone in
            [
                PointDefinition(name: zone.statePoint, title: zone.title, kind: .state(states)),
                PointDefinition(
                    name: zone.activationsPoint, title: "\(zone.title): times activated", unit: .count),
            ]
        }
        points.append(PointDefinition(name: edgesLostPoint, title: "Edges the kernel dropped", unit: .count))
        return points
    }
}
