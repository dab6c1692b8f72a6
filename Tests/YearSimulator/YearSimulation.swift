internal import Control
public import Platform
internal import Site

/// A container of five hundred points that lives for years under random faults: devices that lie, die, hang
/// and flap, doors and smoke, clocks that jump, a journal that is slow or fails, agents that are killed.
/// Everything of the agent that is pure is in it as it runs: the Board, what the control loop gathers from
/// it, Control, the outbox, the memory that outlives a kill. After every step the invariants are checked.
/// The same seed gives the same years.
public struct YearSimulation {
    public struct Broken: Error, CustomStringConvertible {
        public let description: String
    }

    public struct Tally: Equatable, Sendable {
        public var steps = 0
        public var events = 0
        public var alarms = 0
        public var kills = 0
        public var killsWithLoss = 0
        public var clockJumps = 0
        public var writes = 0
        public var postureChanges = 0
        public init() {}
    }

    private let seed: UInt64
    private var random: SeededRandom
    private let plant = Plant()
    private let table: PointTable
    private var board: Board
    private var control: Control
    private var outbox = Outbox()
    private var journal = StoredJournal()
    private var world: World
    private var oracle: Oracle
    private var verdicts: Verdicts
    private var now: Moment
    /// What went out of the outbox must have come in in this order.
    private var decided: [Int] = []
    private var samples: [Sample] = []
    private var changed: [Int] = []
    private var deadline: MonotonicTime?
    private var nextHappening: MonotonicTime
    private var nextBeat = MonotonicTime.distantPast
    private var isRoundDue = true
    private var results: [WriteResult] = []
    public private(set) var tally = Tally()

