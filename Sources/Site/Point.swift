public import Platform

/// A point's place on the Board.
public struct PointID: Hashable, Comparable, Sendable {
    public let index: Int
    public init(_ index: Int) { self.index = index }
    public static func < (a: PointID, b: PointID) -> Bool { a.index < b.index }
}

/// The text of one state of a point that is not a quantity ("on-battery").
public struct StateText: Equatable, Sendable {
    public let code: Int
    public let text: String
    public init(code: Int, text: String) {
        self.code = code
        self.text = text
    }
}

/// Where a point belongs on the DSX Exchange bus (see the Upstream room).
public struct ExchangeMapping: Equatable, Sendable {
    public var objectType: String
    public var pointType: String
    public var processArea: [String]
    public var phase: String?
    public var isSetpoint: Bool
    public init(
        objectType: String, pointType: String, processArea: [String] = [], phase: String? = nil,
        isSetpoint: Bool = false
    ) {
        self.objectType = objectType
        self.pointType = pointType
        self.processArea = processArea
        self.phase = phase
        self.isSetpoint = isSetpoint
    }
}

/// One measured or computed quantity of the container, fixed when the site is loaded.
public struct PointDefinition: Sendable {
    public enum Kind: Equatable, Sendable {
        case number
        case state([StateText])
        case text
    }

    /// Dotted path of [a-z0-9-] words: "ups1.battery.charge". The first word is the device.
    public let name: String
    public let title: String
    public let kind: Kind
    public let unit: Unit
    /// How often a fresh value is due; three times that without one is stale. Zero: only on change.
    public let interval: Nanoseconds
    /// False while the source of its address is unconfirmed: shown so to people.
    public let isVerified: Bool
    public let exchange: ExchangeMapping?

    public init(
        name: String, title: String = "", kind: Kind = .number, unit: Unit = .none,
        interval: Nanoseconds = .zero, isVerified: Bool = true, exchange: ExchangeMapping? = nil
    ) {
        self.name = name
        self.title = title
        self.kind = kind
        self.unit = unit
        self.interval = interval
        self.isVerified = isVerified
        self.exchange = exchange
    }

    public var device: String { String(name.prefix { $0 != "." }) }
    public var staleAfter: Nanoseconds { interval * 3 }

    /// A number as people and JSON see it: the state's text where it has one.
    public func stateText(of number: Double) -> String? {
        guard case .state(let states) = kind, let code = Int(exactly: number) else { return nil }
        return states.first { $0.code == code }?.text
    }
}

/// True for a dotted path of [a-z0-9-] words.
public func isPointName(_ text: some StringProtocol) -> Bool {
    var wordLength = 0
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            wordLength += 1
        case UInt8(ascii: ".") where wordLength > 0: wordLength = 0
        default: return false
        }
    }
    return wordLength > 0
}

/// All points of a site, in Board order.
public struct PointTable: Sendable {
    public let definitions: [PointDefinition]
    private let byName: [String: PointID]

    /// Names are unique: the loader has checked it; a later one of the same name would be unreachable.
    public init(_ definitions: [PointDefinition]) {
        self.definitions = definitions
        var byName: [String: PointID] = [:]
        byName.reserveCapacity(definitions.count)
        for (index, point) in definitions.enumerated() where byName[point.name] == nil {
            byName[point.name] = PointID(index)
        }
        self.byName = byName
    }

    public var count: Int { definitions.count }
    public subscript(id: PointID) -> PointDefinition { definitions[id.index] }
    public func id(of name: String) -> PointID? { byName[name] }
    public var ids: some Sequence<PointID> { (0..<definitions.count).lazy.map(PointID.init) }
}
