/// Text and JSON built in one reused buffer: after the first render nothing is allocated.
public struct ByteWriter: Sendable {
    public private(set) var bytes: [UInt8]
    /// True where the next JSON element needs a comma before it.
    private var needsComma = false

    public init(capacity: Int = 4096) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    public var count: Int { bytes.count }
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    public mutating func append(_ byte: UInt8) { bytes.append(byte) }
    public mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }
    public mutating func append(string text: String) {
        var text = text
        text.withUTF8 { unsafe bytes.append(contentsOf: $0) }
    }
    public mutating func append(contentsOf other: some Sequence<UInt8>) { bytes.append(contentsOf: other) }
    /// One copy; the general one, called from another room, goes byte by byte.
    public mutating func append(contentsOf other: [UInt8]) { bytes.append(contentsOf: other) }

    /// Specialised where it is called: through a generic's tables a digit would cost more than the text.
    @inlinable public mutating func append(_ number: some BinaryInteger) {
        append(magnitude: UInt64(number.magnitude), isNegative: number < 0)
    }

    public mutating func append(magnitude: UInt64, isNegative: Bool) {
        if isNegative { append(UInt8(ascii: "-")) }
        var divisor: UInt64 = 1
        while magnitude / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(48 + UInt8(magnitude / divisor % 10))
            divisor /= 10
        }
    }

    /// A finite number in the shortest form that reads back the same; whole numbers without ".0".
    public mutating func append(_ number: Double) {
        if let whole = Int64(exactly: number), whole.magnitude < 1 << 53 { return append(whole) }
        append(string: number.description)
    }
}

// MARK: - JSON

extension ByteWriter {
    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    public mutating func beginObject(_ key: StaticString) { self.key(key); open(UInt8(ascii: "{")) }
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    public mutating func beginArray(_ key: StaticString) { self.key(key); open(UInt8(ascii: "[")) }
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// "key": [ {...}, {...} ], one object for each item.
    public mutating func objects<Items: Sequence>(
        _ key: StaticString, _ items: Items, _ body: (inout ByteWriter, Items.Element) -> Void
    ) {
        beginArray(key)
        for item in items {
            beginObject()
            body(&self, item)
            endObject()
        }
        endArray()
    }

    /// "key": ["...", "..."]
    public mutating func texts(_ key: StaticString, _ items: some Sequence<String>) {
        beginArray(key)
        for item in items { value(item) }
        endArray()
    }

    public mutating func key(_ key: StaticString) {
        separate()
        append(UInt8(ascii: "\""))
        append(key)
        append("\":")
        needsComma = false
    }

    public mutating func key(string key: String) {
        separate()
        quote(key)
        append(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func field(_ key: StaticString, _ value: String) { self.key(key); self.value(value) }
    public mutating func field(_ key: StaticString, _ value: Double) { self.key(key); self.value(value) }
    public mutating func field(_ key: StaticString, _ value: some BinaryInteger) { self.key(key); self.value(value) }
    public mutating func field(_ key: StaticString, _ value: Bool) { self.key(key); self.value(value) }
    /// Left out when there is no value.
    public mutating func field(_ key: StaticString, _ value: String?) { if let value { field(key, value) } }
    public mutating func field(_ key: StaticString, _ value: Double?) { if let value { field(key, value) } }

    public mutating func value(_ text: String) { separate(); quote(text); needsComma = true }
    public mutating func value(_ number: some BinaryInteger) { separate(); append(number); needsComma = true }
    public mutating func value(_ flag: Bool) { separate(); append(flag ? "true" : "false"); needsComma = true }
    public mutating func null() { separate(); append("null"); needsComma = true }
    /// JSON has no NaN or infinity: they are null.
    public mutating func value(_ number: Double) {
        guard number.isFinite else { return null() }
        separate()
        append(number)
        needsComma = true
    }
    /// A finished JSON text, put in as it is.
    public mutating func value(rawJSON text: [UInt8]) { separate(); append(contentsOf: text); needsComma = true }

    private mutating func separate() { if needsComma { append(UInt8(ascii: ",")) } }
    private mutating func open(_ bracket: UInt8) { separate(); append(bracket); needsComma = false }
    private mutating func close(_ bracket: UInt8) { append(bracket); needsComma = true }

    private mutating func quote(_ text: String) {
        append(UInt8(ascii: "\""))
        // Whole runs at once: hardly a text has anything to escape.
        let isDone: Void? = unsafe text.utf8.withContiguousStorageIfAvailable { unsafe escape($0.span) }
        if isDone == nil { escape(Array(text.utf8).span) }
        append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ text: Span<UInt8>) {
        var start = 0
        for at in text.indices {
            let byte = text[at]
            guard byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F else { continue }
            unsafe text.extracting(start..<at).withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
            start = at + 1
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            default:
                append("\\u00")
                append(hexDigit(byte >> 4))
                append(hexDigit(byte & 15))
            }
        }
        unsafe text.extracting(start..<text.count).withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
}

@inlinable @inline(__always)
public func hexDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 48 + nibble : 87 + nibble }

/// Lower-case hexadecimal. Inlinable, because a sequence of unknown kind costs a hundred times its bytes.
@inlinable
public func hexText(_ bytes: some Sequence<UInt8>) -> String {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.underestimatedCount * 2)
    for byte in bytes {
        out.append(hexDigit(byte >> 4))
        out.append(hexDigit(byte & 15))
    }
    return String(decoding: out, as: UTF8.self)
}
