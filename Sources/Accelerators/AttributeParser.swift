internal import Site

/// A layout's parser with its words as bytes, so that a read is understood without making a String.
struct AttributeParser {
    enum Result: Equatable {
        case number(Double)
        case text
        /// The state's place in the layout's list.
        case state(Int)
        case malformed
    }

    private enum Form {
        case plain(AcceleratorAttribute.Parser)
        case keyed([UInt8])
        case sumExcept([[UInt8]])
        case column(Int)
        case states([(value: [UInt8], index: Int)])
    }

    private let form: Form
    private let scale: Double

    /// `version` is the driver's, by which states are chosen that moved from one driver to the next.
    init(_ attribute: AcceleratorAttribute, version: [Int]?) {
        scale = attribute.scale
        switch attribute.parser {
        case .keyed(let key): form = .keyed(Array(key.utf8))
        case .sumExcept(let keys): form = .sumExcept(keys.map { Array($0.utf8) })
        case .column(let column): form = .column(column)
        case .state:
            form = .states(
                attribute.states.enumerated()
                    .filter { $0.element.versions?.contains(version) ?? true }
                    .map { (Array($0.element.value.utf8), $0.offset) })
        default: form = .plain(attribute.parser)
        }
    }

    func parse(_ raw: Span<UInt8>) -> Result {
        if case .plain(.answersOnBus) = form { return answersOnBus(raw) }
        let bytes = trimmed(raw)
        switch form {
        case .plain(let parser): return plain(parser, bytes)
        case .keyed(let key): return keyed(key, bytes)
        case .sumExcept(let keys): return sum(except: keys, bytes)
        case .column(let column): return scaled(numberInColumn(column, bytes))
        case .states(let states):
            for state in states where equal(bytes, state.value) { return .state(state.index) }
            return .malformed
        }
    }

    private func plain(_ parser: AcceleratorAttribute.Parser, _ bytes: Span<UInt8>) -> Result {
        switch parser {
        case .integer:
            guard let (number, end) = number(bytes, from: 0), end == bytes.count else { return .malformed }
            return scaled(number)
        case .leadingNumber: return scaled(number(bytes, from: 0)?.value)
        case .text: return .text
        case .isFilled: return .number(bytes.isEmpty ? 0 : 1)
        case .mean, .largest:
            var sum = 0.0, largest = -Double.infinity, count = 0.0
            eachNumber(bytes) {
                sum += $0
                largest = max(largest, $0)
                count += 1
            }
            return count == 0 ? .malformed : scaled(parser == .mean ? sum / count : largest)
        case .starred:
            guard let star = lastIndex(of: UInt8(ascii: "*"), bytes) else { return .malformed }
            var start = star
            while start > 0, bytes[start - 1] != 10 { start -= 1 }
            guard let colon = index(of: UInt8(ascii: ":"), bytes, from: start, to: star) else { return .malformed }
            return scaled(number(bytes, from: colon + 1)?.value)
        default: return .malformed
        }
    }

    /// A number too large to be one is none.
    private func scaled(_ number: Double?) -> Result {
        guard let number, (number * scale).isFinite else { return .malformed }
        return .number(number * scale)
    }

    /// Configuration space of a card that is gone reads all ones: nobody drives the bus.
    private func answersOnBus(_ raw: Span<UInt8>) -> Result {
        guard raw.count >= 4 else { return .malformed }
        return .number(raw[0] == 255 && raw[1] == 255 && raw[2] == 255 && raw[3] == 255 ? 0 : 1)
    }

    private func keyed(_ key: [UInt8], _ bytes: Span<UInt8>) -> Result {
        var at = 0
        while at < bytes.count {
            let end = index(of: 10, bytes, from: at, to: bytes.count) ?? bytes.count
            if isKey(key, bytes, at, end) { return scaled(lastNumber(bytes, at, end)) }
            at = end + 1
        }
        return .malformed
    }

    private func sum(except keys: [[UInt8]], _ bytes: Span<UInt8>) -> Result {
        var at = 0, sum = 0.0, count = 0
        while at < bytes.count {
            let end = index(of: 10, bytes, from: at, to: bytes.count) ?? bytes.count
            var isExcepted = false
            for key in keys where isKey(key, bytes, at, end) { isExcepted = true }
            if !isExcepted, let number = lastNumber(bytes, at, end) {
                sum += number
                count += 1
            }
            at = end + 1
        }
        return count == 0 ? .malformed : scaled(sum)
    }
}

// MARK: - Bytes

private func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 || byte == 0 }

@_lifetime(copy bytes)
func trimmed(_ bytes: Span<UInt8>) -> Span<UInt8> {
    var start = 0, end = bytes.count
    while start < end, isBlank(bytes[start]) { start += 1 }
    while end > start, isBlank(bytes[end - 1]) { end -= 1 }
    return bytes.extracting(start..<end)
}

func equal(_ bytes: Span<UInt8>, _ other: [UInt8]) -> Bool {
    guard bytes.count == other.count else { return false }
    for i in other.indices where bytes[i] != other[i] { return false }
    return true
}

