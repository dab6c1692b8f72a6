internal import Platform
internal import Site

/// Why a value cannot be put into a point's registers.
struct EncodingFault: Error, Equatable {
    let text: String
}

extension EquipmentPoint {
    /// The registers that hold `value`, in the order of the wire. `power`: the run-time power of ten.
    func encode(_ value: Double, power: Int = 0) throws(EncodingFault) -> [UInt16] {
        guard value.isFinite else { throw EncodingFault(text: "not a number") }
        if type == .bit { return [value == 0 ? 0 : 1] }
        let factor = scale / Double(UInt64(1) << UInt64(fractionBits))
        let scaled = (value - offset) / factor / powerOfTen(power)
        let raw: UInt64
        switch type {
        case .float32: raw = UInt64(Float(scaled).bitPattern)
        case .float64: raw = scaled.bitPattern
        case .text: throw EncodingFault(text: "a string")
        default: raw = try pattern(scaled.rounded(), value)
        }
        var registers: [UInt16] = []
        for i in stride(from: words - 1, through: 0, by: -1) {
            let word = UInt16(truncatingIfNeeded: raw >> UInt64(i * 16))
            registers.append(isByteSwapped ? word.byteSwapped : word)
        }
        return isLowWordFirst ? registers.reversed() : registers
    }

    private func pattern(_ number: Double, _ value: Double) throws(EncodingFault) -> UInt64 {
        func fault() -> EncodingFault { EncodingFault(text: "\(value) does not fit into \(type.rawValue)") }
        switch type {
        case .unsigned16, .unsigned32, .unsigned48, .unsigned64:
            guard let raw = UInt64(exactly: number), words == 4 || raw >> UInt64(words * 16) == 0 else { throw fault() }
            return raw
        case .signed16:
            guard let raw = Int16(exactly: number) else { throw fault() }
            return UInt64(UInt16(bitPattern: raw))
        case .signed32:
            guard let raw = Int32(exactly: number) else { throw fault() }
            return UInt64(UInt32(bitPattern: raw))
        case .signed64:
            guard let raw = Int64(exactly: number) else { throw fault() }
            return UInt64(bitPattern: raw)
        case .bcd16, .bcd32:
            guard var rest = UInt64(exactly: number) else { throw fault() }
            var raw: UInt64 = 0
            for shift in stride(from: 0, to: words * 16, by: 4) {
                raw |= (rest % 10) << UInt64(shift)
                rest /= 10
            }
            guard rest == 0 else { throw fault() }
            return raw
        case .float32, .float64, .text, .bit: throw fault()
        }
    }

    private func powerOfTen(_ power: Int) -> Double {
        (0..<power.magnitude).reduce(1.0) { product, _ in power < 0 ? product / 10 : product * 10 }
    }
}
