import Glibc
internal import Site

/// Writes one point of a register map into registers, the way its definition says that a reader will
/// read it: the reverse of the decoder, and as generic.
struct RegisterEncoder {
    enum Content {
        case number(Quantity)
        /// A number that the model knows nothing of: near the map's example, breathing slowly.
        case invented(Double, phase: Double)
        case state([(code: Int, text: String)], healthy: Int)
        case flag(String)
        case text(String)
        case constant(Double)
    }

    let point: EquipmentPoint
    /// As on the wire, also inside a SunSpec model.
    let address: Int
    let scaleAddress: Int?
    let content: Content
    /// What a client wrote, while it holds.
    var written: UInt64?

    /// The value in the point's unit, before it is squeezed into registers.
    func value(_ model: ContainerModel, _ kind: EquipmentProfile.Kind, _ path: [String]) -> Double {
        switch content {
        case .number(let quantity):
            return clamped(quantity(model) / point.unit.base.factor)
        case .invented(let middle, let phase):
            return clamped(middle * (1 + 0.004 * sin(model.elapsed_s / 37 + phase)))
        case .state(let states, let healthy):
            let words = Condition.words(kind, about: path, model)
            for word in words { if let match = states.first(where: { $0.text == word }) { return Double(match.code) } }
            return Double(healthy)
        case .flag(let word):
            return Condition.words(kind, about: path, model).contains(word) ? 1 : 0
        case .constant(let value): return value
        case .text: return 0
        }
    }

    private func clamped(_ value: Double) -> Double {
        guard let plausible = point.plausible else { return value }
        return min(plausible.upperBound, max(plausible.lowerBound, value))
    }

    /// The raw bits of `value`, never one of the point's "no value" codes.
    func raw(of value: Double, exponent: Int) -> UInt64 {
        let unscaled = (value - point.offset) / point.scale / pow(10, Double(exponent))
        let shifted = unscaled * Double(UInt64(1) << UInt64(point.fractionBits))
        switch point.type {
        case .float32: return UInt64(Float(shifted).bitPattern)
        case .float64: return shifted.bitPattern
        case .bcd16, .bcd32: return bcd(shifted)
        default:
            let width = point.bits?.count ?? point.words * 16
            let isSigned =
                point.bits == nil && (point.type == .signed16 || point.type == .signed32 || point.type == .signed64)
            let most = isSigned ? pow(2, Double(width - 1)) - 1 : pow(2, Double(width)) - 1
            let least = isSigned ? -pow(2, Double(width - 1)) : 0
            var whole = min(most, max(least, shifted.rounded()))
            for _ in 0..<16 where point.invalid.contains(where: { $0.contains(bits(whole, width)) }) {
                whole += whole > 0 ? -1 : 1
            }
            return bits(whole, width)
        }
    }

    private func bits(_ whole: Double, _ width: Int) -> UInt64 {
        let mask = width >= 64 ? UInt64.max : (UInt64(1) << UInt64(width)) - 1
        if whole < 0 { return UInt64(bitPattern: Int64(max(whole, -0x1p63))) & mask }
        return whole >= 0x1p64 ? mask : UInt64(whole) & mask
    }

    private func bcd(_ value: Double) -> UInt64 {
        var rest = UInt64(max(0, min(value.rounded(), point.words == 1 ? 9999 : 99_999_999)))
        var raw: UInt64 = 0
        var shift: UInt64 = 0
        while rest > 0 {
            raw |= rest % 10 << shift
            rest /= 10
            shift += 4
        }
        return raw
    }

    /// Puts raw bits into the registers; a bit field leaves its neighbours alone.
    func store(_ raw: UInt64, into image: RegisterImage) {
        if point.table.holdsBits {
            image[point.table, address] = raw & 1 == 0 ? 0 : 1
            return
        }
        var whole = raw
        if let bits = point.bits {
            let mask = bits.count >= 64 ? UInt64.max : (UInt64(1) << UInt64(bits.count)) - 1
            let at = UInt64(bits.lowerBound)
            whole = load(from: image) & ~(mask << at) | (raw & mask) << at
        }
        for index in 0..<point.words {
            let shift = UInt64(point.isLowWordFirst ? index : point.words - 1 - index) * 16
            let word = UInt16(truncatingIfNeeded: whole >> shift)
            image[point.table, address + index] = point.isByteSwapped ? word.byteSwapped : word
        }
    }

