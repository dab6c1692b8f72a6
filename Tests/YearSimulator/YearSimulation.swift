internal import Control
public import Platform
internal import Site

/// A container of five hundred points that lives for years under random faults: devices that lie, die and
/// flap, clocks that jump, agents that are killed. After every step the invariants are checked. The same
/// seed gives the same years.
public struct YearSimulation {
    public struct Broken: Error, CustomStringConvertible {
        public let description: String
    }

    public struct Tally: Equatable, Sendable {
        public var steps = 0
        public var events = 0
        public var alarms = 0
        public var restarts = 0
        public var clockJumps = 0
        public var writes = 0
        public var postureChanges = 0
        public init() {}
    }

    let seed: UInt64
    var random: SeededRandom
    let plant: Plant
    let table: PointTable
    var control: Control
    var now: Moment
    var world: World
    var oracle: Oracle
    var memory: [UInt8]?
    var pendingWrites: [WriteCommand] = []
    public private(set) var tally = Tally()

    public init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed)
        plant = Plant()
        table = PointTable(plant.site.points)
        now = Moment(
            monotonic: MonotonicTime(nanoseconds: 1_000_000_000_000), wall: WallTime(milliseconds: 1_795_645_683_000))
        control = Control(site: plant.site, points: table, memory: nil, seed: seed, now: now)
        world = World(plant)
        oracle = Oracle(plant, table, control.watched)
    }

    /// Lives through `span`; throws at the first invariant that does not hold.
    public mutating func live(_ span: Nanoseconds) throws {
        let end = now.monotonic + span
        while now.monotonic < end {
            do { try oneStep() } catch {
                throw Broken(description: "seed \(seed), step \(tally.steps), \(now.wall.rfc3339): \(error)")
            }
        }
    }

    private mutating func oneStep() throws {
        tally.steps += 1
        world.happen(&random, now)
        if random.one(in: 3000) { jumpClock() }
        if random.one(in: 2000) { restart() }
        let samples = control.watched.map { world.sample($0.index, now.monotonic) }
        let requests = someRequests()
        let results = someResults()
        let decisions = control.step(
            ControlInputs(samples: samples, requests: requests, writeResults: results), now: now)
        // One time in many the agent is killed before the journal has the decisions: then they never were.
        if random.one(in: 5000) {
            restart()
        } else {
            try oracle.judge(decisions, samples, requests, results, now)
            take(decisions)
        }
        // Closely while a delay runs; otherwise as the minutes go.
        now = now.advanced(by: oracle.isWaiting ? .seconds(3) : .seconds(10 + Int64(random.below(20))))
    }

    private mutating func take(_ decisions: Decisions) {
        tally.events += decisions.events.count
        tally.alarms += decisions.events.count { $0.kind == .alarmRaised }
        tally.postureChanges += decisions.events.count { $0.kind == .postureChanged }
        tally.writes += decisions.writes.count
        pendingWrites += decisions.writes
        if let fresh = decisions.memory { memory = fresh }
    }

    /// The wall clock goes anywhere within two days; the other clock never jumps.
    private mutating func jumpClock() {
        tally.clockJumps += 1
        now.wall.milliseconds += Int64(random.below(172_800_000)) - 86_400_000
    }

    /// kill -9 and a new start: what was journalled last is all there is.
    private mutating func restart() {
        tally.restarts += 1
        now = now.advanced(by: .seconds(1 + Int64(random.below(30))))
        control = Control(
            site: plant.site, points: table, memory: memory, seed: seed &+ UInt64(tally.restarts), now: now)
        // Devices' threads died too: the outcome of what they were told is lost.
        pendingWrites = []
        oracle.restarted(now)
    }

    private mutating func someRequests() -> [ControlRequest] {
        guard random.one(in: 50) else { return [] }
        let actor = Actor("kim@console", random.one(in: 4) ? .viewer : .engineer)
        let alarms = oracle.listed
        let kind: ControlRequest.Kind
        switch random.below(6) {
        case 0: kind = .acknowledgeAll
        case 1: kind = .acknowledge(alarm: alarms.isEmpty ? "nothing" : alarms[random.below(alarms.count)])
        case 2:
            kind = .shelve(
                alarm: alarms.isEmpty ? "nothing" : alarms[random.below(alarms.count)],
                span: .seconds(Int64(random.below(100_000))), reason: "simulated")
        case 3:
            kind = .powerTargets([
                PowerTarget(
                    id: "target-\(tally.steps)", feeds: [],
                    start: now.advanced(by: .seconds(Int64(random.below(600)))).wall,
                    end: now.advanced(by: .seconds(700 + Int64(random.below(3600)))).wall,
                    watts: random.one(in: 5) ? nil : Double(2000 + random.below(8000)), actor: actor.name)
            ])
        default:
            kind = .write(
                point: random.one(in: 5) ? "device1.point3" : "crac.setpoint",
                value: Double(random.below(40)), purpose: "simulated", hold: random.one(in: 2) ? .seconds(120) : nil)
        }
        return [ControlRequest(actor: actor, kind: kind)]
    }

    /// Devices answer late, wrongly, twice, or never.
    private mutating func someResults() -> [WriteResult] {
        var results: [WriteResult] = []
        while let command = pendingWrites.first {
            pendingWrites.removeFirst()
            switch random.below(8) {
            case 0: break
            case 1:
                results += [.confirmed(command.value), .confirmed(command.value)].map {
                    .init(id: command.id, outcome: $0)
                }
            case 2: results.append(.init(id: command.id, outcome: .mismatch(readBack: command.value + 1)))
            case 3: results.append(.init(id: command.id, outcome: .rejected("device: illegal value")))
            case 4: results.append(.init(id: command.id, outcome: .unknown("no answer")))
            default:
                results.append(.init(id: command.id, outcome: .confirmed(command.value)))
                world.wrote(command)
            }
        }
        return results
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
