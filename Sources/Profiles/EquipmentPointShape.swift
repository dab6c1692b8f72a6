internal import Platform
internal import Site

/// What a map says once for all its points.
struct PointDefaults {
    var firstAddress: Int
    var objectType: String?
    var isLowWordFirst: Bool
    var invalid: [(key: String, value: [RawRange])]
}

/// `holding: 40`: the table and the register in one key.
struct RegisterPlace {
    let table: RegisterTable
    let address: Int

    static func read(_ fields: Fields, first: Int) -> RegisterPlace? {
        var places: [RegisterPlace] = []
        for table in RegisterTable.allCases {
            if let number = fields.optional(table.rawValue, .integer(first...65535 + first), "Register number") {
                places.append(RegisterPlace(table: table, address: number - first))
            }
        }
        let given = RegisterTable.allCases.filter { fields.has($0.rawValue) }
        if given.count != 1 {
            fields.report(given.first?.rawValue ?? "", "expected one of 'holding', 'input', 'coil', 'discrete'")
        }
        return places.count == 1 ? places[0] : nil
    }
}

extension Shape where Value == RawRange {
    /// 0xFFFF, or 0xFFF8..0xFFFF; a negative number is meant as 16 bits.
    static var rawRange: Shape {
        .scalar(
            .anyOf([.integer(Int.min...Int.max), .string(pattern: "^(0x)?[0-9A-Fa-f]+(\\.\\.(0x)?[0-9A-Fa-f]+)?$")]),
            expected: "a raw value such as 0x7FFF, or a range such as 0xFFF8..0xFFFF"
        ) { text in
            guard let dots = text.firstRange(of: "..") else { return raw(text).map { RawRange($0, $0) } }
            guard let low = raw(text[..<dots.lowerBound]), let high = raw(text[dots.upperBound...]), low <= high
            else { return nil }
            return RawRange(low, high)
        }
    }

    private static func raw(_ text: some StringProtocol) -> UInt64? {
        if text.hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16) }
        if text.hasPrefix("-") { return Int16(text).map { UInt64(UInt16(bitPattern: $0)) } }
        return UInt64(text)
    }
}

extension Shape where Value == [EquipmentPoint] {
    /// The points of a map, or of one SunSpec model. An entry with `flags` is several points.
    static func equipmentPoints(_ defaults: PointDefaults, model: Int?) -> Shape {
        Shape<[(key: String, value: PointEntry)]>.dictionary(key: .pointName, of: .pointEntry(defaults, model: model))
            .map { entries in entries.flatMap { path, entry in entry.points(path) } }
    }
}

/// One entry under `points`: a point, and the bits of it that are points of their own.
struct PointEntry {
    var point: EquipmentPoint
    var flags: [(bit: Int, word: String)]

    func points(_ path: String) -> [EquipmentPoint] {
        var whole = point
        whole.path = path
        if flags.isEmpty {
            if whole.title.isEmpty { whole.title = titleText(path) }
            return [whole]
        }
        return flags.map { bit, word in
            var flag = whole
            flag.path = path + "." + word
            flag.title =
                whole.title.isEmpty ? titleText(path) + ": " + titleText(word) : whole.title + ": " + titleText(word)
            flag.bits = bit...bit
            if flag.states.isEmpty { flag.states = PointEntry.noAndYes }
            return flag
        }
    }

    static let noAndYes = [StateText(code: 0, text: "no"), StateText(code: 1, text: "yes")]

    /// "battery.charge-level" -> "battery charge level"
    private func titleText(_ path: String) -> String {
        String(path.map { $0 == "." || $0 == "-" ? " " : $0 })
    }
}

extension Shape where Value == PointEntry {
    static func pointEntry(_ defaults: PointDefaults, model: Int?) -> Shape {
        .object("a point") { fields in
            let place: RegisterPlace?
            if model == nil {
                place = RegisterPlace.read(fields, first: defaults.firstAddress)
            } else {
                place = fields.required("at", .integer(0...65535), "Offset from the model's id register")
                    .map { RegisterPlace(table: .holding, address: $0) }
            }
            let holdsBits = place?.table.holdsBits ?? false
            var point = EquipmentPoint(path: "", table: place?.table ?? .holding, address: place?.address ?? 0)
            point.model = model
            readLayout(fields, defaults, holdsBits, &point)
            let flags = readMeaning(fields, &point)
            readExchange(fields, defaults, &point)
            let rule = fields.optional(
                "write", .writeRule(first: model == nil ? defaults.firstAddress : 0, isBit: holdsBits),
                "How it is changed, when the site allows it; absent: never")
            point.write = rule
            checkWrite(fields, point)
            return place == nil ? nil : PointEntry(point: point, flags: flags)
        }
    }

