/// A JSON document as a tree, for small documents from outside (requests to change something,
/// command replies). Hot paths scan bytes instead. RFC 8259, strict: no duplicate keys, bounded depth.
public indirect enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([(key: String, value: JSON)])

    public static func == (a: JSON, b: JSON) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let x), .bool(let y)): x == y
        case (.number(let x), .number(let y)): x == y
        case (.string(let x), .string(let y)): x == y
        case (.array(let x), .array(let y)): x == y
        case (.object(let x), .object(let y)):
            x.count == y.count && zip(x, y).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }

    public struct Fault: Error, Equatable, CustomStringConvertible {
        public let offset: Int
        public let expected: String
        public var description: String { "JSON at byte \(offset): expected \(expected)" }
    }

    public static func parse(_ bytes: [UInt8], depthMax: Int = 64) throws(Fault) -> JSON {
        var parser = Parser(bytes: bytes, depthMax: depthMax)
        let value = try parser.value(depth: 0)
        parser.skipBlanks()
        guard parser.at == bytes.count else { throw parser.fault("the end of the document") }
        return value
    }

    public subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }
    public var string: String? { if case .string(let text) = self { text } else { nil } }
    public var number: Double? { if case .number(let number) = self { number } else { nil } }
    public var integer: Int? { number.flatMap { Int(exactly: $0) } }
    public var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    public var array: [JSON]? { if case .array(let items) = self { items } else { nil } }
    public var object: [(key: String, value: JSON)]? { if case .object(let members) = self { members } else { nil } }
}

extension JSON {
    private struct Parser {
        let bytes: [UInt8]
        let depthMax: Int
        var at = 0

        init(bytes: [UInt8], depthMax: Int) {
            self.bytes = bytes
            self.depthMax = depthMax
        }

        func fault(_ expected: String) -> Fault { Fault(offset: at, expected: expected) }
        var next: UInt8? { at < bytes.count ? bytes[at] : nil }

        mutating func skipBlanks() {
            while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
        }

        mutating func value(depth: Int) throws(Fault) -> JSON {
            guard depth < depthMax else { throw fault("at most \(depthMax) levels") }
            skipBlanks()
            switch next {
            case UInt8(ascii: "{"): return try object(depth: depth)
            case UInt8(ascii: "["): return try array(depth: depth)
            case UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "t"): try word("true"); return .bool(true)
            case UInt8(ascii: "f"): try word("false"); return .bool(false)
            case UInt8(ascii: "n"): try word("null"); return .null
            case .some(let byte) where byte == UInt8(ascii: "-") || isDigit(byte): return .number(try number())
            default: throw fault("a value")
            }
        }

        mutating func word(_ word: StaticString) throws(Fault) {
            let matches = word.withUTF8Buffer { unsafe bytes[at...].starts(with: $0) }
            guard matches else { throw fault("\(word)") }
            at += word.utf8CodeUnitCount
        }

        mutating func object(depth: Int) throws(Fault) -> JSON {
            at += 1
            var members: [(key: String, value: JSON)] = []
            var seen: Set<String> = []
            skipBlanks()
            if next == UInt8(ascii: "}") { at += 1; return .object([]) }
            while true {
                skipBlanks()
                guard next == UInt8(ascii: "\"") else { throw fault("a key") }
                let key = try string()
                guard seen.insert(key).inserted else { throw fault("each key once (\"\(key)\" came twice)") }
                skipBlanks()
                guard next == UInt8(ascii: ":") else { throw fault("':'") }
                at += 1
                members.append((key, try value(depth: depth + 1)))
                skipBlanks()
                if next == UInt8(ascii: "}") { at += 1; return .object(members) }
                guard next == UInt8(ascii: ",") else { throw fault("',' or '}'") }
                at += 1
            }
        }

        mutating func array(depth: Int) throws(Fault) -> JSON {
            at += 1
            var items: [JSON] = []
            skipBlanks()
            if next == UInt8(ascii: "]") { at += 1; return .array([]) }
            while true {
                items.append(try value(depth: depth + 1))
                skipBlanks()
                if next == UInt8(ascii: "]") { at += 1; return .array(items) }
                guard next == UInt8(ascii: ",") else { throw fault("',' or ']'") }
                at += 1
            }
        }

        mutating func number() throws(Fault) -> Double {
            let start = at
            if next == UInt8(ascii: "-") { at += 1 }
            let whole = digits()
            guard whole > 0, whole == 1 || bytes[at - whole] != UInt8(ascii: "0") else { throw fault("a number") }
            if next == UInt8(ascii: ".") {
                at += 1
                guard digits() > 0 else { throw fault("digits after '.'") }
            }
            if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
                at += 1
                if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { at += 1 }
                guard digits() > 0 else { throw fault("digits of the exponent") }
            }
            guard let number = Double(String(decoding: bytes[start..<at], as: UTF8.self)), number.isFinite
            else { throw fault("a number that fits") }
            return number
        }

        func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }

        mutating func digits() -> Int {
            let start = at
            while let byte = next, isDigit(byte) { at += 1 }
            return at - start
        }

        mutating func string() throws(Fault) -> String {
            at += 1
            var out: [UInt8] = []
            while let byte = next {
                at += 1
                switch byte {
                case UInt8(ascii: "\""):
                    guard let text = String(validating: out, as: UTF8.self) else { throw fault("UTF-8") }
                    return text
                case UInt8(ascii: "\\"): try escape(into: &out)
                case 0..<0x20: throw fault("no control character in a string")
                default: out.append(byte)
                }
            }
            throw fault("'\"'")
        }

        mutating func escape(into out: inout [UInt8]) throws(Fault) {
            guard let byte = next else { throw fault("an escape") }
            at += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
            case UInt8(ascii: "b"): out.append(8)
            case UInt8(ascii: "f"): out.append(12)
            case UInt8(ascii: "n"): out.append(10)
            case UInt8(ascii: "r"): out.append(13)
            case UInt8(ascii: "t"): out.append(9)
            case UInt8(ascii: "u"):
                var code = try hex4()
                if (0xD800..<0xDC00).contains(code) {
                    guard next == UInt8(ascii: "\\") else { throw fault("the second half of a surrogate pair") }
                    at += 1
                    guard next == UInt8(ascii: "u") else { throw fault("the second half of a surrogate pair") }
                    at += 1
                    let low = try hex4()
                    guard (0xDC00..<0xE000).contains(low) else { throw fault("the second half of a surrogate pair") }
                    code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                }
                guard let scalar = Unicode.Scalar(code) else { throw fault("a Unicode character") }
                out.append(contentsOf: Array(String(Character(scalar)).utf8))
            default: throw fault("a known escape")
            }
        }

        mutating func hex4() throws(Fault) -> UInt32 {
            guard at + 4 <= bytes.count,
                let code = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16),
                bytes[at] != UInt8(ascii: "+")
            else { throw fault("four hexadecimal digits") }
            at += 4
            return code
        }
    }
}
