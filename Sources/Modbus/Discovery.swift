public import Platform
internal import Site

/// What could be found out about a unit.
public struct UnitIdentity: Equatable, Sendable {
    public var unitID: Int
    public var answers = false
    /// Function 43/14: object number -> text (0 vendor, 1 product code, 2 revision, 4 product, 5 model).
    public var texts: [Int: String] = [:]
    /// SunSpec models it carries.
    public var models: [Int] = []
    /// Maps whose fingerprints fit.
    public var profiles: [String] = []

    public init(unitID: Int) { self.unitID = unitID }
}

/// Where to look for units, gently: one question per unit, and polling goes first.
public struct ScanPlan: Equatable, Sendable {
    public var unitIDs: [Int]
    public var timeout: Nanoseconds
    public init(unitIDs: [Int], timeout: Nanoseconds = .milliseconds(200)) {
        self.unitIDs = unitIDs
        self.timeout = timeout
    }
}

struct ScanJob {
    var plan: ScanPlan
    var next = 0
    var found: [UnitIdentity] = []
    var answer: @Sendable ([UnitIdentity]) -> Void
}

enum Discovery {
    /// Whether anybody answers: any well-formed answer counts, also "illegal address".
    static func isThere(_ master: BusMaster, _ line: UnitLine, _ timeout: Nanoseconds) -> Bool {
        for request in [RequestPDU.read(.holding, address: 0, count: 1), .read(.input, address: 0, count: 1)] {
            switch master.transact(line, request, timeout: timeout) {
            case .answer: return true
            case .exception(let code): return code != 10 && code != 11  // a gateway's own words for "nobody"
            case .failed: return false
            }
        }
        return false
    }

    static func identify(_ master: BusMaster, _ line: UnitLine, profiles: [EquipmentProfile]) -> UnitIdentity {
        var identity = UnitIdentity(unitID: Int(line.unitID))
        if case .answer = master.transact(line, .identify(code: 1, object: 0)) {
            identity.answers = true
            identity.texts = texts(master.reply)
        }
        if case .found(let models) = SunSpec.walk(master, line) {
            identity.answers = true
            identity.models = models.map(\.number)
        }
        for profile in profiles where fits(profile, identity, master, line) { identity.profiles.append(profile.name) }
        if !identity.answers { identity.answers = isThere(master, line, line.timeout) }
        return identity
    }

    private static func fits(
        _ profile: EquipmentProfile, _ identity: UnitIdentity, _ master: BusMaster, _ line: UnitLine
    ) -> Bool {
        if profile.isSunSpec {
            let carried = Set(profile.points.compactMap(\.model)).intersection(identity.models)
            return !carried.isEmpty
        }
        let print = profile.fingerprint
        if print.isEmpty { return false }
        if let vendor = print.vendor, !contains(identity.texts[0] ?? "", vendor) { return false }
        if let product = print.product {
            let all = [1, 4, 5].compactMap { identity.texts[$0] }
            if !all.contains(where: { contains($0, product) }) { return false }
        }
        return print.registers.allSatisfy { holds($0, profile, master, line) }
    }

    private static func holds(
        _ value: EquipmentFingerprint.RegisterValue, _ profile: EquipmentProfile, _ master: BusMaster, _ line: UnitLine
    ) -> Bool {
        // As many registers as the point there has: machines that answer exact lengths only.
        let point = profile.points.first { $0.table == value.table && $0.address == value.address }
        let count = value.text.map { ($0.utf8.count + 1) / 2 } ?? point?.words ?? 1
        let request = RequestPDU.read(value.table, address: value.address, count: max(count, point?.words ?? 1))
        guard case .answer = master.transact(line, request), let words = values(of: request, master.reply) else {
            return false
        }
        if let text = value.text {
            let bytes = words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            return String(decoding: bytes, as: UTF8.self).hasPrefix(text)
        }
        let raw = words.prefix(4).reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return value.values.contains { $0.contains(raw) }
    }

    private static func contains(_ text: String, _ part: String) -> Bool {
        text.lowercased().contains(part.lowercased())
    }

    /// Function 43/14: code, conformity, more, next, count, then id, length and text of each object.
    static func texts(_ pdu: [UInt8]) -> [Int: String] {
        var texts: [Int: String] = [:]
        guard pdu.count >= 7 else { return texts }
        var at = 7
        for _ in 0..<Int(pdu[6]) {
            guard at + 2 <= pdu.count, at + 2 + Int(pdu[at + 1]) <= pdu.count else { break }
            let bytes = pdu[(at + 2)..<(at + 2 + Int(pdu[at + 1]))]
            let printable = bytes.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
            texts[Int(pdu[at])] = String(decoding: printable, as: UTF8.self)
            at += 2 + bytes.count
        }
        return texts
    }

    static func values(of request: RequestPDU, _ pdu: [UInt8]) -> [UInt16]? {
        guard case .read(let table, _, let count) = request else { return nil }
        if table.holdsBits {
            guard pdu.count >= 2 + (count + 7) / 8 else { return nil }
            return (0..<count).map { UInt16(pdu[2 + $0 / 8] >> UInt8($0 % 8) & 1) }
        }
        guard pdu.count >= 2 + count * 2 else { return nil }
        return (0..<count).map { UInt16(pdu[2 + $0 * 2]) << 8 | UInt16(pdu[3 + $0 * 2]) }
    }
}

extension BusEngine {
    /// One unit of a scan; returns false when there is none to do.
    func scanOne() -> Bool {
        guard !scans.isEmpty else { return false }
        var job = scans[0]
        guard job.next < job.plan.unitIDs.count, ensureOpen() else {
            scans.removeFirst()
            job.answer(job.found)
            return true
        }
        let unitID = UInt8(truncatingIfNeeded: job.plan.unitIDs[job.next])
        job.next += 1
        let known = units.first { $0.line.unitID == unitID }
        let line = known?.line ?? UnitLine(unitID: unitID, timeout: job.plan.timeout)
        if known?.state == .online || Discovery.isThere(master, line, job.plan.timeout) {
            var identity = UnitIdentity(unitID: Int(unitID))
            identity.answers = true
            identity.profiles = known.map { [$0.plan.profile.name] } ?? []
            job.found.append(identity)
        }
        scans[0] = job
        return true
    }
}