    public init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed)
        table = PointTable(plant.site.points)
        board = Board(table)
        now = Moment(
            monotonic: MonotonicTime(nanoseconds: 1_000_000_000_000), wall: WallTime(milliseconds: 1_795_645_683_000))
        control = Control(site: plant.site, points: table, memory: nil, seed: seed, now: now)
        world = World(table)
        var slots: [String: Int] = [:]
        for (slot, id) in control.watched.enumerated() { slots[table[id].name] = slot }
        verdicts = Verdicts(plant, slots)
        oracle = Oracle(verdicts.rules, smoke: slots["zone.smoke.state"] ?? -1, now)
        nextHappening = now.monotonic
    }

    /// Lives through `span`; throws at the first invariant that does not hold.
    public mutating func live(_ span: Nanoseconds) throws(Broken) {
        let end = now.monotonic + span
        while now.monotonic < end {
            do throws(Oracle.Wrong) { try turn() } catch {
                throw Broken(description: "seed \(seed), step \(tally.steps), \(now.wall.rfc3339): \(error)")
            }
        }
    }

    // MARK: - One turn of the control loop

    private mutating func turn() throws(Oracle.Wrong) {
        var isNews = false
        if now.monotonic >= nextHappening {
            if isRoundDue { world.firstRound(board, now) } else { world.happen(&random, board, now) }
            isRoundDue = false
            // Mostly quiet; at times one thing after the other, closer than the agent looks at everything.
            let pause = random.one(in: 4) ? random.below(400) : 10_000 + random.below(50_000)
            nextHappening = now.monotonic + .milliseconds(Int64(40 + pause))
            isNews = true
            if random.one(in: 3000) { jumpClock() }
            if random.one(in: 3000) { return restart() }
        }
        outbox.isJournalled(journal.told(at: now.monotonic))
        if isNews || !results.isEmpty || deadline.map({ $0 <= now.monotonic }) ?? false { try step() }
        if random.one(in: 5000) { return restart() }
        while let decisions = outbox.next(at: now.monotonic) { try carryOut(decisions) }
        var wake = nextHappening
        for due in [deadline, outbox.patienceEnds, journal.nextDue] { if let due { wake = min(wake, due) } }
        if !results.isEmpty { wake = now.monotonic + .milliseconds(40) }
        now = now.advanced(by: max(.milliseconds(1), wake - now.monotonic))
    }

    private mutating func step() throws(Oracle.Wrong) {
        tally.steps += 1
        // The agent looks at all ages twice a second, and between that at what changed. Here a device that says
        // nothing is stale after an hour: a look every few minutes finds it just as well.
        let isBeat = samples.isEmpty || now.monotonic >= nextBeat || random.one(in: 10)
        if isBeat { nextBeat = now.monotonic + .seconds(300) }
        var points: [PointID] = []
        board.takeChanges { points.append($0) }
        if isBeat {
            control.gather(board, at: now.monotonic, into: &samples)
        } else {
            control.gather(points, of: board, at: now.monotonic, into: &samples, changed: &changed)
        }
        let inputs = ControlInputs(
            samples: samples, changed: isBeat ? nil : changed, requests: someRequests(), writeResults: results,
            lanes: [
                LaneStatus(
                    model: "m", accelerator: "npu0", state: "running", inferences: world.inferences, failures: 0)
            ],
            health: AgentHealth(storageTrouble: journal.mood == .failing ? "simulated" : nil))
        results = []
        let decisions = control.step(inputs, now: now)
        // Only what is written can be lost: a copy at every step would cost more than the step.
        let before = decisions.events.isEmpty && decisions.memory == nil ? nil : oracle
        verdicts.look(samples)
        try oracle.judge(decisions, inputs, verdicts, now)
        deadline = decisions.nextDeadline
        count(decisions)
        let ticket = journal.append(decisions, before, &random, now.monotonic)
        outbox.add(decisions, ticket: ticket, at: now.monotonic)
        decided.append(decisions.writes.first.map { Int($0.id) } ?? 0)
    }

    private mutating func count(_ decisions: Decisions) {
        for event in decisions.events {
            tally.events += 1
            if event.kind == .alarmRaised { tally.alarms += 1 }
            if event.kind == .postureChanged { tally.postureChanges += 1 }
        }
        tally.writes += decisions.writes.count
    }

    /// Shown on the Board; writes to the device, which answers late, wrongly, twice, or never.
    private mutating func carryOut(_ decisions: Decisions) throws(Oracle.Wrong) {
        let first = decided.isEmpty ? -1 : decided.removeFirst()
        if first != decisions.writes.first.map({ Int($0.id) }) ?? 0 {
            throw .init("decisions went out in another order")
        }
        for computed in decisions.published { board.publish(computed, at: now) }
        for command in decisions.writes {
            func answer(_ outcome: WriteOutcome) { results.append(WriteResult(id: command.id, outcome: outcome)) }
            switch random.below(8) {
            case 0: break
            case 1:
                answer(.confirmed(command.value))
                answer(.confirmed(command.value))
            case 2: answer(.mismatch(readBack: command.value + 1))
            case 3: answer(.rejected("device: illegal value"))
            case 4: answer(.unknown("no answer"))
            default:
                answer(.confirmed(command.value))
                world.wrote(command)
            }
        }
    }

    /// The wall clock goes anywhere within two days; the other clock never jumps.
    private mutating func jumpClock() {
        tally.clockJumps += 1
        now.wall.milliseconds += Int64(random.below(172_800_000)) - 86_400_000
    }

    /// kill -9 and a new start: what is durable is all there is.
    private mutating func restart() {
        tally.kills += 1
        if let before = journal.killed(at: now.monotonic) {
            tally.killsWithLoss += 1
            oracle = before
        }
        now = now.advanced(by: .seconds(1 + Int64(random.below(30))))
        control = Control(
            site: plant.site, points: table, memory: journal.memory, seed: seed &+ UInt64(tally.kills), now: now)
        board = Board(table)
        (outbox, decided, samples, results, deadline) = (Outbox(), [], [], [], now.monotonic)
        oracle.restarted(now)
        // The first steps come before the first round of the buses, or after it.
        isRoundDue = true
        nextHappening = now.monotonic + .milliseconds(Int64(random.below(3) * 1000))
    }

    // MARK: - What people ask

    private mutating func someRequests() -> [ControlRequest] {
        guard random.one(in: 50) else { return [] }
        let actor = Actor("kim@console", random.one(in: 4) ? .viewer : .engineer)
        return [ControlRequest(actor: actor, kind: someRequest(actor))]
    }

    private mutating func someRequest(_ actor: Actor) -> ControlRequest.Kind {
        let alarms = oracle.listed
        let alarm = alarms.isEmpty ? "nothing" : alarms[random.below(alarms.count)].id
        switch random.below(9) {
        case 0: return .acknowledgeAll
        case 1: return .acknowledge(alarm: alarm)
        case 2: return .shelve(alarm: alarm, span: .seconds(Int64(random.below(100_000))), reason: "simulated")
        case 3: return .unshelve(alarm: alarm)
        case 4:
            return .powerTargets([
                PowerTarget(
                    id: "target-\(tally.steps)", feeds: [],
                    start: now.advanced(by: .seconds(Int64(random.below(600)))).wall,
                    end: now.advanced(by: .seconds(700 + Int64(random.below(3600)))).wall,
                    watts: random.one(in: 5) ? nil : Double(2000 + random.below(8000)), actor: actor.name)
            ])
        case 5: return .arming([.arm(.away), .arm(.stay), .disarm, .disarm][random.below(4)])
        case 6:
            let zone = Plant.zones[random.below(Plant.zones.count)].name
            return .arming(random.one(in: 2) ? .bypass(zone: zone) : .unbypass(zone: zone))
        default:
            return .write(
                point: random.one(in: 5) ? "device1.point3" : Plant.setpoint,
                value: Double(random.below(40)), purpose: "simulated", hold: random.one(in: 2) ? .seconds(120) : nil)
        }
    }
}

/// SplitMix64.
public struct SeededRandom {
    private var state: UInt64
    public init(_ seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
    public mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
    public mutating func one(in odds: Int) -> Bool { below(odds) == 0 }
}
