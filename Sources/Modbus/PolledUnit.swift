internal import Platform
internal import Site

/// One request in a unit's round, and when it is due.
struct PolledRequest {
    var planned: PlannedRequest
    var interval: Nanoseconds
    var due: MonotonicTime
    /// Points that the machine refused, asked again now and then.
    var isProbation = false

    var pdu: RequestPDU {
        .read(planned.table, address: planned.registers.lowerBound, count: planned.registers.count)
    }
}

/// A machine as the poller sees it: its points made ready, its requests, its health.
final class PolledUnit {
    let plan: ModbusUnit
    let line: UnitLine
    /// By point, in the plan's order; nil for pure commands.
    let ids: [PointID?]
    let decoders: [PointDecoder]
    /// Registers of each point on the wire; nil while unknown (SunSpec) or not carried.
    private(set) var places: [Place?]
    var requests: [PolledRequest] = []
    /// Points that the machine refused, by index.
    var refused: Set<Int> = []
    var barriers: Set<RequestPlanner.Barrier> = []

    var state = UnitStatus.State.starting
    var since: MonotonicTime
    var lastError: String?
    var failuresInARow = 0
    var probeAt: MonotonicTime
    var backOff = BackOff()
    /// SunSpec: model number -> address of the id register of each that there is. Nil: not walked yet.
    var models: [Int: [Int]]?
    var walkAgainAt: MonotonicTime
    private let isSunSpec: Bool

    struct Place {
        var table: RegisterTable
        var address: Int
        var scaleAddress: Int
        var registers: Range<Int>
    }

    init(_ plan: ModbusUnit, bus: ModbusBus, board: Board, now: MonotonicTime) {
        self.plan = plan
        let manners = plan.profile.manners
        line = UnitLine(
            unitID: UInt8(truncatingIfNeeded: plan.unitID),
            timeout: plan.timeout ?? manners.timeout ?? bus.timeout, gap: plan.gap ?? manners.gap,
            latest: manners.latest)
        ids = plan.points.map { $0.isReadable ? board.points.id(of: plan.pointName($0)) : nil }
        decoders = plan.points.map(PointDecoder.init)
        places = []
        since = now
        probeAt = now
        walkAgainAt = now
        isSunSpec = plan.profile.isSunSpec
        models = isSunSpec ? nil : [:]
        resolve()
    }

    /// Finds the registers of every point; for SunSpec after the chain has been walked.
    func resolve() {
        places = plan.points.map { point in
            guard point.isReadable else { return nil }
            guard let base = base(of: point) else { return nil }
            let address = base + point.address
            var registers = address..<address + point.words
            let scaleAddress = point.scaleRegister.map { base + $0 } ?? address
            if point.scaleRegister != nil {
                registers = min(address, scaleAddress)..<max(registers.upperBound, scaleAddress + 1)
            }
            guard registers.upperBound <= 65536 else { return nil }
            return Place(table: point.table, address: address, scaleAddress: scaleAddress, registers: registers)
        }
    }

    /// What the point's registers count from; nil: a SunSpec model that the machine does not carry.
    func base(of point: EquipmentPoint) -> Int? {
        guard let model = point.model else { return 0 }
        guard let found = models?[model], found.count >= point.modelInstance else { return nil }
        return found[point.modelInstance - 1]
    }

    /// Its chain of models is not known, or not for certain any more.
    func needsWalk(_ now: MonotonicTime) -> Bool { models == nil || isSunSpec && now >= walkAgainAt }

    var plannedPoints: [PlannedPoint] {
        plan.points.indices.compactMap { i in
            guard ids[i] != nil, let place = places[i] else { return nil }
            return PlannedPoint(
                index: i, table: place.table, registers: place.registers, rate: plan.points[i].rate,
                isAlone: plan.points[i].isReadAlone)
        }
    }

    /// Makes the requests anew. `first`: when the round begins; rates keep their own pace from there.
    func makeRequests(first: MonotonicTime) {
        let kept = requests.filter(\.isProbation)
        let before = requests
        let planner = RequestPlanner(
            manners: plan.profile.manners, blocks: plan.profile.blocks, barriers: barriers)
        requests = planner.plan(plannedPoints.filter { !refused.contains($0.index) }).map { planned in
            let old = before.first { !$0.isProbation && $0.planned.rate == planned.rate }
            return PolledRequest(
                planned: planned, interval: plan.intervals[planned.rate],
                due: max(first, old.map { $0.due } ?? first))
        }
        requests += kept
    }

    /// Requests whose answers cannot be taken for those of another: see `BusMaster`.
    func probes() -> [RequestPDU] {
        var probes = requests.filter { !$0.isProbation }.map(\.pdu)
        guard
            let widest = requests.filter({ !$0.isProbation }).map(\.planned).max(by: {
                $0.registers.count < $1.registers.count
            })
        else { return probes }
        let start = widest.registers.lowerBound
        for count in stride(from: min(widest.registers.count - 1, 8), to: 0, by: -1) {
            probes.append(.read(widest.table, address: start, count: count))
        }
        if start + widest.registers.count < 65536, widest.registers.count < 120 {
            probes.append(.read(widest.table, address: start, count: widest.registers.count + 1))
        }
        return probes
    }

    func status() -> UnitStatus {
        var status = UnitStatus(name: plan.name, unitID: plan.unitID, profile: plan.profile.name, state: state)
        status.requests = line.requests
        status.timeouts = line.timeouts
        status.checksumErrors = line.checksumErrors
        status.exceptions = line.exceptions
        status.lateReplies = line.lateReplies
        status.foreignReplies = line.foreignReplies
        status.roundTripP50 = line.roundTrips.quantile(0.5)
        status.roundTripP99 = line.roundTrips.quantile(0.99)
        status.lastError = lastError
        return status
    }
}

/// Waits that grow from two seconds to five minutes, each a little different from its neighbour's, so
/// that a hundred machines that lost power together are not all asked in the same instant.
struct BackOff {
    static let first = Nanoseconds.seconds(2)
    private let last: Nanoseconds
    private var next = BackOff.first

    init(upTo last: Nanoseconds = .seconds(300)) { self.last = last }

    mutating func reset() { next = BackOff.first }

    /// `random` from 0 to 1.
    mutating func wait(_ random: Double) -> Nanoseconds {
        let wait = Nanoseconds(Int64(Double(next.count) * (0.8 + 0.4 * random)))
        next = min(last, next * 2)
        return wait
    }
}

/// SplitMix64: enough to spread waits, and the same in every run of a seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    init(name: String) {
        // FNV-1a
        state = name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
    mutating func fraction() -> Double { Double(next() >> 11) / Double(UInt64(1) << 53) }
}
