internal import Glibc

/// Bytes of a request's head where they were received. Valid while the request is being handed over:
/// in `HTTPService.bodyPlace` and `handle`. Copy what is needed later.
@safe public struct HeadText {
    public let bytes: UnsafeRawBufferPointer

    public init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = unsafe bytes }

    @inline(__always) public var count: Int { unsafe bytes.count }
    @inline(__always) public var isEmpty: Bool { unsafe bytes.isEmpty }

    @inline(__always) public subscript(index: Int) -> UInt8 {
        unsafe precondition(index >= 0 && index < bytes.count)
        return unsafe bytes[index]
    }

    public subscript(range: Range<Int>) -> HeadText {
        unsafe precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        return unsafe HeadText(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }

    public var string: String { unsafe String(decoding: bytes, as: UTF8.self) }

    public static func == (text: HeadText, word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard text.count == count else { return false }
        guard let base = unsafe text.bytes.baseAddress else { return count == 0 }
        return unsafe memcmp(base, word.utf8Start, count) == 0
    }

    public func hasPrefix(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        return count >= length && self[0..<length] == word
    }

    /// `word` is lower-case.
    public func equalsIgnoringCase(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for index in 0..<count where lowered(self[index]) != (unsafe word.utf8Start[index]) { return false }
        return true
    }

    public func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start < count, let base = unsafe bytes.baseAddress,
            let found = unsafe memchr(base + start, Int32(byte), count - start)
        else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }

    /// Digits only, at most 18 of them: cannot overflow, knows no sign and no blank.
    public var decimal: Int? {
        guard count >= 1, count <= 18 else { return nil }
        var number = 0
        for index in 0..<count {
            let digit = self[index] &- 48
            guard digit <= 9 else { return nil }
            number = number * 10 + Int(digit)
        }
        return number
    }

    /// True when a comma-separated list holds `word` (lower-case), in any case.
    public func listContains(_ word: StaticString) -> Bool {
        var start = 0
        while start <= count {
            let end = firstIndex(of: UInt8(ascii: ","), from: start) ?? count
            if self[start..<end].trimmed.equalsIgnoringCase(word) { return true }
            start = end + 1
        }
        return false
    }

    /// Without blanks and tabs around it.
    public var trimmed: HeadText {
        var low = 0
        var high = count
        while low < high, isBlank(self[low]) { low += 1 }
        while high > low, isBlank(self[high - 1]) { high -= 1 }
        return self[low..<high]
    }

    /// With %XX resolved; nil when a sequence is malformed or the result is not UTF-8 or holds a NUL.
    public var percentDecoded: String? {
        var out: [UInt8] = []
        out.reserveCapacity(count)
        var index = 0
        while index < count {
            if self[index] == UInt8(ascii: "%") {
                guard index + 2 < count, let high = hexValue(self[index + 1]), let low = hexValue(self[index + 2])
                else { return nil }
                out.append(high << 4 | low)
                index += 3
            } else {
                out.append(self[index])
                index += 1
            }
        }
        return out.contains(0) ? nil : String(validating: out, as: UTF8.self)
    }

    /// The value of one parameter of a query ("since=4&limit=10"), decoded; '+' stays '+'.
    public func parameter(_ name: StaticString) -> String? {
        var start = 0
        while start < count {
            let end = firstIndex(of: UInt8(ascii: "&"), from: start) ?? count
            let pair = self[start..<end]
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.count
            if pair[0..<equals] == name { return pair[min(equals + 1, pair.count)..<pair.count].percentDecoded }
            start = end + 1
        }
        return nil
    }
}

@inline(__always) func lowered(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 0x20 : byte }
@inline(__always) func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

@inline(__always) func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
}
