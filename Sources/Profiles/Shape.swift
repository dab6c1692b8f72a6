public import Platform
internal import Site

/// What a value in a file must look like: it reads a node (or reports what is wrong with it), and it
/// describes itself as JSON Schema, so that the schema that editors use cannot drift from the reader.
public struct Shape<Value> {
    let schema: Schema
    let read: (YAMLNode, FaultCollector) -> Value?

    /// A value by its plain text. `expected` completes the sentence "found 'x', expected ...".
    static func scalar(_ schema: Schema, expected: String, _ parse: @escaping (String) -> Value?) -> Shape {
        Shape(schema: schema) { node, faults in
            if case .scalar(let text, _, _) = node, let value = parse(text) { return value }
            faults.report(node.position, "found \(node.found), expected \(expected)")
            return nil
        }
    }

    /// The same shape after one more check; `transform` reports and returns nil where it fails.
    func then<Next>(_ transform: @escaping (Value, YAMLNode, FaultCollector) -> Next?) -> Shape<Next> {
        Shape<Next>(schema: schema) { node, faults in
            read(node, faults).flatMap { transform($0, node, faults) }
        }
    }

    func map<Next>(_ transform: @escaping (Value) -> Next) -> Shape<Next> { then { value, _, _ in transform(value) } }
}

extension Shape where Value == String {
    /// Any text; not empty.
    static var text: Shape { .scalar(.string(minLength: 1), expected: "text") { $0.isEmpty ? nil : $0 } }

    /// One word of a point name: [a-z0-9-].
    static var word: Shape {
        .scalar(.string(pattern: "^[a-z0-9-]+$"), expected: "a word of a-z, 0-9 and -") {
            isPointWord($0) ? $0 : nil
        }
    }

    /// A dotted path of words.
    static var pointName: Shape {
        .scalar(.string(pattern: "^[a-z0-9-]+(\\.[a-z0-9-]+)*$"), expected: "dotted words of a-z, 0-9 and -") {
            $0.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isPointWord) ? $0 : nil
        }
    }
}

private func isPointWord(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
}

extension Shape where Value == Bool {
    static var flag: Shape {
        .scalar(.boolean, expected: "true or false") {
            switch $0 {
            case "true", "yes", "on": true
            case "false", "no", "off": false
            default: nil
            }
        }
    }
}

