internal import CLinux

/// Reads JSON where it was received, without a tree and without allocating. Strings lose their
/// escapes in place. Depth and lengths are bounded by what an inference request can need.
struct JSONCursor {
    /// A tensor of 8 dimensions in an input in a list in the document.
    static let depthMax = 24

    let memory: Memory
    let end: Int
    var at: Int

    init(_ memory: Memory, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= memory.count)
        self.memory = memory
        at = range.lowerBound
        end = range.upperBound
    }

    func fault(_ expected: String) -> RequestFault {
        .invalid("failed to parse the request JSON at byte \(at): expected \(expected)")
    }

    var next: UInt8? { at < end ? memory[at] : nil }

    mutating func skipBlanks() {
        while at < end {
            let byte = memory[at]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            at += 1
        }
    }

    /// The next byte that is no blank.
    mutating func peek() -> UInt8? {
        skipBlanks()
        return next
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        at += 1
        return true
    }

    mutating func expect(_ byte: UInt8, _ what: StaticString) throws(RequestFault) {
        guard take(byte) else { throw fault("\(what)") }
    }

    mutating func finish() throws(RequestFault) {
        if peek() != nil { throw fault("the end of the document") }
    }

    // MARK: - Containers

    /// Calls `member` with each key; it must consume the value.
    mutating func object(
        _ member: (Range<Int>, inout JSONCursor) throws(RequestFault) -> Void
    ) throws(RequestFault) {
        try expect(UInt8(ascii: "{"), "an object")
        if take(UInt8(ascii: "}")) { return }
        while true {
            let key = try string()
            try expect(UInt8(ascii: ":"), "':'")
            try member(key, &self)
            if take(UInt8(ascii: "}")) { return }
            try expect(UInt8(ascii: ","), "',' or '}'")
        }
    }

    mutating func array(_ item: (inout JSONCursor) throws(RequestFault) -> Void) throws(RequestFault) {
        try expect(UInt8(ascii: "["), "a list")
        if take(UInt8(ascii: "]")) { return }
        while true {
            try item(&self)
            if take(UInt8(ascii: "]")) { return }
            try expect(UInt8(ascii: ","), "',' or ']'")
        }
    }

    // MARK: - Values

    /// Where the text stands after its escapes were resolved in place.
    mutating func string() throws(RequestFault) -> Range<Int> {
        try expect(UInt8(ascii: "\""), "a string")
        let start = at
        while at < end {
            let byte = memory[at]
            if byte == UInt8(ascii: "\"") {
                at += 1
                return start..<at - 1
            }
            if byte < 0x20 { throw fault("no control character in a string") }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            at += 1
        }
        throw fault("'\"'")
    }

    private mutating func escapedString(from start: Int) throws(RequestFault) -> Range<Int> {
        var written = at
        while at < end {
            let byte = memory[at]
            at += 1
            if byte == UInt8(ascii: "\"") { return start..<written }
            if byte < 0x20 { throw fault("no control character in a string") }
            if byte != UInt8(ascii: "\\") {
                memory[written] = byte
                written += 1
                continue
            }
            guard let escape = next else { throw fault("an escape") }
            at += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): put(escape, &written)
            case UInt8(ascii: "b"): put(8, &written)
            case UInt8(ascii: "f"): put(12, &written)
            case UInt8(ascii: "n"): put(10, &written)
            case UInt8(ascii: "r"): put(13, &written)
            case UInt8(ascii: "t"): put(9, &written)
            case UInt8(ascii: "u"): putScalar(try unicode(), &written)
            default: throw fault("a known escape")
            }
        }
        throw fault("'\"'")
    }

    private func put(_ byte: UInt8, _ written: inout Int) {
        memory[written] = byte
        written += 1
    }

    /// UTF-8 is never longer than the escape it replaces.
    private func putScalar(_ code: UInt32, _ written: inout Int) {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | (code >> shift & 0x3F)) }
        switch code {
        case 0..<0x80: put(UInt8(code), &written)
        case 0x80..<0x800:
            put(UInt8(0xC0 | code >> 6), &written)
            put(tail(0), &written)
        case 0x800..<0x10000:
            put(UInt8(0xE0 | code >> 12), &written)
            put(tail(6), &written)
            put(tail(0), &written)
        default:
            put(UInt8(0xF0 | code >> 18), &written)
            put(tail(12), &written)
            put(tail(6), &written)
            put(tail(0), &written)
        }
    }

    private mutating func unicode() throws(RequestFault) -> UInt32 {
        let code = try hex4()
        if (0xDC00..<0xE000).contains(code) { throw fault("a surrogate pair") }
        guard (0xD800..<0xDC00).contains(code) else { return code }
        guard end - at >= 6, memory[at] == UInt8(ascii: "\\"), memory[at + 1] == UInt8(ascii: "u")
        else { throw fault("a surrogate pair") }
        at += 2
        let low = try hex4()
        guard (0xDC00..<0xE000).contains(low) else { throw fault("a surrogate pair") }
        return 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }

    private mutating func hex4() throws(RequestFault) -> UInt32 {
        guard end - at >= 4 else { throw fault("four hexadecimal digits") }
        var code: UInt32 = 0
        for _ in 0..<4 {
            let byte = memory[at]
            at += 1
            switch byte {
            case 48...57: code = code << 4 | UInt32(byte - 48)
            case 97...102: code = code << 4 | UInt32(byte - 87)
            case 65...70: code = code << 4 | UInt32(byte - 55)
            default: throw fault("four hexadecimal digits")
            }
        }
        return code
    }

    mutating func flag() throws(RequestFault) -> Bool {
        switch peek() {
        case UInt8(ascii: "t"):
            try word("true")
            return true
        case UInt8(ascii: "f"):
            try word("false")
            return false
        default: throw fault("true or false")
        }
    }

    private mutating func word(_ word: StaticString) throws(RequestFault) {
        let length = word.utf8CodeUnitCount
        guard end - at >= length, memory.holds(word, at..<at + length) else { throw fault("\(word)") }
        at += length
    }

    /// Where a number stands.
    mutating func numberText() throws(RequestFault) -> Range<Int> {
        skipBlanks()
        let start = at
        while at < end {
            let byte = memory[at]
            guard (byte >= 48 && byte <= 57) || byte == 45 || byte == 43 || byte == 46 || byte | 0x20 == 101
            else { break }
            at += 1
        }
        if at == start { throw fault("a number") }
        return start..<at
    }

    mutating func double() throws(RequestFault) -> Double {
        let range = try numberText()
        var number = 0.0
        let part = memory.slice(range.lowerBound, range.count)
        let bad = unsafe cl_parse_double(part.start.assumingMemoryBound(to: CChar.self), part.count, &number)
        if bad != 0 { throw fault("a number that fits") }
        return number
    }

    /// A whole number with its sign; what does not fit, or has a fraction, is refused.
    mutating func integer() throws(RequestFault) -> (magnitude: UInt64, isNegative: Bool) {
        let range = try numberText()
        var index = range.lowerBound
        let isNegative = memory[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        var magnitude: UInt64 = 0
        let digits = range.upperBound - index
        guard digits > 0, digits == 1 || memory[index] != 48 else { throw fault("a whole number") }
        while index < range.upperBound {
            let byte = memory[index]
            guard byte >= 48, byte <= 57 else { throw fault("a whole number") }
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(byte - 48))
            if overflow || carried { throw fault("a whole number that fits") }
            magnitude = sum
            index += 1
        }
        return (magnitude, isNegative)
    }

    /// A count, a size, a dimension.
    mutating func size() throws(RequestFault) -> Int {
        let (magnitude, isNegative) = try integer()
        guard !isNegative || magnitude == 0, let size = Int(exactly: magnitude) else {
            throw fault("a whole number from 0 to \(Int.max)")
        }
        return size
    }

    /// Any value, of which only the place is wanted. Not recursive: depth costs no stack.
    @discardableResult
    mutating func skipValue() throws(RequestFault) -> Range<Int> {
        skipBlanks()
        let start = at
        var depth = 0
        // One bit per level: 1 is an object.
        var kinds: UInt64 = 0
        while true {
            switch peek() {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                let isObject = next == UInt8(ascii: "{")
                guard depth < JSONCursor.depthMax else { throw fault("at most \(JSONCursor.depthMax) levels") }
                at += 1
                kinds = kinds << 1 | (isObject ? 1 : 0)
                depth += 1
                if take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    kinds >>= 1
                    depth -= 1
                } else {
                    if isObject { try key() }
                    continue
                }
            case UInt8(ascii: "\""): try skipString()
            case UInt8(ascii: "t"): try word("true")
            case UInt8(ascii: "f"): try word("false")
            case UInt8(ascii: "n"): try word("null")
            default: _ = try double()
            }
            // After a value: closers, then a comma, or the end of the outermost value.
            while depth > 0, take(kinds & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                kinds >>= 1
                depth -= 1
            }
            if depth == 0 { return start..<at }
            try expect(UInt8(ascii: ","), "',' or a closing bracket")
            if kinds & 1 == 1 { try key() }
        }
    }

    private mutating func key() throws(RequestFault) {
        try skipString()
        try expect(UInt8(ascii: ":"), "':'")
    }

    /// Past a string that is left as it stands: its escapes are resolved when it is wanted.
    private mutating func skipString() throws(RequestFault) {
        try expect(UInt8(ascii: "\""), "a string")
        while at < end {
            let byte = memory[at]
            at += 1
            if byte == UInt8(ascii: "\"") { return }
            if byte < 0x20 { throw fault("no control character in a string") }
            if byte == UInt8(ascii: "\\") { at += 1 }
        }
        throw fault("'\"'")
    }
}