    /// Where the bits are.
    private static func readLayout(
        _ fields: Fields, _ defaults: PointDefaults, _ holdsBits: Bool, _ point: inout EquipmentPoint
    ) {
        point.type = fields.optional(
            "type", .choice(RegisterType.allCases.map { ($0.rawValue, $0) }),
            default: holdsBits ? .bit : .unsigned16, "How the value lies in its registers")
        if holdsBits != (point.type == .bit) { fields.report("type", "type 'bit' and coils or discretes go together") }
        let length = fields.optional("length", .integer(1...125), "Registers of a string")
        if (point.type == .text) != (length != nil) {
            fields.report("length", "'length' goes with type string, and only with it")
        }
        point.words = length ?? point.type.words
        point.isLowWordFirst = fields.optional(
            "words", .choice([("high-first", false), ("low-first", true)]), default: defaults.isLowWordFirst,
            "Which word comes first")
        point.isByteSwapped = fields.optional(
            "swap-bytes", .flag, default: false, "Every register has its bytes exchanged")
        point.packing = fields.optional(
            "characters", .choice(EquipmentPoint.TextPacking.allCases.map { ($0.rawValue, $0) }),
            default: .highByteFirst, "How a string's characters lie in a register")
        let bit = fields.optional("bit", .integer(0...63), "The one bit that counts, from the lowest: 0")
        let bits = fields.optional("bits", .bitRange, "The bits that count: 4..7")
        point.bits = bits ?? bit.map { $0...$0 }
        if bit != nil && bits != nil { fields.report("bit", "expected 'bit' or 'bits', not both") }
        if let last = point.bits?.upperBound, !point.type.isInteger || last >= point.words * 16 {
            fields.report(bits == nil ? "bit" : "bits", "type \(point.type.rawValue) has no bit \(last)")
        }
        let invalid = fields.optional("invalid", .list(of: .rawRange), "Raw codes that mean 'no value'")
        point.invalid = invalid ?? defaults.invalid.first { $0.key == point.type.rawValue }?.value ?? []
        point.isReadAlone = fields.optional("alone", .flag, default: false, "Read by a request of its own")
    }

    /// What the bits mean. Returns the bits that are points of their own.
    private static func readMeaning(_ fields: Fields, _ point: inout EquipmentPoint) -> [(bit: Int, word: String)] {
        point.title = fields.optional("title", .text, default: "", "What people call it; otherwise made from the path")
        point.unit = fields.optional(
            "unit", .choice(Unit.allCases.filter { $0 != .none }.map { ($0.rawValue, $0) }), default: .none)
        point.scale = fields.optional("scale", .number(), default: 1, "value = offset + scale * raw / 2^binary")
        point.offset = fields.optional("offset", .number(), default: 0, "In the point's unit: -273.15 for Kelvin")
        point.fractionBits = fields.optional(
            "binary", .integer(0...62), default: 0, "Binary fixed point: fraction bits")
        point.scaleRegister = fields.optional("scale-at", .integer(0...65535), "Register of the power of ten")
        if point.scale == 0 { fields.report("scale", "found 0, expected another number") }
        let states = fields.optional("states", .stateTexts, default: [], "code: text")
        let flags = fields.optional(
            "flags", .dictionary(key: bitNumber, of: .word), default: [], "bit: word; every bit is a point of its own")
        point.states = states
        if states.isEmpty && (point.type == .bit || point.bits.map { $0.count == 1 } ?? false) {
            point.states = PointEntry.noAndYes
        }
        for flag in flags where !point.type.isInteger || (Int(flag.key) ?? 0) >= point.words * 16 {
            fields.report("flags", "type \(point.type.rawValue) has no bit \(flag.key)")
        }
        point.rate = fields.optional(
            "rate", .choice(PollRate.allCases.map { ($0.rawValue, $0) }), default: .normal,
            "fast: alarms and power; slow: nameplates and counters")
        point.plausible = fields.optional("plausible", .numberRange, "[lowest, highest] that is physically possible")
        point.isVerified = fields.optional("verified", .flag, default: true, "false: the source is uncertain")
        point.isReadable = fields.optional("readable", .flag, default: true, "false: a pure command")
        point.example = fields.optional("example", .number(), "What a healthy machine reads here")
        point.exampleText = fields.optional("example-text", .text, "The same for a string")
        return flags.compactMap { key, word in Int(key).map { ($0, word) } }
    }

