public import Site

/// Reading one point by hand, outside the rounds.
extension EquipmentPoint {
    /// The question that reads it; nil for SunSpec points, whose place only a walk over the models tells.
    public var question: ModbusQuestion? {
        if model != nil || !isReadable { return nil }
        let low = min(address, scaleRegister ?? address)
        let high = max(address + words, scaleRegister.map { $0 + 1 } ?? 0)
        return .read(table, address: low, count: high - low)
    }

    /// What the answer to `question` says, in words: "57.5 %", "on-battery", "device says not available".
    public func words(of values: [UInt16]) -> String {
        let low = min(address, scaleRegister ?? address)
        let decoder = PointDecoder(self)
        let decoded: DecodedValue
        if table.holdsBits {
            decoded = values.first.map { .number(Double($0)) } ?? .invalid(.malformedReply)
        } else {
            let bytes = values.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            decoded = decoder.decode(bytes.span, at: address - low, scaleAt: (scaleRegister ?? address) - low)
        }
        switch decoded {
        case .text(let text): return text
        case .invalid(let reason): return reason.text
        case .number(let number):
            if let state = Int(exactly: number).flatMap({ code in states.first { $0.code == code } }) {
                return state.text
            }
            let shown = Int64(exactly: number).map(String.init) ?? number.description
            return unit == .none ? shown : "\(shown) \(unit.rawValue)"
        }
    }
}