extension Shape where Value == Int {
    /// Decimal or 0x hexadecimal.
    static func integer(_ range: ClosedRange<Int> = Int.min...Int.max) -> Shape {
        let limits = range == Int.min...Int.max ? "" : " from \(range.lowerBound) to \(range.upperBound)"
        return .scalar(.integer(range), expected: "a whole number\(limits)") { text in
            let number = text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
            return number.flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension Shape where Value == Double {
    static func number(_ range: ClosedRange<Double> = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)
        -> Shape
    {
        let isOpen = range.upperBound == .greatestFiniteMagnitude && range.lowerBound == -.greatestFiniteMagnitude
        let limits = isOpen ? "" : " from \(range.lowerBound) to \(range.upperBound)"
        return .scalar(.number(range), expected: "a number\(limits)") { text in
            Double(text).flatMap { $0.isFinite && range.contains($0) ? $0 : nil }
        }
    }
}

extension Shape where Value == Nanoseconds {
    /// "250ms", "5s", "2min", "1h", "7d".
    static func duration(_ range: ClosedRange<Nanoseconds>) -> Shape {
        .scalar(
            .string(pattern: "^[0-9]+(\\.[0-9]+)?(us|ms|s|min|h|d)$"),
            expected:
                "a time from \(durationText(range.lowerBound)) to \(durationText(range.upperBound)) (250ms, 5s, 2min, 1h)"
        ) { text in parseDuration(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

public func parseDuration(_ text: String) -> Nanoseconds? {
    let digits = text.prefix { $0.isNumber || $0 == "." }
    guard let number = Double(digits), number.isFinite else { return nil }
    let scale: Double? =
        switch text.dropFirst(digits.count) {
        case "us": 1e-6
        case "ms": 1e-3
        case "s": 1
        case "min": 60
        case "h": 3600
        case "d": 86_400
        default: nil
        }
    guard let scale, number * scale < 4e9 else { return nil }
    return Nanoseconds(seconds: number * scale)
}

func durationText(_ span: Nanoseconds) -> String {
    let units: [(Int64, String)] = [
        (86_400_000_000_000, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"),
        (1_000_000, "ms"), (1_000, "us"),
    ]
    for (size, name) in units where span.count != 0 && span.count % size == 0 { return "\(span.count / size)\(name)" }
    return span.count == 0 ? "0s" : "\(span.count)ns"
}

extension Shape {
    /// One of a few words, each meaning a value.
    static func choice(_ choices: [(String, Value)]) -> Shape {
        let words = choices.map(\.0)
        return .scalar(.choice(words), expected: "one of " + words.joined(separator: ", ")) { text in
            choices.first { $0.0 == text }?.1
        }
    }

    static func list<Item>(of item: Shape<Item>, atLeast: Int = 0, atMost: Int = 10_000) -> Shape
    where Value == [Item] {
        Shape(schema: .array(item.schema, minItems: atLeast)) { node, faults in
            guard case .sequence(let nodes, _) = node else {
                faults.report(node.position, "found \(node.found), expected a list")
                return nil
            }
            if nodes.count < atLeast || nodes.count > atMost {
                faults.report(node.position, "found \(nodes.count) items, expected \(atLeast) to \(atMost)")
                return nil
            }
            // Every item is read, so that every fault is reported; one bad item spoils the list.
            let items = nodes.map { item.read($0, faults) }
            let good = items.compactMap { $0 }
            return good.count == items.count ? good : nil
        }
    }

    /// A mapping whose keys are free words, in file order: `key -> item`.
    static func dictionary<Item>(key: Shape<String> = .word, of item: Shape<Item>) -> Shape
    where Value == [(key: String, value: Item)] {
        Shape(schema: .dictionary(keys: key.schema, item.schema)) { node, faults in
            guard case .mapping(let entries, _) = node else {
                faults.report(node.position, "found \(node.found), expected a mapping")
                return nil
            }
            var result: [(key: String, value: Item)] = []
            for entry in entries {
                let keyNode = YAMLNode.scalar(text: entry.key, isPlain: true, entry.keyPosition)
                let name = key.read(keyNode, faults)
                let value = item.read(entry.value, faults)
                if let name, let value { result.append((name, value)) }
            }
            return result.count == entries.count ? result : nil
        }
    }

    /// A mapping with known keys. `body` asks for its fields, all of them, and then builds the value;
    /// it returns nil where a field it needs is nil. For the schema it is run once with nothing to
    /// read, so it must ask before it decides.
    static func object(_ what: String, _ body: @escaping (Fields) -> Value?) -> Shape {
        // Described on first use only: a load that never asks for the schema does not pay for it.
        Shape(
            schema: .deferred {
                let fields = Fields(describing: what)
                _ = body(fields)
                return fields.described
            }
        ) { node, faults in
            guard case .mapping(let entries, let position) = node else {
                faults.report(node.position, "found \(node.found), expected \(what): a mapping")
                return nil
            }
            let before = faults.faults.count
            let fields = Fields(entries, at: position, what: what, faults)
            let value = body(fields)
            fields.reportUnknownKeys()
            return faults.faults.count == before ? value : nil
        }
    }
}

/// The keys of one mapping while it is read.
public final class Fields {
    private let entries: [YAMLNode.Entry]
    public let position: FilePosition
    private let what: String
    private let faults: FaultCollector?
    private var asked: [(key: String, schema: Schema, isRequired: Bool, doc: String)] = []

    init(_ entries: [YAMLNode.Entry], at position: FilePosition, what: String, _ faults: FaultCollector) {
        self.entries = entries
        self.position = position
        self.what = what
        self.faults = faults
    }

    init(describing what: String) {
        entries = []
        position = FilePosition(file: "", line: 0, column: 0)
        self.what = what
        faults = nil
    }

    /// `doc` is the schema's description: what an editor shows.
    func required<Value>(_ key: String, _ shape: Shape<Value>, _ doc: String = "") -> Value? {
        asked.append((key, shape.schema, true, doc))
        guard let faults else { return nil }
        guard let entry = entries.first(where: { $0.key == key }) else {
            faults.report(position, "\(what): '\(key)' is missing")
            return nil
        }
        return shape.read(entry.value, faults)
    }

    func optional<Value>(_ key: String, _ shape: Shape<Value>, _ doc: String = "") -> Value? {
        asked.append((key, shape.schema, false, doc))
        guard let faults, let entry = entries.first(where: { $0.key == key }) else { return nil }
        return shape.read(entry.value, faults)
    }

    func optional<Value>(_ key: String, _ shape: Shape<Value>, default fallback: Value, _ doc: String = "") -> Value {
        optional(key, shape, doc) ?? fallback
    }

    /// Where a key's value stands (or the mapping itself), for faults that concern several keys.
    func position(of key: String) -> FilePosition { entries.first { $0.key == key }?.value.position ?? position }

    func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

    func report(_ key: String, _ text: String) { faults?.report(position(of: key), text) }
    /// A fault of something deeper down, found only when all of it is known.
    func report(at position: FilePosition, _ text: String) { faults?.report(position, text) }

    /// A check that needs the whole plan; `report` takes a key of this mapping and a text.
    func whenWhole(_ check: @escaping (SitePlan, PointTable, (String, String) -> Void) -> Void) {
        faults?.whenWhole { [self] plan, table, _ in check(plan, table, report) }
    }

    func reportUnknownKeys() {
        let known = asked.map(\.key)
        for entry in entries where !known.contains(entry.key) {
            let near = known.min { editDistance($0, entry.key) < editDistance($1, entry.key) }
            let hint = near.flatMap { editDistance($0, entry.key) <= 2 ? "; did you mean '\($0)'?" : nil }
            faults?.report(
                entry.keyPosition,
                "unknown key '\(entry.key)' in \(what)"
                    + (hint ?? "; known here: " + known.sorted().joined(separator: ", ")))
        }
    }

    var described: Schema { .object(what, asked.map { ($0.key, $0.schema, $0.isRequired, $0.doc) }) }
}

/// How many letters differ between two short words.
func editDistance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8), b = Array(b.utf8)
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let substituted = diagonal + (x == y ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[b.count]
}
