public import Platform
public import Site

/// What could be found out about a unit.
public struct UnitIdentity: Equatable, Sendable {
    public var unitID: Int
    public var answers = false
    /// Function 43/14, by object (see `ModbusAnswer.texts`).
    public var texts: [Int: String] = [:]
    /// SunSpec models it carries, in its order.
    public var models: [Int] = []
    /// Maps whose fingerprints fit.
    public var profiles: [String] = []
    /// Where none does: maps that make sense of what it answers.
    public var resembles: [Resemblance] = []

    public init(unitID: Int) { self.unitID = unitID }
}

/// Finds out who is there. Reads only, one question at a time, each bounded by its timeout.
public enum Discovery {
    /// Whether anybody answers: any well-formed answer counts, also "illegal address".
    public static func isThere(_ bus: some ModbusAsking, unitID: Int, timeout: Nanoseconds) -> Bool {
        bus.ask(unitID: unitID, .read(.holding, address: 0, count: 1), timeout: timeout).isFromUnit
    }

    /// Where to look: a way of one's own, or none and why.
    public enum Way {
        case open(any ModbusAsking)
        case shut(DirectBus.Trouble)
    }

    /// Looks for units on each way in turn. A line has one speed: when somebody answered, its other speeds are not
    /// tried, as they are not when its device cannot be used at all.
    public static func sweep(
        _ links: [ModbusLink], ids: [Int], timeout: Nanoseconds, open: (ModbusLink) -> Way,
        found: (ModbusLink, Int, any ModbusAsking) -> Void
    ) {
        var isDone = false
        for link in links where !isDone {
            switch open(link) {
            case .shut(let trouble): isDone = trouble.isHopeless
            case .open(let bus):
                for id in ids where isThere(bus, unitID: id, timeout: timeout) {
                    if case .rtu = link { isDone = true }
                    found(link, id, bus)
                }
            }
        }
    }

    public static func identify(
        _ bus: some ModbusAsking, unitID: Int, profiles: [EquipmentProfile], timeout: Nanoseconds
    ) -> UnitIdentity {
        var identity = UnitIdentity(unitID: unitID)
        let first = bus.ask(unitID: unitID, .identification, timeout: timeout)
        if case .texts(let texts) = first { identity.texts = texts }
        identity.answers = first.isFromUnit || isThere(bus, unitID: unitID, timeout: timeout)
        guard identity.answers else { return identity }
        if case .found(let models) = SunSpec.walk({ question in
            bus.ask(unitID: unitID, question, timeout: timeout)
        }) {
            identity.models = models.map(\.number)
        }
        for profile in profiles where fits(profile, identity, bus, timeout) { identity.profiles.append(profile.name) }
        if identity.profiles.isEmpty, identity.models.isEmpty {
            identity.resembles = resemblances(bus, unitID: unitID, profiles: profiles, timeout: timeout)
        }
        return identity
    }

    /// A SunSpec point with the registers that it has in this machine: the chain of models is walked for it.
    public static func locate(
        _ point: EquipmentPoint, _ bus: some ModbusAsking, unitID: Int, timeout: Nanoseconds?
    ) -> Located {
        guard let model = point.model else { return .found(point) }
        switch SunSpec.walk({ bus.ask(unitID: unitID, $0, timeout: timeout) }) {
        case .failed(let text): return .failed(text)
        case .notSunSpec: return .failed("it is no SunSpec machine: no marker at 40000, 50000 or 0")
        case .found(let models):
            let bases = models.filter { $0.number == model }.map(\.address)
            guard bases.count >= point.modelInstance else {
                let known = models.map { String($0.number) }.joined(separator: ", ")
                return .failed("it does not carry SunSpec model \(model), but \(known)")
            }
            var placed = point
            placed.model = nil
            placed.address += bases[point.modelInstance - 1]
            placed.scaleRegister = point.scaleRegister.map { $0 + bases[point.modelInstance - 1] }
            return .found(placed)
        }
    }

    public enum Located {
        case found(EquipmentPoint)
        case failed(String)
    }

    private static func fits(
        _ profile: EquipmentProfile, _ identity: UnitIdentity, _ bus: some ModbusAsking, _ timeout: Nanoseconds
    ) -> Bool {
        if profile.isSunSpec {
            // Model 1 is on every SunSpec machine: it tells nothing.
            return !Set(profile.points.compactMap(\.model)).subtracting([1]).isDisjoint(with: identity.models)
        }
        let print = profile.fingerprint
        if print.isEmpty { return false }
        if let vendor = print.vendor, !contains(identity.texts[0] ?? "", vendor) { return false }
        if let product = print.product {
            let all = [1, 4, 5].compactMap { identity.texts[$0] }
            if !all.contains(where: { contains($0, product) }) { return false }
        }
        return print.registers.allSatisfy { holds($0, profile, identity.unitID, bus, timeout) }
    }

    private static func holds(
        _ value: EquipmentFingerprint.RegisterValue, _ profile: EquipmentProfile, _ unitID: Int,
        _ bus: some ModbusAsking, _ timeout: Nanoseconds
    ) -> Bool {
        // As many registers as the point there has: some machines answer exact lengths only.
        let point = profile.points.first { $0.table == value.table && $0.address == value.address }
        let needed = value.text.map { ($0.utf8.count + 1) / 2 } ?? 1
        let question = ModbusQuestion.read(value.table, address: value.address, count: max(needed, point?.words ?? 1))
        guard case .values(let words) = bus.ask(unitID: unitID, question, timeout: timeout) else { return false }
        if let text = value.text {
            let bytes = words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            return String(decoding: bytes, as: UTF8.self).hasPrefix(text)
        }
        let raw = words.prefix(4).reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return value.values.contains { $0.contains(raw) }
    }

    private static func contains(_ text: String, _ part: String) -> Bool {
        text.lowercased().holds(part.lowercased())
    }
}