private func index(of byte: UInt8, _ bytes: Span<UInt8>, from: Int, to: Int) -> Int? {
    var at = from
    while at < to {
        if bytes[at] == byte { return at }
        at += 1
    }
    return nil
}

private func lastIndex(of byte: UInt8, _ bytes: Span<UInt8>) -> Int? {
    var at = bytes.count
    while at > 0 {
        at -= 1
        if bytes[at] == byte { return at }
    }
    return nil
}

/// A short decimal number that is the whole text, as most files of sysfs are; nil: look closer.
func wholeNumber(_ bytes: Span<UInt8>) -> Double? {
    let isNegative = bytes.count > 1 && bytes[0] == UInt8(ascii: "-")
    // 18 digits fit an Int64.
    guard bytes.count > 0, bytes.count < 18 else { return nil }
    var number: Int64 = 0
    for at in (isNegative ? 1 : 0)..<bytes.count {
        guard bytes[at] &- 48 < 10 else { return nil }
        number = number &* 10 &+ Int64(bytes[at] &- 48)
    }
    return Double(isNegative ? -number : number)
}

/// The line [at, end) begins with `key` as a whole word.
private func isKey(_ key: [UInt8], _ bytes: Span<UInt8>, _ at: Int, _ end: Int) -> Bool {
    guard end - at > key.count else { return false }
    for i in key.indices where bytes[at + i] != key[i] { return false }
    let next = bytes[at + key.count]
    return next == UInt8(ascii: ":") || next == UInt8(ascii: "=") || isBlank(next)
}

/// The number that the line's last word is.
private func lastNumber(_ bytes: Span<UInt8>, _ at: Int, _ end: Int) -> Double? {
    var end = end
    while end > at, isBlank(bytes[end - 1]) { end -= 1 }
    var start = end
    while start > at,
        !isBlank(bytes[start - 1]) && bytes[start - 1] != UInt8(ascii: ":")
            && bytes[start - 1] != UInt8(ascii: "=")
    { start -= 1 }
    guard let (value, stop) = number(bytes, from: start), stop == end else { return nil }
    return value
}

/// The number (decimal with a fraction, or 0x) at `from` after blanks, and where it ends.
private func number(_ bytes: Span<UInt8>, from: Int) -> (value: Double, end: Int)? {
    var at = from
    while at < bytes.count, isBlank(bytes[at]) { at += 1 }
    let isNegative = at < bytes.count && bytes[at] == UInt8(ascii: "-")
    if isNegative { at += 1 }
    if at + 2 < bytes.count, bytes[at] == 48, bytes[at + 1] | 32 == UInt8(ascii: "x") {
        return hexadecimal(bytes, from: at + 2)
    }
    var whole: UInt64 = 0, value = 0.0, digits = 0
    while at < bytes.count, bytes[at] &- 48 < 10 {
        // 18 digits fit a UInt64; beyond them the low ones do not matter to a Double.
        if digits < 18 { whole = whole * 10 + UInt64(bytes[at] - 48) } else { value = value * 10 }
        if digits == 18 { value = Double(whole) * 10 }
        digits += 1
        at += 1
    }
    if digits == 0 { return nil }
    if digits <= 18 { value = Double(whole) }
    if at + 1 < bytes.count, bytes[at] == UInt8(ascii: "."), bytes[at + 1] &- 48 < 10 {
        at += 1
        var scale = 0.1
        while at < bytes.count, bytes[at] &- 48 < 10 {
            value += Double(bytes[at] - 48) * scale
            scale /= 10
            at += 1
        }
    }
    return (isNegative ? -value : value, at)
}

private func hexadecimal(_ bytes: Span<UInt8>, from: Int) -> (value: Double, end: Int)? {
    var at = from, value: UInt64 = 0
    while at < bytes.count, at - from < 16 {
        let byte = bytes[at] | 32
        let digit: UInt8 = bytes[at] &- 48 < 10 ? bytes[at] - 48 : byte &- 97 < 6 ? byte - 87 : 255
        if digit == 255 { break }
        value = value << 4 | UInt64(digit)
        at += 1
    }
    return at == from ? nil : (Double(value), at)
}

/// Every number in a text of numbers, separated by anything.
private func eachNumber(_ bytes: Span<UInt8>, _ body: (Double) -> Void) {
    var at = 0
    while at < bytes.count {
        if bytes[at] &- 48 < 10 || bytes[at] == UInt8(ascii: "-"), let found = number(bytes, from: at) {
            body(found.value)
            at = found.end
        } else {
            at += 1
        }
    }
}

/// One item of a comma or space separated list, counted from 1.
private func numberInColumn(_ column: Int, _ bytes: Span<UInt8>) -> Double? {
    var at = 0, current = 1
    while at < bytes.count, current < column {
        if bytes[at] == UInt8(ascii: ",") || isBlank(bytes[at]) {
            current += 1
            while at + 1 < bytes.count, isBlank(bytes[at + 1]) { at += 1 }
        }
        at += 1
    }
    return current == column ? number(bytes, from: at)?.value : nil
}
