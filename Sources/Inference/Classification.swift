internal import CLinux
internal import Platform

/// Triton's classification extension: the best n of each row as "value:index[:label]".
struct Classification {
    private let memory: Memory
    private let type: DataType
    private let rows: Int
    private let columns: Int
    private let isBatching: Bool
    private let labels: [String]

    init(_ memory: Memory, _ type: DataType, _ place: TensorPlace, isBatching: Bool, labels: [String]) {
        self.memory = memory
        self.type = type
        self.isBatching = isBatching
        self.labels = labels
        let elements = type.byteCount > 0 ? memory.count / type.byteCount : 0
        rows = isBatching ? max(1, Int(place.dims[0])) : 1
        columns = elements / rows
    }

    /// `elements`: packed BYTES, or a JSON list.
    func write(best wanted: Int, shape: inout ByteWriter, elements: inout ByteWriter, isBinary: Bool) {
        let count = min(wanted, columns)
        if isBatching {
            shape.append(rows)
            shape.append(",")
        }
        shape.append(count)
        if !isBinary { elements.append("[") }
        for row in 0..<rows {
            let order = (0..<columns).sorted { a, b in
                let x = value(row, a), y = value(row, b)
                return x == y ? a < b : x > y
            }
            for (place, index) in order.prefix(count).enumerated() {
                let text = text(row, index)
                if isBinary {
                    let length = UInt32(text.utf8.count)
                    for shift in stride(from: UInt32(0), to: 32, by: 8) {
                        elements.append(UInt8(truncatingIfNeeded: length >> shift))
                    }
                    elements.append(string: text)
                } else {
                    if row > 0 || place > 0 { elements.append(",") }
                    elements.append("\"")
                    for byte in text.utf8 where byte >= 0x20 && byte != 0x22 && byte != 0x5C { elements.append(byte) }
                    elements.append("\"")
                }
            }
        }
        if !isBinary { elements.append("]") }
    }

    private func text(_ row: Int, _ index: Int) -> String {
        let label = index < labels.count ? ":" + labels[index] : ""
        // "%f", as Triton prints it.
        let number = value(row, index)
        return fixedSix(number) + ":\(index)" + label
    }

    private func value(_ row: Int, _ column: Int) -> Double {
        let at = (row * columns + column) * type.byteCount
        return switch type {
        case .fp32: Double(memory.load(at, as: Float.self))
        case .fp64: memory.load(at, as: Double.self)
        case .int8: Double(memory.load(at, as: Int8.self))
        case .int16: Double(memory.load(at, as: Int16.self))
        case .int32: Double(memory.load(at, as: Int32.self))
        case .int64: Double(memory.load(at, as: Int64.self))
        case .uint8, .bool: Double(memory[at])
        case .uint16: Double(memory.load(at, as: UInt16.self))
        case .uint32: Double(memory.load(at, as: UInt32.self))
        case .uint64: Double(memory.load(at, as: UInt64.self))
        case .fp16, .bf16, .bytes: 0
        }
    }
}

/// Six digits behind the point.
func fixedSix(_ number: Double) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 352) { text in
        guard let base = text.baseAddress else { return "" }
        _ = unsafe cl_print_fixed(number, base, 352)
        return unsafe String(cString: base)
    }
}
