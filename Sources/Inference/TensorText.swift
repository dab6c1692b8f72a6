internal import CLinux
internal import Platform

/// A tensor written as JSON: nested or flat lists of numbers, booleans or strings, row by row.
struct TensorText {
    private let text: Memory
    private let data: Range<Int>
    private let tensor: TensorDescription

    init(_ text: Memory, _ data: Range<Int>, _ tensor: TensorDescription) {
        self.text = text
        self.data = data
        self.tensor = tensor
    }

    /// Fills `target` exactly (for BYTES: up to its size); returns the bytes written.
    @discardableResult
    func parse(into target: Memory, elements: Int? = nil) throws(RequestFault) -> Int {
        var cursor = JSONCursor(text, data)
        var written = 0, count = 0
        guard cursor.peek() == UInt8(ascii: "[") else { throw cursor.fault("a list of data") }
        while true {
            switch cursor.peek() {
            case nil:
                let isWhole = tensor.type == .bytes ? count == elements ?? count : written == target.count
                guard isWhole else {
                    throw .invalid("input '\(tensor.name)' has \(count) elements, its shape asks for more")
                }
                return written
            // The brackets were matched when the value was skipped: what nests how does not matter here.
            case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","): cursor.at += 1
            default:
                written += try element(&cursor, target, written)
                count += 1
                if let elements, count > elements { throw tooMany }
            }
        }
    }

    private var tooMany: RequestFault { .invalid("input '\(tensor.name)' has more elements than its shape says") }

    private func element(_ cursor: inout JSONCursor, _ target: Memory, _ at: Int) throws(RequestFault) -> Int {
        let size = tensor.type.byteCount
        guard at + max(size, 4) <= target.count || (size > 0 && at + size <= target.count) else { throw tooMany }
        switch tensor.type {
        case .bool:
            let isNumber = cursor.next.map { $0 >= 48 && $0 <= 57 } ?? false
            target[at] = isNumber ? (try cursor.size() != 0 ? 1 : 0) : try cursor.flag() ? 1 : 0
        case .fp32: target.store(at, Float(try cursor.double()))
        case .fp64: target.store(at, try cursor.double())
        case .int8: target.store(at, try whole(&cursor, Int8.self))
        case .int16: target.store(at, try whole(&cursor, Int16.self))
        case .int32: target.store(at, try whole(&cursor, Int32.self))
        case .int64: target.store(at, try whole(&cursor, Int64.self))
        case .uint8: target.store(at, try whole(&cursor, UInt8.self))
        case .uint16: target.store(at, try whole(&cursor, UInt16.self))
        case .uint32: target.store(at, try whole(&cursor, UInt32.self))
        case .uint64: target.store(at, try whole(&cursor, UInt64.self))
        case .fp16, .bf16:
            throw .invalid("\(tensor.type.text) has no JSON form: send input '\(tensor.name)' as binary data")
        case .bytes:
            let range = try cursor.string()
            guard at + 4 + range.count <= target.count else { throw tooMany }
            target.store(at, UInt32(range.count).littleEndian)
            target.slice(at + 4, range.count).copy(from: text.slice(range.lowerBound, range.count))
            return 4 + range.count
        }
        return size
    }

    private func whole<Number: FixedWidthInteger & BitwiseCopyable>(
        _ cursor: inout JSONCursor, _ type: Number.Type
    ) throws(RequestFault) -> Number {
        let start = cursor.at
        let (magnitude, isNegative) = try cursor.integer()
        if !isNegative, let number = Number(exactly: magnitude) { return number }
        if isNegative, magnitude <= 1 << 63 {
            let signed = magnitude == 1 << 63 ? Int64.min : -Int64(magnitude)
            if let number = Number(exactly: signed) { return number }
        }
        cursor.at = start
        throw cursor.fault("a whole number that fits \(tensor.type.text)")
    }

    // MARK: - Out

    /// A tensor's elements as a flat JSON list.
    static func write(_ memory: Memory, _ type: DataType, _ writer: inout ByteWriter) {
        writer.append(UInt8(ascii: "["))
        if type == .bytes {
            writeStrings(memory, &writer)
        } else {
            let size = type.byteCount
            for at in stride(from: 0, to: memory.count / size * size, by: size) {
                if at > 0 { writer.append(UInt8(ascii: ",")) }
                write(memory, at, type, &writer)
            }
        }
        writer.append(UInt8(ascii: "]"))
    }

    private static func write(_ memory: Memory, _ at: Int, _ type: DataType, _ writer: inout ByteWriter) {
        switch type {
        case .bool: memory[at] == 0 ? writer.append("false") : writer.append("true")
        case .fp32: number(Double(memory.load(at, as: Float.self)), isFloat: true, &writer)
        case .fp64: number(memory.load(at, as: Double.self), isFloat: false, &writer)
        case .int8: writer.append(memory.load(at, as: Int8.self))
        case .int16: writer.append(memory.load(at, as: Int16.self))
        case .int32: writer.append(memory.load(at, as: Int32.self))
        case .int64: writer.append(memory.load(at, as: Int64.self))
        case .uint8: writer.append(Int(memory[at]))
        case .uint16: writer.append(memory.load(at, as: UInt16.self))
        case .uint32: writer.append(memory.load(at, as: UInt32.self))
        case .uint64: writer.append(memory.load(at, as: UInt64.self))
        case .fp16, .bf16, .bytes: writer.append("null")
        }
    }

    private static func number(_ number: Double, isFloat: Bool, _ writer: inout ByteWriter) {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { text in
            guard let base = text.baseAddress else { return }
            let count = unsafe isFloat ? cl_print_float(Float(number), base) : cl_print_double(number, base)
            for i in 0..<Int(count) { unsafe writer.append(UInt8(bitPattern: base[i])) }
        }
    }

    private static func writeStrings(_ memory: Memory, _ writer: inout ByteWriter) {
        var at = 0
        while at + 4 <= memory.count {
            let length = Int(UInt32(littleEndian: memory.load(at, as: UInt32.self)))
            guard length <= memory.count - at - 4 else { return }
            if at > 0 { writer.append(UInt8(ascii: ",")) }
            quote(memory, at + 4..<at + 4 + length, &writer)
            at += 4 + length
        }
    }

    /// Text of a client's, escaped again; bytes that are no UTF-8 become the replacement character.
    static func quote(_ memory: Memory, _ range: Range<Int>, _ writer: inout ByteWriter) {
        writer.append(UInt8(ascii: "\""))
        var at = range.lowerBound
        while at < range.upperBound {
            let byte = memory[at]
            switch byte {
            case UInt8(ascii: "\""): writer.append("\\\"")
            case UInt8(ascii: "\\"): writer.append("\\\\")
            case 0..<0x20, 0x7F:
                writer.append("\\u00")
                writer.append(hexDigit(byte >> 4))
                writer.append(hexDigit(byte & 15))
            case 0..<0x80: writer.append(byte)
            default:
                let length = scalarLength(memory, at, range.upperBound)
                if length == 0 {
                    writer.append("\\ufffd")
                } else {
                    for i in at..<at + length { writer.append(memory[i]) }
                    at += length - 1
                }
            }
            at += 1
        }
        writer.append(UInt8(ascii: "\""))
    }

    /// Bytes of the UTF-8 character at `at`, or 0 (RFC 3629's table).
    private static func scalarLength(_ memory: Memory, _ at: Int, _ end: Int) -> Int {
        let first = memory[at]
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard first >= 0xC2, first <= 0xF4, end - at >= length else { return 0 }
        for i in at + 1..<at + length where memory[i] & 0xC0 != 0x80 { return 0 }
        let second = memory[at + 1]
        switch first {
        case 0xE0: return second >= 0xA0 ? 3 : 0
        case 0xED: return second < 0xA0 ? 3 : 0
        case 0xF0: return second >= 0x90 ? 4 : 0
        case 0xF4: return second < 0x90 ? 4 : 0
        default: return length
        }
    }
}
