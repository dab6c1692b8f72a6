internal import Platform
internal import Site

extension Shape where Value == EquipmentProfile {
    /// A file under Hardware/equipment. Register numbers are written as the maker's document counts them;
    /// `first-address` says where that is 1.
    static func equipment(name: String) -> Shape {
        .object("the machine's map") { fields in
            let kind = fields.required(
                "kind", .choice(EquipmentProfile.Kind.allCases.map { ($0.rawValue, $0) }), "What sort of machine it is")
            let title = fields.required("title", .text, "What people call it")
            let manufacturer = fields.required("manufacturer", .text)
            let model = fields.required("model", .text, "The models that this map was written for")
            let source = fields.required("source", .text, "Where the facts come from: document and version")
            let notes = fields.optional("notes", .list(of: .text), default: [], "What a technician must know")
            let manners = fields.optional(
                "manners", .manners, default: EquipmentManners(), "How the machine wants to be spoken to")
            let defaults = PointDefaults(
                firstAddress: manners.firstAddress,
                objectType: fields.optional("exchange", .text, "DSX Exchange objectType of the points"),
                isLowWordFirst: fields.optional(
                    "words", .choice([("high-first", false), ("low-first", true)]), default: false,
                    "Which word of 32- and 64-bit values comes first"),
                invalid: fields.optional(
                    "invalid", .dictionary(key: registerTypeName, of: .list(of: .rawRange)), default: [],
                    "Codes that mean 'no value', by type: {u16: [0xFFFF]}")
            )
            let points = fields.optional(
                "points", .equipmentPoints(defaults, model: nil), default: [],
                "path: {holding|input|coil|discrete: number, type: ..., ...}")
            let models = fields.optional(
                "sunspec", .dictionary(key: modelNumber, of: .sunSpecModel(defaults)), default: [],
                "Points by SunSpec model number; `at` counts from the model's id register")
            let blocks = fields.optional(
                "blocks", .list(of: .registerBlock(first: manners.firstAddress)), default: [],
                "Runs of registers that the machine answers only as a whole")
            let fingerprint = fields.optional(
                "identify", .fingerprint(first: manners.firstAddress), default: EquipmentFingerprint(),
                "What tells that a machine is one of these")
            let all = points + models.flatMap { number, make in make(Int(number) ?? 0) }
            let alarms = fields.optional(
                "alarms", .list(of: .equipmentAlarm(points: all)), default: [],
                "Conditions worth an alarm on every machine of this kind")
            guard let kind, let title, let manufacturer, let model, let source else { return nil }
            if all.isEmpty { fields.report("points", "the map has no points") }
            reportDoublePaths(all, fields)
            return EquipmentProfile(
                name: name, kind: kind, title: title, manufacturer: manufacturer, model: model, source: source,
                notes: notes, manners: manners, points: all, blocks: blocks, fingerprint: fingerprint, alarms: alarms)
        }
    }

    private static var registerTypeName: Shape<String> {
        .choice(RegisterType.allCases.filter { $0 != .bit && $0 != .text }.map { ($0.rawValue, $0.rawValue) })
    }

    private static var modelNumber: Shape<String> {
        .scalar(.string(pattern: "^[0-9]+$"), expected: "a SunSpec model number") { text in
            Int(text).flatMap { (1...65534).contains($0) ? text : nil }
        }
    }

    private static func reportDoublePaths(_ points: [EquipmentPoint], _ fields: Fields) {
        var seen: Set<String> = []
        for point in points where !seen.insert(point.path).inserted {
            fields.report("points", "two points have the path '\(point.path)'")
        }
    }
}

extension Shape where Value == (Int) -> [EquipmentPoint] {
    /// `103: {prefix: inverter, points: {watts: {at: 14, ...}}}`
    static func sunSpecModel(_ defaults: PointDefaults) -> Shape {
        .object("a SunSpec model") { fields in
            let prefix = fields.required("prefix", .word, "First word of its points' paths")
            let make = fields.required(
                "points", .sunSpecPoints(defaults), "path: {at: offset, type: ..., ...}")
            guard let prefix, let make else { return nil }
            return { model in
                make(model).map { point in
                    var point = point
                    point.path = prefix + "." + point.path
                    return point
                }
            }
        }
    }

    static func sunSpecPoints(_ defaults: PointDefaults) -> Shape {
        // The model's number is the key above: known only to the caller.
        Shape<[EquipmentPoint]>.equipmentPoints(defaults, model: 0).map { points in
            { model in
                points.map { point in
                    var point = point
                    point.model = model
                    return point
                }
            }
        }
    }
}

