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

    /// What the answer to `question` says; nil and the reason where it is no measurement.
    public func value(of values: [UInt16]) -> (value: Value?, reason: Reason) {
        switch decoded(values) {
        case .text(let text): (.text(text), .none)
        case .invalid(let reason): (nil, reason)
        case .number(let number): (state(of: number).map(Value.text) ?? .number(number), .none)
        }
    }

    /// The same in words: "57.5 %", "on-battery", "device says not available".
    public func words(of values: [UInt16]) -> String {
        switch decoded(values) {
        case .text(let text): return text
        case .invalid(let reason): return reason.text
        case .number(let number):
            if let state = state(of: number) { return state }
            let shown = Int64(exactly: number).map(String.init) ?? number.description
            return unit == .none ? shown : "\(shown) \(unit.rawValue)"
        }
    }

    private func state(of number: Double) -> String? {
        Int(exactly: number).flatMap { code in states.first { $0.code == code }?.text }
    }

    private func decoded(_ values: [UInt16]) -> DecodedValue {
        let low = min(address, scaleRegister ?? address)
        if table.holdsBits { return values.first.map { .number(Double($0)) } ?? .invalid(.malformedReply) }
        let bytes = values.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        return PointDecoder(self).decode(bytes.span, at: address - low, scaleAt: (scaleRegister ?? address) - low)
    }
}
