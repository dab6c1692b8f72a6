public import Platform

/// A machine's register map, as a file under Hardware/equipment describes it: plain values, checked.
/// A new kind of machine is such a file and no code.
public struct EquipmentProfile: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case ups, meter, pdu, genset, ats, battery, crac, chiller, cdu, sensor, inverter, rectifier
        case rearDoor = "rear-door"
        case heatExchanger = "heat-exchanger"
        case other
    }

    /// The file's name without ".yaml": what a site file refers to.
    public var name: String
    public var kind: Kind
    public var title: String
    public var manufacturer: String
    public var model: String
    /// Where the facts come from: documents, drivers, with their versions.
    public var source: String
    /// What a technician must know about this machine.
    public var notes: [String]
    public var manners: EquipmentManners
    public var points: [EquipmentPoint]
    /// Requests that the machine answers only as a whole; points inside one are read by it.
    public var blocks: [RegisterBlock]
    public var fingerprint: EquipmentFingerprint
    /// Conditions that make sense for every machine of this kind; the Control room makes alarms of them.
    public var alarms: [EquipmentAlarm]

    public init(
        name: String, kind: Kind, title: String, manufacturer: String, model: String, source: String,
        notes: [String] = [], manners: EquipmentManners = EquipmentManners(), points: [EquipmentPoint],
        blocks: [RegisterBlock] = [], fingerprint: EquipmentFingerprint = EquipmentFingerprint(),
        alarms: [EquipmentAlarm] = []
    ) {
        self.name = name
        self.kind = kind
        self.title = title
        self.manufacturer = manufacturer
        self.model = model
        self.source = source
        self.notes = notes
        self.manners = manners
        self.points = points
        self.blocks = blocks
        self.fingerprint = fingerprint
        self.alarms = alarms
    }

    /// True when the points' addresses are relative to SunSpec models that the machine itself lists.
    public var isSunSpec: Bool { points.contains { $0.model != nil } }
}

/// How a machine wants to be spoken to.
public struct EquipmentManners: Equatable, Sendable {
    public var unitID = 1
    /// The number of the first register in the map's own counting: 0 (as on the wire) or 1 (as many documents).
    public var firstAddress = 0
    /// Most registers in one request; 125 is the protocol's own limit.
    public var wordsMax = 125
    /// Most coils or discrete inputs in one request; 2,000 is the protocol's own limit.
    public var bitsMax = 2000
    /// Unused registers that may be read over between two points; 0 where they answer exception 2.
    public var holesMax = 8
    /// Silence before each request to this machine.
    public var gap = Nanoseconds.zero
    /// Silence after a write.
    public var gapAfterWrite = Nanoseconds.zero
    /// How long an answer may take; nil: as the bus says.
    public var timeout: Nanoseconds?
    /// How long after its timeout an answer may still arrive.
    public var latest: Nanoseconds?
    /// "9600 8N1": the factory setting on a serial line, for discovery.
    public var serial: SerialSettings?
    /// Whether TCP machines of this kind accept one client only: the connection is given back between polls.
    public var isSingleConnection = false

    public init() {}
}

/// A run of registers that is read by exactly one request.
public struct RegisterBlock: Equatable, Sendable {
    public var table: RegisterTable
    /// As on the wire.
    public var address: Int
    public var count: Int
    public init(table: RegisterTable, address: Int, count: Int) {
        self.table = table
        self.address = address
        self.count = count
    }
}

public enum RegisterTable: String, CaseIterable, Sendable {
    case coil, discrete, holding, input
    /// The function that reads it.
    public var readFunction: UInt8 {
        switch self {
        case .coil: 1
        case .discrete: 2
        case .holding: 3
        case .input: 4
        }
    }
    public var holdsBits: Bool { self == .coil || self == .discrete }
}

/// What tells `identify` that a machine is one of these.
public struct EquipmentFingerprint: Equatable, Sendable {
    /// Texts that the answer to function 43/14 contains: vendor, product code, model.
    public var vendor: String?
    public var product: String?
    /// Registers whose values are characteristic, all of them.
    public var registers: [RegisterValue] = []

    public struct RegisterValue: Equatable, Sendable {
        public var table: RegisterTable
        public var address: Int
        /// Raw values, any of them; for a text: its words' bytes begin with `text`.
        public var values: [RawRange]
        public var text: String?
        public init(table: RegisterTable, address: Int, values: [RawRange], text: String? = nil) {
            self.table = table
            self.address = address
            self.values = values
            self.text = text
        }
    }

    public init() {}
    public var isEmpty: Bool { vendor == nil && product == nil && registers.isEmpty }
}

/// A condition on one point that is worth an alarm on any machine of this kind.
public struct EquipmentAlarm: Equatable, Sendable {
    public enum Condition: Equatable, Sendable {
        /// The point's state has this code.
        case state(Int)
        case above(Double)
        case below(Double)
    }
    /// A word: the alarm is "<device>.<name>".
    public var name: String
    /// The point's path inside the device.
    public var point: String
    public var condition: Condition
    public var holdFor: Nanoseconds
    public var severity: Severity
    public var text: String
    public init(
        name: String, point: String, condition: Condition, holdFor: Nanoseconds, severity: Severity, text: String
    ) {
        self.name = name
        self.point = point
        self.condition = condition
        self.holdFor = holdFor
        self.severity = severity
        self.text = text
    }
}
