// Control: Decides, from the board and the clock alone: alarms, arming, posture, power budget,
// guard. It must never do I/O or ask a clock of its own.
public import Platform
public import Site

/// Everything that is judged in one container, as a value: the same inputs at the same moments give
/// the same decisions, in the agent, in a test and in a simulated year.
public struct Control: Sendable {
    /// The points that `step` wants samples of, in the order in which it wants them.
    public let watched: [PointID]

    /// Where each point of the table stands among the samples; -1: nobody looks at it.
    let slots: [Int]

    private var alarms: AlarmList
    private var posture: PostureKeeper
    private var zones: ZoneWatch
    private var budget: PowerBudget
    private var energy: EnergyAccounts
    private var writes: WriteGuard
    private var health = AgentHealth()
    private var clock = ClockWatch()
    private var outputs: ComputedPoints
    private var lastMemory = MonotonicTime.distantPast
    /// Of the last memory, so that the next one fits at once.
    private var memorySize = 0
    private var isFirst = true

    /// `memory` is what the last `Decisions.memory` said before the agent ended; `seed` makes the ids
    /// of breaches.
    public init(site: SitePlan, points: PointTable, memory: [UInt8]? = nil, seed: UInt64 = 0, now: Moment) {
        let plan = site.control
        var slots = SampleSlots(points)
        zones = ZoneWatch(site.security, &slots)
        budget = PowerBudget(plan.feeds, plan.effectiveness, &slots, seed: seed, now: now)
        energy = EnergyAccounts(plan, &slots)
        writes = WriteGuard(site.allWritable, &slots)
        // The external ones in the order in which `step` hands them over.
        let conditions = site.allConditions + budget.conditions + zones.arming.conditions + AgentHealth.conditions
        alarms = AlarmList(conditions, flood: plan.flood, &slots)
        posture = PostureKeeper(plan, conditions, &slots, now: now)
        outputs = ComputedPoints(plan, points)
        watched = slots.points
        var places = Array(repeating: -1, count: points.count)
        for (slot, id) in watched.enumerated() { places[id.index] = slot }
        self.slots = places
        if let memory { recall(memory, now: now) }
    }

    /// One look at everything. Called after every change on the Board, after every request, and no
    /// later than `Decisions.nextDeadline`. Where nothing is news it allocates nothing.
    public mutating func step(_ inputs: ControlInputs, now: Moment) -> Decisions {
        var decisions = Decisions(posture: posture.current)
        decisions.events = inputs.drafts
        let byDoor = RequestsByDoor(inputs.requests)
        let isFirst = isFirst
        self.isFirst = false

        clock.step(now, &decisions)
        let areZonesNew = zones.step(inputs, byDoor.arming, now: now, &decisions)
        if areZonesNew || isFirst {
            alarms.take(zones.last.holding, from: budget.conditions.count)
        }
        if budget.step(inputs, byDoor.targets, now: now, &decisions) { alarms.take(budget.holding, from: 0) }
        energy.step(inputs, now: now)
        if inputs.health != health || isFirst {
            health = inputs.health
            alarms.take(
                health.holding, details: health.details,
                from: budget.conditions.count + zones.arming.conditions.count)
        }

        alarms.step(inputs.samples, changed: isFirst ? nil : inputs.changed, now: now, &decisions)
        for request in byDoor.alarms { alarms.answer(request, now: now, &decisions) }

        posture.step(inputs.samples, alarms, budget.demand, now: now, &decisions)
        writes.step(byDoor.writes, inputs.writeResults, inputs.samples, alarms, now: now, &decisions)

        decisions.alarms = alarms.list
        decisions.alarmsVersion = alarms.version
        decisions.power = budget.status
        decisions.energy = energy.status
        outputs.fill(&decisions, budget, energy, now: now)
        // What rooms said passes through; only what was decided here is worth remembering at once.
        let isTripNew = areZonesNew && zones.last.hasNewTrip
        rememberIfDue(now, isNew: isTripNew || decisions.events.count > inputs.drafts.count, &decisions)
        return decisions
    }

    // MARK: - Memory

    /// Written with every event of Control's own, and each minute for the sake of the energy counts.
    private mutating func rememberIfDue(_ now: Moment, isNew: Bool, _ decisions: inout Decisions) {
        guard isNew || now.monotonic - lastMemory >= .seconds(60) else { return }
        lastMemory = now.monotonic
        var writer = ByteWriter(capacity: memorySize + 1024)
        writer.beginObject()
        writer.field("version", 1)
        alarms.remember(&writer)
        zones.arming.remember(&writer, now: now)
        budget.remember(&writer)
        energy.remember(&writer)
        writes.remember(&writer, now: now)
        clock.remember(&writer, now: now)
        writer.endObject()
        memorySize = writer.count
        decisions.memory = writer.bytes
    }

    private mutating func recall(_ memory: [UInt8], now: Moment) {
        // A memory that cannot be read is as none: the journal still has the events.
        guard let json = try? JSON.parse(memory), json["version"]?.integer == 1 else { return }
        alarms.recall(json, now: now)
        zones.recall(json, now: now)
        budget.recall(json)
        energy.recall(json)
        writes.recall(json, now: now)
        clock.recall(json)
    }
}

/// Requests sorted by who answers them, each kind in order of arrival.
private struct RequestsByDoor {
    var alarms: [ControlRequest] = []
    var arming: [(request: ControlRequest, arming: ArmingRequest)] = []
    var targets: [ControlRequest] = []
    var writes: [ControlRequest] = []

    init(_ requests: [ControlRequest]) {
        for request in requests {
            switch request.kind {
            case .acknowledge, .acknowledgeAll, .shelve, .unshelve: alarms.append(request)
            case .arming(let wanted): arming.append((request, wanted))
            case .powerTargets: targets.append(request)
            case .write: writes.append(request)
            }
        }
    }
}

/// Gives each point that anybody watches one place among the samples.
struct SampleSlots {
    private let table: PointTable
    private(set) var points: [PointID] = []
    private var byName: [String: Int] = [:]

    init(_ table: PointTable) { self.table = table }

    /// -1 where there is no such point: it reads as never read.
    mutating func slot(_ name: String) -> Int {
        if let known = byName[name] { return known }
        guard let id = table.id(of: name) else { return -1 }
        points.append(id)
        byName[name] = points.count - 1
        return points.count - 1
    }

    func unit(_ name: String) -> Unit { table.id(of: name).map { table[$0].unit } ?? .none }
    func definition(_ name: String) -> PointDefinition? { table.id(of: name).map { table[$0] } }
}
