public import Platform

/// Buses, the units on them and the register maps they follow.
public struct ModbusPlan: Sendable {
    public var buses: [ModbusBus]

    public init(buses: [ModbusBus] = []) { self.buses = buses }

    /// The points that this section puts on the Board: units in file order, points in their map's order.
    public var points: [PointDefinition] {
        buses.flatMap { bus in bus.units.flatMap { unit in unit.points.compactMap { unit.definition(of: $0) } } }
    }
}

/// Speed and framing of a serial line.
public struct SerialSettings: Equatable, Sendable, CustomStringConvertible {
    public enum Parity: String, CaseIterable, Sendable {
        case none = "N"
        case even = "E"
        case odd = "O"
    }
    public var baud: Int
    public var parity: Parity
    public var stopBits: Int
    public init(baud: Int, parity: Parity, stopBits: Int) {
        self.baud = baud
        self.parity = parity
        self.stopBits = stopBits
    }
    /// "19200 8E1"
    public var description: String { "\(baud) 8\(parity.rawValue)\(stopBits)" }
    public var bitsPerCharacter: Int { 1 + 8 + (parity == .none ? 0 : 1) + stopBits }
}

/// How the outside of a bus is reached.
public enum ModbusLink: Equatable, Sendable, CustomStringConvertible {
    case tcp(host: String, port: Int)
    /// A serial line's frames through a TCP server that knows nothing of Modbus.
    case rtuOverTCP(host: String, port: Int)
    case rtu(device: String, SerialSettings, kernelRS485: Bool)

    public var description: String {
        switch self {
        case .tcp(let host, let port): "tcp \(host):\(port)"
        case .rtuOverTCP(let host, let port): "rtu-over-tcp \(host):\(port)"
        case .rtu(let device, let settings, _): "rtu \(device) \(settings)"
        }
    }
}

/// One connection or serial line: one owner thread, one request at a time.
public struct ModbusBus: Sendable {
    public var name: String
    public var link: ModbusLink
    /// How long an answer may take, unless a unit says otherwise.
    public var timeout: Nanoseconds
    public var connectTimeout: Nanoseconds
    /// Silence between any two requests (serial lines keep at least 3.5 characters by themselves).
    public var gap: Nanoseconds
    /// Give the connection back between polls, for machines that serve one client only.
    public var isReleasedBetweenPolls: Bool
    public var units: [ModbusUnit]

    public init(
        name: String, link: ModbusLink, timeout: Nanoseconds = .seconds(1),
        connectTimeout: Nanoseconds = .seconds(3), gap: Nanoseconds = .zero, isReleasedBetweenPolls: Bool = false,
        units: [ModbusUnit]
    ) {
        self.name = name
        self.link = link
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.gap = gap
        self.isReleasedBetweenPolls = isReleasedBetweenPolls
        self.units = units
    }
}

/// How often each class of points is read.
public struct PollIntervals: Equatable, Sendable {
    public var fast: Nanoseconds
    public var normal: Nanoseconds
    public var slow: Nanoseconds
    public init(fast: Nanoseconds = .seconds(1), normal: Nanoseconds = .seconds(5), slow: Nanoseconds = .seconds(600)) {
        self.fast = fast
        self.normal = normal
        self.slow = slow
    }
    public subscript(rate: PollRate) -> Nanoseconds {
        switch rate {
        case .fast: fast
        case .normal: normal
        case .slow: slow
        }
    }
}

/// One machine on a bus, with the part of its map that this site uses.
public struct ModbusUnit: Sendable {
    /// A word: the first of all its points' names.
    public var name: String
    public var title: String
    public var unitID: Int
    public var profile: EquipmentProfile
    public var intervals: PollIntervals
    /// Overrides of the map's manners.
    public var timeout: Nanoseconds?
    public var gap: Nanoseconds?
    /// What is left of the profile's points after the site's `only` and `except`.
    public var points: [EquipmentPoint]
    /// What the site lets anyone write, by path. Empty: nothing.
    public var writable: [WritablePoint]

    public init(
        name: String, title: String = "", unitID: Int, profile: EquipmentProfile,
        intervals: PollIntervals = PollIntervals(), timeout: Nanoseconds? = nil, gap: Nanoseconds? = nil,
        points: [EquipmentPoint]? = nil, writable: [WritablePoint] = []
    ) {
        self.name = name
        self.title = title
        self.unitID = unitID
        self.profile = profile
        self.intervals = intervals
        self.timeout = timeout
        self.gap = gap
        self.points = points ?? profile.points
        self.writable = writable
    }

    public func pointName(_ point: EquipmentPoint) -> String { "\(name).\(point.path)" }

    /// The Board's view of a point; nil for a pure command.
    public func definition(of point: EquipmentPoint) -> PointDefinition? {
        guard point.isReadable else { return nil }
        return PointDefinition(
            name: pointName(point), title: point.title, kind: point.kind, unit: point.unit,
            interval: intervals[point.rate], isVerified: point.isVerified, exchange: point.exchange)
    }
}

/// One entry of a site's allow-list.
public struct WritablePoint: Equatable, Sendable {
    public var path: String
    /// The site's own limits, inside those of the map.
    public var limits: ClosedRange<Double>?
    /// Least time between two changes.
    public var minimumInterval: Nanoseconds
    public init(path: String, limits: ClosedRange<Double>? = nil, minimumInterval: Nanoseconds = .seconds(10)) {
        self.path = path
        self.limits = limits
        self.minimumInterval = minimumInterval
    }
}