    func load(from image: RegisterImage) -> UInt64 {
        var whole: UInt64 = 0
        for index in 0..<min(4, point.words) {
            let shift = UInt64(point.isLowWordFirst ? index : point.words - 1 - index) * 16
            let word = image[point.table, address + index]
            whole |= UInt64(point.isByteSwapped ? word.byteSwapped : word) << shift
        }
        return whole
    }

    func store(text: String, into image: RegisterImage) {
        let perWord = point.packing == .oneCharacter ? 1 : 2
        var bytes = Array(text.utf8.prefix(point.words * perWord))
        bytes += [UInt8](repeating: 0, count: point.words * perWord - bytes.count)
        for index in 0..<point.words {
            let word: UInt16 =
                switch point.packing {
                case .oneCharacter: UInt16(bytes[index])
                case .highByteFirst: UInt16(bytes[index * 2]) << 8 | UInt16(bytes[index * 2 + 1])
                case .lowByteFirst: UInt16(bytes[index * 2 + 1]) << 8 | UInt16(bytes[index * 2])
                }
            image[point.table, address + index] = point.isByteSwapped ? word.byteSwapped : word
        }
    }
}

extension RegisterEncoder.Content {
    /// What a point should show, chosen once when the machine is built.
    init(_ point: EquipmentPoint, of profile: EquipmentProfile, feed: Feed, unitName: String) {
        let path = point.path.split { $0 == "." || $0 == "-" }.map(String.init)
        if point.type == .text {
            self = .text(Self.text(point, path, profile, unitName))
        } else if !point.states.isEmpty {
            let last = point.path.split(separator: ".").last.map(String.init) ?? point.path
            let isFlag = point.states.map(\.text) == ["no", "yes"]
            let healthy = point.example.flatMap { Int(exactly: $0) } ?? Self.healthyCode(point.states)
            self = isFlag ? .flag(last) : .state(point.states.map { ($0.code, $0.text) }, healthy: healthy)
        } else {
            // A sensor measures where it hangs, and its name says where.
            let place = profile.kind == .sensor ? unitName.split(separator: "-").map(String.init) : []
            let finder = QuantityFinder(kind: profile.kind, feed: feed, words: path + place, unit: point.unit)
            if let quantity = finder.find() {
                self = .number(Self.adapted(quantity, to: point))
            } else if point.write != nil || point.unit == .none {
                self = .constant(point.example ?? point.write?.limits?.lowerBound ?? 0)
            } else {
                self = .invented(point.example ?? 0, phase: Double(point.address % 17))
            }
        }
    }

    /// A container as it is when all is well.
    private static let reference = ContainerModel(accelerators: Simulation.usualAccelerators, seed: 0)

    /// The model knows one mains and one battery; a 24 V or 48 V machine follows them at its own voltage.
    private static func adapted(_ quantity: @escaping Quantity, to point: EquipmentPoint) -> Quantity {
        guard point.unit == .volts, let example = point.example, example > 0 else { return quantity }
        let usual = quantity(reference)
        let ratio = example / usual
        return usual > 0 && !(0.4...2.5).contains(ratio) ? { quantity($0) * ratio } : quantity
    }

    private static func text(
        _ point: EquipmentPoint, _ path: [String], _ profile: EquipmentProfile, _ unitName: String
    ) -> String {
        if path.contains("serial") { return "SIM-\(unitName)" }
        if let example = point.exampleText { return example }
        if path.contains("manufacturer") || path.contains("vendor") { return profile.manufacturer }
        if path.contains("model") || path.contains("product") { return profile.model }
        if path.contains("name") { return unitName }
        return "1.0"
    }

    private static func healthyCode(_ states: [StateText]) -> Int {
        let healthy = ["normal", "ok", "none", "no", "good", "auto", "on", "running", "off", "internal"]
        for word in healthy { if let match = states.first(where: { $0.text == word }) { return match.code } }
        return states.first?.code ?? 0
    }
}
