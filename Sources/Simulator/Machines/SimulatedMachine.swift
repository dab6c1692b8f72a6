internal import Platform
internal import Site

/// One machine on a bus: a register map, filled from the model whenever somebody asks, and the faults
/// it was told to show.
final class SimulatedMachine {
    let busName: String
    let name: String
    let unitID: Int
    let profile: EquipmentProfile
    let image: RegisterImage
    private(set) var encoders: [(encoder: RegisterEncoder, path: [String], exponent: Int)] = []
    private var encodedGeneration = UInt64.max

    /// In force until told otherwise, for so many replies, or until a moment.
    private(set) var faults: [Misbehaviour] = []
    private var faultsLeft: Int?
    private var faultsUntil: MonotonicTime?
    private(set) var requests: UInt64 = 0
    private(set) var faultyReplies: UInt64 = 0

    init(_ unit: ModbusUnit, on busName: String) {
        self.busName = busName
        name = unit.name
        unitID = unit.unitID
        profile = unit.profile
        let feed = Feed(unit.profile.kind, named: unit.name)
        // The site may read a part of the map only; the machine has all of it, but of SunSpec's models
        // those that the site says it carries.
        let models = Set(unit.points.compactMap(\.model))
        let points =
            unit.profile.points.filter { $0.model.map(models.contains) ?? true }
            + unit.points.filter { $0.modelInstance > 1 }
        let layout = SunSpecLayout(points)
        var ranges: [(table: RegisterTable, addresses: Range<Int>)] = []
        var exponents: [Int: Int] = [:]
        for point in points {
            let base = layout.base(of: point)
            let address = base + point.address
            ranges.append((point.table, address..<address + point.words))
            if let scale = point.scaleRegister {
                ranges.append((point.table, base + scale..<base + scale + 1))
                let exponent = SimulatedMachine.exponent(point.unit)
                exponents[base + scale] = max(exponents[base + scale] ?? -9, exponent)
            }
            if let rule = point.write { ranges += SimulatedMachine.written(by: rule, point, address) }
        }
        for block in unit.profile.blocks { ranges.append((block.table, block.address..<block.address + block.count)) }
        for register in unit.profile.fingerprint.registers {
            let words =
                register.text.map { ($0.utf8.count + 1) / 2 } ?? ((register.values.first?.low ?? 0) > 0xFFFF ? 2 : 1)
            ranges.append((register.table, register.address..<register.address + words))
        }
        ranges += layout.ranges
        image = RegisterImage(ranges, holesMax: unit.profile.manners.holesMax)
        layout.fill(image, profile: unit.profile, unitName: unit.name)
        fillFingerprint()
        for (address, exponent) in exponents {
            image[.holding, address] = UInt16(bitPattern: Int16(exponent))
        }
        for point in points {
            let base = layout.base(of: point)
            let scaleAddress = point.scaleRegister.map { $0 + base }
            let encoder = RegisterEncoder(
                point: point, address: base + point.address, scaleAddress: scaleAddress,
                content: RegisterEncoder.Content(point, of: unit.profile, feed: feed, unitName: unit.name))
            let path = point.path.split { $0 == "." || $0 == "-" }.map(String.init)
            encoders.append((encoder, path, scaleAddress.flatMap { exponents[$0] } ?? 0))
        }
    }

    /// A power of ten at which 16 bits hold what a container can have.
    private static func exponent(_ unit: Unit) -> Int {
        switch unit.base.suffix {
        case "watts", "voltamperes", "vars": 1
        case "joules": unit == .wattHours ? 0 : -1
        case "amperes", "hertz": -2
        case "": 0
        default: -1
        }
    }

    private static func written(
        by rule: WriteRule, _ point: EquipmentPoint, _ address: Int
    ) -> [(table: RegisterTable, addresses: Range<Int>)] {
        let table: RegisterTable = point.table.holdsBits ? .coil : .holding
        let first = rule.address ?? address
        var ranges = [(table, first..<first + (rule.hasComplement ? 2 : point.words))]
        for companion in rule.before + rule.after {
            let holdsBits = companion.function == .singleCoil || companion.function == .coils
            ranges.append((holdsBits ? .coil : .holding, companion.address..<companion.address + 1))
        }
        switch rule.readBack {
        case .register(let table, let address), .effect(let table, let address, _):
            ranges.append((table, address..<address + point.words))
        case .sameRegister, .none: break
        }
        return ranges
    }

    private func fillFingerprint() {
        for register in profile.fingerprint.registers {
            if let text = register.text {
                var bytes = Array(text.utf8)
                if bytes.count % 2 == 1 { bytes.append(0) }
                for index in 0..<bytes.count / 2 {
                    image[register.table, register.address + index] =
                        UInt16(bytes[index * 2]) << 8 | UInt16(bytes[index * 2 + 1])
                }
            } else if let value = register.values.first?.low {
                if value > 0xFFFF {
                    image[register.table, register.address] = UInt16(truncatingIfNeeded: value >> 16)
                    image[register.table, register.address + 1] = UInt16(truncatingIfNeeded: value)
                } else {
                    image[register.table, register.address] = UInt16(value)
                }
            }
        }
    }