extension Shape where Value == EquipmentManners {
    static var manners: Shape {
        .object("manners") { fields in
            var manners = EquipmentManners()
            manners.unitID = fields.optional("unit", .integer(0...255), default: 1, "Factory unit id")
            manners.firstAddress = fields.optional(
                "first-address", .integer(0...1), default: 0,
                "The number that this map gives to the first register: 0 as on the wire, 1 as many documents count")
            manners.wordsMax = fields.optional("words-max", .integer(1...125), default: 125, "Registers per request")
            manners.bitsMax = fields.optional("bits-max", .integer(1...2000), default: 2000, "Coils per request")
            manners.holesMax = fields.optional(
                "holes", .integer(0...124), default: 8,
                "Unused registers that may be read over between two points; 0 where they answer exception 2")
            manners.gap = fields.optional(
                "gap", .duration(.zero ... .seconds(10)), default: .zero, "Silence before each request")
            manners.gapAfterWrite = fields.optional(
                "gap-after-write", .duration(.zero ... .seconds(60)), default: .zero, "Silence after a write")
            manners.timeout = fields.optional(
                "timeout", .duration(.milliseconds(20) ... .seconds(30)), "How long an answer may take")
            manners.latest = fields.optional(
                "latest", .duration(.milliseconds(20) ... .seconds(60)),
                "How long after its timeout an answer may still arrive")
            manners.serial = fields.optional("serial", .serialSettings, "Factory setting: 9600 8N1")
            manners.isSingleConnection = fields.optional(
                "single-connection", .flag, default: false, "Serves one TCP client at a time")
            return manners
        }
    }
}

extension Shape where Value == SerialSettings {
    /// "19200 8E1"
    static var serialSettings: Shape {
        .scalar(
            .string(pattern: "^[0-9]+ 8[NEO][12]$"), expected: "speed, 8, parity and stop bits, such as 19200 8E1"
        ) { text in
            let words = text.split(separator: " ")
            guard words.count == 2, let baud = Int(words[0]), (300...4_000_000).contains(baud) else { return nil }
            let frame = Array(words[1])
            guard frame.count == 3, frame[0] == "8", let parity = SerialSettings.Parity(rawValue: String(frame[1])),
                let stopBits = Int(String(frame[2])), (1...2).contains(stopBits)
            else { return nil }
            return SerialSettings(baud: baud, parity: parity, stopBits: stopBits)
        }
    }
}

extension Shape where Value == RegisterBlock {
    static func registerBlock(first: Int) -> Shape {
        .object("a block") { fields in
            let place = RegisterPlace.read(fields, first: first)
            let count = fields.required("count", .integer(1...2000), "Registers or coils")
            guard let place, let count else { return nil }
            if !place.table.holdsBits && count > 125 { fields.report("count", "found \(count), at most 125 registers") }
            return RegisterBlock(table: place.table, address: place.address, count: count)
        }
    }
}

extension Shape where Value == EquipmentFingerprint {
    static func fingerprint(first: Int) -> Shape {
        .object("identify") { fields in
            var fingerprint = EquipmentFingerprint()
            fingerprint.vendor = fields.optional("vendor", .text, "Part of function 43/14's VendorName")
            fingerprint.product = fields.optional("product", .text, "Part of its ProductCode, ProductName or ModelName")
            fingerprint.registers = fields.optional(
                "registers", .list(of: .registerValue(first: first)), default: [], "All of these must hold")
            return fingerprint
        }
    }
}

extension Shape where Value == EquipmentFingerprint.RegisterValue {
    static func registerValue(first: Int) -> Shape {
        .object("a characteristic register") { fields in
            let place = RegisterPlace.read(fields, first: first)
            let values = fields.optional("is", .list(of: .rawRange), default: [], "Any of these raw values or ranges")
            let text = fields.optional("text", .text, "The characters that begin here")
            guard let place else { return nil }
            if values.isEmpty == (text == nil) { fields.report("is", "expected either 'is' or 'text'") }
            return EquipmentFingerprint.RegisterValue(
                table: place.table, address: place.address, values: values, text: text)
        }
    }
}

extension Shape where Value == EquipmentAlarm {
    static func equipmentAlarm(points: [EquipmentPoint]) -> Shape {
        .object("an alarm") { fields in
            let name = fields.required("name", .word, "The alarm is <device>.<name>")
            let path = fields.required("point", .pointName, "The point's path in this map")
            let state = fields.optional("is", .text, "The state's text")
            let above = fields.optional("above", .number())
            let below = fields.optional("below", .number())
            let hold = fields.optional("for", .duration(.zero ... .seconds(86_400)), default: .zero, "Held this long")
            let severity = fields.required("severity", .choice(Severity.allCases.map { ($0.text, $0) }))
            let text = fields.required("text", .text, "One sentence: what is wrong and what to do")
            guard let name, let path, let severity, let text else { return nil }
            guard let point = points.first(where: { $0.path == path }) else {
                if !points.isEmpty { fields.report("point", "no point '\(path)' in this map") }
                return nil
            }
            let condition: EquipmentAlarm.Condition
            switch (state, above, below) {
            case (let state?, nil, nil):
                guard let code = point.states.first(where: { $0.text == state })?.code else {
                    let known = point.states.map(\.text).joined(separator: ", ")
                    fields.report("is", "'\(path)' has no state '\(state)'; known: \(known)")
                    return nil
                }
                condition = .state(code)
            case (nil, let above?, nil): condition = .above(above)
            case (nil, nil, let below?): condition = .below(below)
            default:
                fields.report("point", "expected one of 'is', 'above', 'below'")
                return nil
            }
            return EquipmentAlarm(
                name: name, point: path, condition: condition, holdFor: hold, severity: severity, text: text)
        }
    }
}