    private static func readExchange(_ fields: Fields, _ defaults: PointDefaults, _ point: inout EquipmentPoint) {
        let pointType = fields.optional("exchange", .text, "DSX Exchange pointType")
        let object = fields.optional("object", .text, "DSX Exchange objectType, when not the map's")
        let area = fields.optional("area", .list(of: .text), default: [], "DSX Exchange processArea")
        let phase = fields.optional("phase", .text, "DSX Exchange phase: A, B, C, AB ...")
        let isSetpoint = fields.optional("setpoint", .flag, default: false, "DSX Exchange: a set-point")
        guard let pointType else { return }
        guard let objectType = object ?? defaults.objectType else {
            fields.report("exchange", "no objectType: say 'object' here, or 'exchange' for the whole map")
            return
        }
        point.exchange = ExchangeMapping(
            objectType: objectType, pointType: pointType, processArea: area, phase: phase, isSetpoint: isSetpoint)
    }

    private static func checkWrite(_ fields: Fields, _ point: EquipmentPoint) {
        guard let rule = point.write else {
            if !point.isReadable { fields.report("readable", "a point that is neither read nor written is none") }
            return
        }
        if rule.limits == nil && point.states.isEmpty {
            fields.report("write", "a writable number needs 'min' and 'max' (or the point needs 'states')")
        }
        if point.type == .text || point.bits != nil {
            fields.report("write", "strings and single bits of registers cannot be written")
        }
        if point.table == .input || point.table == .discrete, rule.address == nil {
            fields.report("write", "'\(point.table.rawValue)' cannot be written: say the 'register' that can")
        }
        if !point.isReadable, rule.readBack == .sameRegister {
            fields.report("write", "not readable: say 'readback', or 'readback: none'")
        }
    }

    private static var bitNumber: Shape<String> {
        .scalar(.string(pattern: "^[0-9]+$"), expected: "a bit's number from 0 to 63") { text in
            Int(text).flatMap { (0...63).contains($0) ? text : nil }
        }
    }
}

extension Shape where Value == ClosedRange<Int> {
    /// "4..7"
    static var bitRange: Shape {
        .scalar(.string(pattern: "^[0-9]+\\.\\.[0-9]+$"), expected: "bits such as 4..7") { text in
            let ends = text.split(separator: ".", omittingEmptySubsequences: true).compactMap { Int($0) }
            guard ends.count == 2, text.holds(".."), ends[0] <= ends[1], ends[1] < 64 else { return nil }
            return ends[0]...ends[1]
        }
    }
}

extension Shape where Value == ClosedRange<Double> {
    /// [lowest, highest]
    static var numberRange: Shape {
        Shape<[Double]>.list(of: .number(), atLeast: 2, atMost: 2).then { ends, node, faults in
            guard ends[0] <= ends[1] else {
                faults.report(node.position, "found \(ends[0]) before \(ends[1]), expected the lower first")
                return nil
            }
            return ends[0]...ends[1]
        }
    }
}

extension Shape where Value == [StateText] {
    /// `{0: closed, 1: open}`
    static var stateTexts: Shape {
        let code: Shape<String> = .scalar(.string(pattern: "^-?(0x)?[0-9A-Fa-f]+$"), expected: "a whole number") {
            text in
            (text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)).map { "\($0)" }
        }
        return Shape<[(key: String, value: String)]>.dictionary(key: code, of: .text).map { entries in
            entries.compactMap { key, text in Int(key).map { StateText(code: $0, text: text) } }
        }
    }
}