    /// Brings the registers up to the model's present.
    func refresh(_ model: ContainerModel) {
        if encodedGeneration == model.generation { return }
        encodedGeneration = model.generation
        for (encoder, path, exponent) in encoders where encoder.point.isReadable {
            if let written = encoder.written {
                encoder.store(written, into: image)
            } else if case .text(let text) = encoder.content {
                encoder.store(text: text, into: image)
            } else {
                encoder.store(
                    encoder.raw(of: encoder.value(model, profile.kind, path), exponent: exponent), into: image)
            }
        }
    }

    /// The faults that this reply shows; counts down those that are for so many replies only.
    func faultsInForce(at now: MonotonicTime) -> [Misbehaviour] {
        requests += 1
        if let until = faultsUntil, now > until { healthy() }
        if faults.isEmpty { return [] }
        if let left = faultsLeft {
            faultsLeft = left - 1
            if left <= 0 {
                healthy()
                return []
            }
        }
        return faults
    }

    func countFault() { faultyReplies += 1 }

    /// Faults add up, except those that are for a while or for some replies only: they stand alone.
    func show(_ fault: Misbehaviour, count: Int?, until: MonotonicTime?) {
        if faultsLeft != nil || faultsUntil != nil || count != nil || until != nil { healthy() }
        faults.append(fault)
        faultsLeft = count
        faultsUntil = until
    }

    func healthy() {
        faults = []
        faultsLeft = nil
        faultsUntil = nil
    }

    /// A client wrote registers from `address` on: keeps what belongs to a point, and returns what it
    /// means for the container.
    func accept(_ function: UInt8, _ table: RegisterTable, _ address: Int, _ count: Int, ignored: Bool)
        -> [MachineEffect]
    {
        encodedGeneration = .max
        if ignored { return [] }
        var effects: [MachineEffect] = []
        for index in encoders.indices {
            let encoder = encoders[index].encoder
            guard let rule = encoder.point.write else { continue }
            let target = rule.address ?? encoder.address
            guard target >= address, target < address + count, encoder.point.table.holdsBits == table.holdsBits
            else { continue }
            // Firmware that obeys one function acknowledges the others and forgets them (nut#3593).
            if rule.function.rawValue != Int(function) { continue }
            let raw = rule.address == nil ? encoder.load(from: image) : UInt64(image[table, target])
            if rule.hasComplement && image[table, target + 1] != UInt16(truncatingIfNeeded: 65535 - raw) { continue }
            if encoder.point.isReadable { encoders[index].encoder.written = raw }
            if case .effect(let shown, let at, let expected) = rule.readBack, let value = expected[Int(raw)] {
                image[shown, at] = UInt16(truncatingIfNeeded: value)
                hold(UInt64(value), shown, at)
            } else if case .register(let shown, let at) = rule.readBack {
                image[shown, at] = UInt16(truncatingIfNeeded: raw)
                hold(raw, shown, at)
            }
            let scaled = Double(Int16(truncatingIfNeeded: Int64(bitPattern: raw))) * encoder.point.scale
            if let effect = MachineEffect(
                profile.kind, encoder.point, encoder.point.offset + scaled, encoders[index].path)
            {
                effects.append(effect)
            }
        }
        return effects
    }

    /// The point that is read at a readback's place keeps showing what was commanded.
    private func hold(_ raw: UInt64, _ table: RegisterTable, _ address: Int) {
        for index in encoders.indices
        where encoders[index].encoder.address == address && encoders[index].encoder.point.table == table
            && encoders[index].encoder.point.bits == nil
        {
            encoders[index].encoder.written = raw
        }
    }
}

/// What a write to a machine does to the container.
enum MachineEffect: Equatable {
    case airSetpoint(Double), coolantSetpoint(Double), waterSetpoint(Double)
    case crac(runs: Bool), chiller(runs: Bool)

    init?(_ kind: EquipmentProfile.Kind, _ point: EquipmentPoint, _ value: Double, _ path: [String]) {
        if point.unit == .celsius && (path.contains("setpoint") || path.contains("target")) {
            switch kind {
            case .crac: self = .airSetpoint(value)
            case .cdu: self = .coolantSetpoint(value)
            case .chiller: self = .waterSetpoint(value)
            default: return nil
            }
            return
        }
        let last = path.last ?? ""
        guard !point.states.isEmpty, ["run", "enable", "power", "start", "on"].contains(last) else { return nil }
        switch kind {
        case .crac: self = .crac(runs: value != 0)
        case .chiller: self = .chiller(runs: value != 0)
        default: return nil
        }
    }
}
