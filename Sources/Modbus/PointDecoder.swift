internal import Platform
internal import Site

/// What the registers of a point say.
enum DecodedValue: Equatable {
    case number(Double)
    case text(String)
    /// An answer, but no measurement.
    case invalid(Reason)
}

/// A point's rule, made ready: decodes from the bytes of an answer. A class, because a copy of the rule would
/// cost more than its use, thousands of times a second.
final class PointDecoder: Sendable {
    let type: RegisterType
    let words: Int
    let isLowWordFirst: Bool
    let isByteSwapped: Bool
    let packing: EquipmentPoint.TextPacking
    /// raw * multiplier / divisor + offset: a scale of 0.1 divides by 10, so that 2304 is 230.4 and not
    /// 230.40000000000003.
    let multiplier: Double
    let divisor: Double
    let offset: Double
    /// The offset in raw steps, where that is exact: 2982 tenths less 2730 are 25.2, and 298.2 - 273 is not.
    let rawOffset: Double?
    let invalid: [RawRange]
    let bits: ClosedRange<Int>?
    let plausible: ClosedRange<Double>?
    let hasScaleRegister: Bool

    init(_ point: EquipmentPoint) {
        type = point.type
        words = point.words
        isLowWordFirst = point.isLowWordFirst
        isByteSwapped = point.isByteSwapped
        packing = point.packing
        let inverse = (1 / point.scale).rounded()
        let isInverse = point.scale.magnitude < 1 && (1 / inverse - point.scale).magnitude < 1e-12
        multiplier = isInverse ? 1 : point.scale
        divisor = (isInverse ? inverse : 1) * Double(UInt64(1) << UInt64(point.fractionBits))
        offset = point.offset
        let steps = (point.offset * divisor).rounded()
        rawOffset = multiplier == 1 && steps / divisor == point.offset ? steps : nil
        invalid = point.invalid
        bits = point.bits
        plausible = point.plausible
        hasScaleRegister = point.scaleRegister != nil
    }

    /// `data`: the register bytes of an answer; the point begins at register `at`, its power of ten stands
    /// at register `scaleAt`.
    func decode(_ data: Span<UInt8>, at: Int, scaleAt: Int = 0) -> DecodedValue {
        guard at >= 0, (at + words) * 2 <= data.count else { return .invalid(.malformedReply) }
        if type == .text { return decodeText(data, at) }
        let raw = rawPattern(data, at)
        for range in invalid where range.contains(raw) { return .invalid(.notAvailableCode) }
        guard var number = number(of: raw) else { return .invalid(.notANumber) }
        if let bits {
            let mask = bits.count == 64 ? UInt64.max : (UInt64(1) << UInt64(bits.count)) - 1
            number = Double(raw >> UInt64(bits.lowerBound) & mask)
        }
        number = rawOffset.map { (number + $0) / divisor } ?? (number * multiplier / divisor + offset)
        if hasScaleRegister {
            guard scaleAt >= 0, (scaleAt + 1) * 2 <= data.count else { return .invalid(.malformedReply) }
            let power = Int(Int16(bitPattern: word(data, scaleAt)))
            // SunSpec allows -10 to 10; 0x8000 is "not implemented".
            guard (-10...10).contains(power) else { return .invalid(.notAvailableCode) }
            number = power < 0 ? number / powersOfTen[-power] : number * powersOfTen[power]
        }
        guard number.isFinite else { return .invalid(.notANumber) }
        if let plausible, !plausible.contains(number) { return .invalid(.outOfRange) }
        return .number(number)
    }

    /// A coil or discrete input: bit `at` of the answer.
    func decodeBit(_ data: Span<UInt8>, at: Int) -> DecodedValue {
        guard at >= 0, at / 8 < data.count else { return .invalid(.malformedReply) }
        return .number(data[at / 8] >> UInt8(at % 8) & 1 == 1 ? 1 : 0)
    }

    private func word(_ data: Span<UInt8>, _ at: Int) -> UInt16 {
        isByteSwapped
            ? UInt16(data[at * 2 + 1]) << 8 | UInt16(data[at * 2])
            : UInt16(data[at * 2]) << 8 | UInt16(data[at * 2 + 1])
    }

    /// All words as one unsigned number, the most significant first.
    private func rawPattern(_ data: Span<UInt8>, _ at: Int) -> UInt64 {
        var raw: UInt64 = 0
        for i in 0..<min(words, 4) {
            raw = raw << 16 | UInt64(word(data, isLowWordFirst ? at + words - 1 - i : at + i))
        }
        return raw
    }

    private func number(of raw: UInt64) -> Double? {
        switch type {
        case .unsigned16, .unsigned32, .unsigned48, .unsigned64, .bit, .text: return Double(raw)
        case .signed16: return Double(Int16(truncatingIfNeeded: raw))
        case .signed32: return Double(Int32(truncatingIfNeeded: raw))
        case .signed64: return Double(Int64(bitPattern: raw))
        case .float32:
            let number = Float(bitPattern: UInt32(truncatingIfNeeded: raw))
            // Through its shortest text: 230.1 in 32 bits is 230.1 to people, not 230.10000610351562.
            return number.isFinite ? Double(number.description) : nil
        case .float64:
            let number = Double(bitPattern: raw)
            return number.isFinite ? number : nil
        case .bcd16, .bcd32:
            var number = 0.0
            for shift in stride(from: words * 16 - 4, through: 0, by: -4) {
                let digit = raw >> UInt64(shift) & 15
                if digit > 9 { return nil }
                number = number * 10 + Double(digit)
            }
            return number
        }
    }

    /// Printable characters up to the first NUL; blanks at the ends are padding.
    private func decodeText(_ data: Span<UInt8>, _ at: Int) -> DecodedValue {
        var bytes: [UInt8] = []
        for i in at..<at + words {
            let high = data[i * 2], low = data[i * 2 + 1]
            switch packing {
            case .highByteFirst: bytes += [high, low]
            case .lowByteFirst: bytes += [low, high]
            case .oneCharacter: bytes.append(low == 0 ? high : low)
            }
        }
        if bytes.allSatisfy({ $0 == 0xFF }) { return .invalid(.notAvailableCode) }
        let text = bytes.prefix { $0 != 0 }.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        let trimmed = text.drop { $0 == 0x20 }
        let end = trimmed.lastIndex { $0 != 0x20 }.map { $0 + 1 } ?? trimmed.startIndex
        return .text(String(decoding: trimmed[..<end], as: UTF8.self))
    }
}

private let powersOfTen: [Double] = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10]
