public import Platform

/// How the bits of a value lie in its registers.
public enum RegisterType: String, CaseIterable, Sendable {
    case unsigned16 = "u16"
    case signed16 = "i16"
    case unsigned32 = "u32"
    case signed32 = "i32"
    case unsigned48 = "u48"
    case unsigned64 = "u64"
    case signed64 = "i64"
    case float32 = "f32"
    case float64 = "f64"
    case bcd16 = "bcd16"
    case bcd32 = "bcd32"
    case text = "string"
    /// A coil or discrete input.
    case bit = "bit"

    /// Registers it takes; a text says itself, a coil takes one.
    public var words: Int {
        switch self {
        case .unsigned16, .signed16, .bcd16, .bit, .text: 1
        case .unsigned32, .signed32, .float32, .bcd32: 2
        case .unsigned48: 3
        case .unsigned64, .signed64, .float64: 4
        }
    }
    public var isInteger: Bool {
        switch self {
        case .unsigned16, .signed16, .unsigned32, .signed32, .unsigned48, .unsigned64, .signed64: true
        default: false
        }
    }
}

/// A closed range of raw register contents, as unsigned bit patterns.
public struct RawRange: Equatable, Sendable {
    public var low: UInt64
    public var high: UInt64
    public init(_ low: UInt64, _ high: UInt64) {
        self.low = low
        self.high = high
    }
    public func contains(_ raw: UInt64) -> Bool { raw >= low && raw <= high }
}

public enum PollRate: String, CaseIterable, Sendable { case fast, normal, slow }

/// One quantity in a register map.
public struct EquipmentPoint: Sendable {
    /// How text is packed: two characters per word (first in the high or the low byte), or one.
    public enum TextPacking: String, CaseIterable, Sendable {
        case highByteFirst = "high-first"
        case lowByteFirst = "low-first"
        case oneCharacter = "one"
    }

    /// Dotted path inside the device: "battery.charge".
    public var path: String
    public var title: String
    public var table: RegisterTable
    /// As on the wire (from 0); inside a SunSpec model: the offset from its id register.
    public var address: Int
    /// The SunSpec model that `address` counts from.
    public var model: Int?
    /// Which of several of that model, from 1 (a rack of batteries, an inverter with two meters).
    public var modelInstance = 1
    public var type: RegisterType
    /// Registers it takes.
    public var words: Int
    /// 32- and 64-bit values with the low word in the first register.
    public var isLowWordFirst: Bool
    /// Every word with its bytes exchanged.
    public var isByteSwapped: Bool
    public var packing: TextPacking
    /// value = offset + scale * raw / 2^fractionBits, and times 10^(the scale register)
    public var scale: Double
    public var offset: Double
    public var fractionBits: Int
    /// A register of the same table (in a SunSpec model: an offset) with a power of ten, read together with the value.
    public var scaleRegister: Int?
    /// Raw contents that mean "no value", before any scaling.
    public var invalid: [RawRange]
    /// The bits that count, from the lowest (0); nil: all.
    public var bits: ClosedRange<Int>?
    public var states: [StateText]
    public var unit: Unit
    public var rate: PollRate
    /// A value outside is not believed.
    public var plausible: ClosedRange<Double>?
    public var isVerified: Bool
    /// Read by a request of its own: its neighbours overlap or refuse.
    public var isReadAlone: Bool
    /// False for pure commands: nothing is there to be read.
    public var isReadable: Bool
    public var exchange: ExchangeMapping?
    public var write: WriteRule?
    /// What a healthy machine reads here: for documentation, simulation and tests.
    public var example: Double?
    public var exampleText: String?

    public init(
        path: String, title: String = "", table: RegisterTable, address: Int, model: Int? = nil,
        type: RegisterType = .unsigned16, words: Int? = nil, isLowWordFirst: Bool = false,
        isByteSwapped: Bool = false, packing: TextPacking = .highByteFirst, scale: Double = 1, offset: Double = 0,
        fractionBits: Int = 0, scaleRegister: Int? = nil, invalid: [RawRange] = [], bits: ClosedRange<Int>? = nil,
        states: [StateText] = [], unit: Unit = .none, rate: PollRate = .normal,
        plausible: ClosedRange<Double>? = nil, isVerified: Bool = true, isReadAlone: Bool = false,
        isReadable: Bool = true, exchange: ExchangeMapping? = nil, write: WriteRule? = nil,
        example: Double? = nil, exampleText: String? = nil
    ) {
        self.path = path
        self.title = title
        self.table = table
        self.address = address
        self.model = model
        self.type = type
        self.words = words ?? type.words
        self.isLowWordFirst = isLowWordFirst
        self.isByteSwapped = isByteSwapped
        self.packing = packing
        self.scale = scale
        self.offset = offset
        self.fractionBits = fractionBits
        self.scaleRegister = scaleRegister
        self.invalid = invalid
        self.bits = bits
        self.states = states
        self.unit = unit
        self.rate = rate
        self.plausible = plausible
        self.isVerified = isVerified
        self.isReadAlone = isReadAlone
        self.isReadable = isReadable
        self.exchange = exchange
        self.write = write
        self.example = example
        self.exampleText = exampleText
    }

    public var kind: PointDefinition.Kind {
        if type == .text { return .text }
        return states.isEmpty ? .number : .state(states)
    }
}

/// How a point may be changed, when the site allows it.
public struct WriteRule: Equatable, Sendable {
    public enum Function: Int, CaseIterable, Sendable {
        case singleCoil = 5
        case singleRegister = 6
        case coils = 15
        case registers = 16
    }
    /// One more register write that belongs to the change.
    public struct Companion: Equatable, Sendable {
        public var function: Function
        public var address: Int
        public var raw: UInt16
        public init(function: Function, address: Int, raw: UInt16) {
            self.function = function
            self.address = address
            self.raw = raw
        }
    }
    public enum ReadBack: Equatable, Sendable {
        /// The written register holds the value afterwards.
        case sameRegister
        /// Another register does.
        case register(RegisterTable, address: Int)
        /// Another register shows the effect: raw written -> raw expected there.
        case effect(RegisterTable, address: Int, expected: [Int: Int])
        /// Nothing shows it: the outcome is never better than unknown.
        case none
    }

    public var function: Function
    /// The register written, when it is not the one read.
    public var address: Int?
    /// In the point's unit. A point with states takes their codes and nothing else.
    public var limits: ClosedRange<Double>?
    /// The next register gets 65535 - raw in the same request.
    public var hasComplement: Bool
    public var before: [Companion]
    public var after: [Companion]
    /// The machine needs this long before its registers tell the truth.
    public var settle: Nanoseconds
    public var readBack: ReadBack
    /// Stops machines or drops load: asked for twice, never automatic.
    public var isDangerous: Bool

    public init(
        function: Function, address: Int? = nil, limits: ClosedRange<Double>? = nil, hasComplement: Bool = false,
        before: [Companion] = [], after: [Companion] = [], settle: Nanoseconds = .zero,
        readBack: ReadBack = .sameRegister, isDangerous: Bool = false
    ) {
        self.function = function
        self.address = address
        self.limits = limits
        self.hasComplement = hasComplement
        self.before = before
        self.after = after
        self.settle = settle
        self.readBack = readBack
        self.isDangerous = isDangerous
    }
}
