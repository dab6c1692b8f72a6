import Control
import Platform
import Site
import Testing

/// A small container on a bench: points by name, a clock that only the test moves.
struct Bench {
    let table: PointTable
    var control: Control
    var samples: [String: Sample] = [:]
    var now = Moment(
        monotonic: MonotonicTime(nanoseconds: 1_000_000_000_000), wall: WallTime(milliseconds: 1_795_645_683_000))
    let site: SitePlan

    init(_ plan: ControlPlan, points: [PointDefinition], memory: [UInt8]? = nil) {
        site = SitePlan(name: "test", title: "test", security: SecurityPlan(points: points), control: plan)
        table = PointTable(site.points)
        control = Control(site: site, points: table, memory: memory, seed: 7, now: now)
    }

    mutating func set(_ point: String, _ number: Double) { samples[point] = .good(number, at: now.monotonic) }
    mutating func lose(_ point: String) {
        samples[point] = Sample(number: 0, quality: .failed, reason: .timeout, measured: now.monotonic)
    }

    @discardableResult
    mutating func step(
        after span: Nanoseconds = .zero, _ requests: [ControlRequest] = [], results: [WriteResult] = [],
        drafts: [EventDraft] = [], lanes: [LaneStatus] = []
    ) -> Decisions {
        now = now.advanced(by: span)
        let wanted = control.watched.map { samples[table[$0].name] ?? .neverRead }
        return control.step(
            ControlInputs(
                samples: wanted, requests: requests, drafts: drafts, writeResults: results, lanes: lanes), now: now)
    }

    mutating func restart(memory: [UInt8]?) {
        control = Control(site: site, points: table, memory: memory, seed: 8, now: now)
    }
}

let technician = Actor("kim@console", .technician)
let hot = ConditionPlan(
    id: "air.hot", test: .above(point: "air.temperature", limit: 35, hysteresis: 2), severity: .major,
    subject: "air.temperature", text: "air too hot", raiseAfter: .seconds(5), clearAfter: .seconds(10))
let air = PointDefinition(name: "air.temperature", unit: .celsius, interval: .seconds(1))

@Suite struct ControlTests {
    @Test func `a threshold raises after its delay and clears below its hysteresis after its own`() {
        var bench = Bench(ControlPlan(conditions: [hot]), points: [air])
        bench.set("air.temperature", 36)
        #expect(bench.step().alarms.isEmpty)
        let raised = bench.step(after: .seconds(5))
        #expect(raised.alarms.map(\.id) == ["air.hot"])
        #expect(raised.events.last?.evidence.contains { $0.name == "air.temperature" } == true)
        bench.set("air.temperature", 34)  // under the limit, not under the hysteresis
        #expect(bench.step(after: .seconds(60)).alarms.count == 1)
        bench.set("air.temperature", 32)
        #expect(bench.step(after: .seconds(1)).alarms.count == 1)
        #expect(bench.step(after: .seconds(10)).alarms.isEmpty)
    }

    @Test func `a sensor that falls silent neither raises nor clears an alarm`() {
        var bench = Bench(ControlPlan(conditions: [hot]), points: [air])
        bench.set("air.temperature", 40)
        bench.step()
        bench.step(after: .seconds(5))
        bench.lose("air.temperature")
        #expect(bench.step(after: .seconds(3600)).alarms.count == 1)
    }

    @Test func `a root cause hides its consequences, and what outlives it speaks for itself`() {
        let mains = ConditionPlan(
            id: "mains.lost", test: .states(point: "mains.state", named: ["1"]), severity: .major, subject: "mains",
            text: "mains lost", raiseAfter: .seconds(2))
        let battery = ConditionPlan(
            id: "ups.on-battery", test: .states(point: "ups.state", named: ["1"]), severity: .major, subject: "ups",
            text: "on battery", raiseAfter: .seconds(1), dependsOn: ["mains.*"])
        var bench = Bench(
            ControlPlan(conditions: [battery, mains]),
            points: [PointDefinition(name: "mains.state"), PointDefinition(name: "ups.state")])
        bench.set("mains.state", 1)
        bench.set("ups.state", 1)
        bench.step()
        // The consequence is due first and waits for its cause.
        #expect(bench.step(after: .seconds(1)).alarms.isEmpty)
        let both = bench.step(after: .seconds(1))
        #expect(
            both.events.map(\.severity) == [.major, .info, .notice] || both.events.map(\.severity) == [.major, .info])
        #expect(both.alarms.first { $0.id == "ups.on-battery" }?.consequenceOf == "mains.lost")
        bench.set("mains.state", 0)
        bench.step(after: .seconds(1))
        let alone = bench.step(after: .seconds(31))
        #expect(alone.alarms.map(\.consequenceOf) == [nil])
        #expect(alone.events.contains { $0.kind == .alarmRaised && $0.severity == .major })
    }

    @Test func `acknowledged, shelved and latched alarms live through a restart`() throws {
        var latched = hot
        latched.isLatched = true
        var bench = Bench(ControlPlan(conditions: [latched]), points: [air])
        bench.set("air.temperature", 40)
        bench.step()
        bench.step(after: .seconds(5))
        bench.set("air.temperature", 20)
        bench.step(after: .seconds(1))
        let cleared = bench.step(after: .seconds(10))
        #expect(cleared.alarms.count == 1 && cleared.alarms[0].cleared != nil)
        bench.restart(memory: cleared.memory)
        #expect(bench.step(after: .seconds(1)).alarms.map(\.id) == ["air.hot"])
        let refused = bench.step([ControlRequest(actor: Actor("guest", .viewer), kind: .acknowledge(alarm: "air.hot"))])
        #expect(refused.alarms.count == 1 && refused.events.contains { $0.kind == .commandRefused })
        let done = bench.step([ControlRequest(actor: technician, kind: .acknowledge(alarm: "air.hot"))])
        #expect(done.alarms.isEmpty && done.answers.first?.answer == .done("air.hot acknowledged"))
        #expect(done.events.contains { $0.kind == .alarmAcknowledged && $0.actor == "kim@console" })
    }

    @Test func `what a room says passes through and is not remembered; what Control decides is, in the same step`() {
        var bench = Bench(ControlPlan(conditions: [hot]), points: [air])
        bench.set("air.temperature", 20)
        bench.step()
        bench.step(after: .seconds(120))
        let said = EventDraft(
            time: bench.now, kind: .zoneChanged, severity: .info, subject: "zone.door", text: "Door: alarm")
        let passed = bench.step(after: .seconds(1), drafts: [said])
        #expect(passed.events.map(\.text) == ["Door: alarm"])
        #expect(passed.memory == nil)
        bench.set("air.temperature", 40)
        bench.step()
        let raised = bench.step(after: .seconds(5), drafts: [said])
        #expect(raised.events.contains { $0.kind == .alarmRaised })
        #expect(raised.memory != nil)
    }

    @Test func `a shelf hides an alarm from people, never from the posture, and ends by itself`() {
        var grave = hot
        grave.posture = .drain
        var bench = Bench(ControlPlan(conditions: [grave]), points: [air])
        bench.set("air.temperature", 40)
        bench.step()
        bench.step(after: .seconds(5))
        let shelved = bench.step([
            ControlRequest(
                actor: technician, kind: .shelve(alarm: "air.hot", span: .seconds(3600), reason: "fan on order"))
        ])
        #expect(shelved.alarms[0].shelvedUntil != nil && shelved.posture.state == .drain)
        bench.set("air.temperature", 40)
        let over = bench.step(after: .seconds(3600))
        #expect(over.alarms[0].shelvedUntil == nil)
        #expect(over.events.contains { $0.kind == .alarmShelved && $0.severity == .major })
        let tooLong = bench.step([
            ControlRequest(actor: technician, kind: .shelve(alarm: "air.hot", span: .seconds(90_000), reason: ""))
        ])
        #expect(tooLong.answers.first?.answer == .refused("an alarm can be shelved for up to 24 h"))
    }

    @Test func `a flood is said once, critical alarms still speak, and none is lost`() {
        let points = (0..<30).map { PointDefinition(name: "p\($0).value") }
        let conditions = (0..<30).map { n in
            ConditionPlan(
                id: "p\(n).high", test: .above(point: "p\(n).value", limit: 1, hysteresis: 0),
                severity: n == 29 ? .critical : .warning, subject: "p\(n)", text: "p\(n) high")
        }
        var bench = Bench(ControlPlan(conditions: conditions), points: points)
        for n in 0..<30 { bench.set("p\(n).value", 2) }
        let storm = bench.step()
        #expect(storm.alarms.count == 30)
        #expect(storm.events.count { $0.kind == .floodStarted } == 1)
        #expect(storm.events.count { $0.kind == .alarmRaised } == 30)
        #expect(storm.events.count { $0.kind == .alarmRaised && $0.severity == .warning } == 10)
        #expect(storm.events.contains { $0.kind == .alarmRaised && $0.severity == .critical })
        #expect(bench.step(after: .seconds(61)).events.contains { $0.kind == .floodEnded })
    }

    @Test func `a chattering alarm is kept until it is quiet`() {
        var bench = Bench(
            ControlPlan(conditions: [
                {
                    var c = hot; c.raiseAfter = .zero; c.clearAfter = .zero; return c
                }()
            ]), points: [air])
        var raised = 0
        for n in 0..<200 {
            bench.set("air.temperature", n % 2 == 0 ? 40 : 20)
            raised += bench.step(after: .seconds(1)).events.count { $0.kind == .alarmRaised }
        }
        #expect(raised == 5)
    }

    @Test func `a rate of change is judged over its window and not between two readings`() {
        let fast = ConditionPlan(
            id: "air.rising", test: .movesFasterThan(point: "air.temperature", perMinute: 3, window: .seconds(60)),
            severity: .warning, subject: "air", text: "rising")
        var bench = Bench(ControlPlan(conditions: [fast]), points: [air])
        var raisedAt: Int?
        for second in 0..<240 {
            // A jump of one degree back and forth, then a real climb of 6 K per minute.
            let noise = second % 2 == 0 ? 0.0 : 1
            bench.set("air.temperature", second < 120 ? 20 + noise : 20 + Double(second - 120) / 10)
            if !bench.step(after: .seconds(1)).alarms.isEmpty, raisedAt == nil { raisedAt = second }
        }
        #expect((130...180).contains(raisedAt ?? 0))
    }

    @Test func `k of n, absence and disagreement are conditions like any other`() {
        let plan = ControlPlan(conditions: [
            ConditionPlan(
                id: "a", test: .above(point: "s1.v", limit: 1, hysteresis: 0), severity: .info, subject: "s1", text: "a"
            ),
            ConditionPlan(
                id: "b", test: .above(point: "s2.v", limit: 1, hysteresis: 0), severity: .info, subject: "s2", text: "b"
            ),
            ConditionPlan(
                id: "two", test: .atLeast(count: 2, of: ["a", "b"]), severity: .major, subject: "s", text: "both"),
            ConditionPlan(
                id: "gone", test: .absent(points: ["s1.v", "s2.v"]), severity: .major, subject: "s", text: "gone",
                raiseAfter: .seconds(60)),
            ConditionPlan(
                id: "apart", test: .apart(point: "s1.v", from: "s2.v", limit: 3, hysteresis: 1), severity: .warning,
                subject: "s", text: "apart"),
        ])
        var bench = Bench(plan, points: [PointDefinition(name: "s1.v"), PointDefinition(name: "s2.v")])
        bench.set("s1.v", 5)
        bench.set("s2.v", 0)
        #expect(Set(bench.step().alarms.map(\.id)) == ["a", "apart"])
        bench.set("s2.v", 4)
        #expect(Set(bench.step().alarms.map(\.id)) == ["a", "b", "two"])
        bench.lose("s1.v")
        bench.lose("s2.v")
        bench.step(after: .seconds(1))
        #expect(Set(bench.step(after: .seconds(60)).alarms.map(\.id)) == ["a", "b", "two", "gone"])
    }

    @Test func `what may stop the container and cannot be read keeps it from taking work`() {
        var leak = hot
        leak.posture = .stop
        var bench = Bench(ControlPlan(conditions: [leak], postureHold: .zero), points: [air])
        #expect(bench.step().posture.state == .drain)
        // Never read at all: the end of the start's grace is no reason to take work.
        #expect(bench.step(after: .seconds(3600)).posture.state == .drain)
        bench.set("air.temperature", 20)
        #expect(bench.step(after: .seconds(1)).posture.state == .normal)
        bench.lose("air.temperature")
        #expect(bench.step(after: .seconds(1)).posture.state == .normal)
        let blind = bench.step(after: .seconds(60)).posture
        #expect(blind.state == .drain && blind.reason.contains("air.temperature cannot be read"))
    }

    @Test func `where not knowing is as bad, the time nobody knew counts towards the delay`() {
        var smoke = hot
        smoke.whenUnknown = .raise
        var bench = Bench(ControlPlan(conditions: [smoke]), points: [air])
        bench.set("air.temperature", 20)
        bench.step()
        bench.lose("air.temperature")
        bench.step(after: .seconds(1))
        bench.set("air.temperature", 40)
        #expect(bench.step(after: .seconds(4)).alarms.isEmpty)
        #expect(bench.step(after: .seconds(1)).alarms.map(\.id) == ["air.hot"])
    }

    @Test func `a step that is told what changed decides as one that looks at everything`() {
        let count = 60
        let points = (0..<count).map { PointDefinition(name: "p\($0).value") }
        var conditions: [ConditionPlan] = []
        for n in 0..<count {
            var condition = ConditionPlan(
                id: "p\(n).high", test: .above(point: "p\(n).value", limit: 50, hysteresis: 5), severity: .warning,
                subject: "p\(n)", text: "high", raiseAfter: .milliseconds(Int64(n % 4) * 700),
                clearAfter: .milliseconds(Int64(n % 3) * 900), isLatched: n % 7 == 0,
                dependsOn: n % 5 == 0 ? ["p\((n + 1) % count).*"] : [], posture: n % 11 == 0 ? .drain : nil)
            if n % 6 == 3 {
                condition.test = .atLeast(count: 2, of: ["p\(n - 1).high", "p\(n - 2).high", "p\(n - 3).high"])
            }
            conditions.append(condition)
        }
        let plan = ControlPlan(
            conditions: conditions, feeds: [PowerFeedPlan(tag: "main", meters: ["p0.value"], maximumWatts: 80)])
        var whole = Bench(plan, points: points)
        var partial = whole
        var values = Array(repeating: 0.0, count: count)
        var seed: UInt64 = .random(in: 1...1_000_000)
        let first = seed
        func random(_ limit: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((seed >> 33) % UInt64(limit))
        }
        for turn in 0..<3000 {
            whole.now = whole.now.advanced(by: .milliseconds(40 + Int64(random(400))))
            var changed: [Int] = []
            for _ in 0..<random(4) {
                let n = random(count)
                values[n] = Double(random(100))
                whole.samples["p\(n).value"] = random(9) == 0 ? .neverRead : .good(values[n], at: whole.now.monotonic)
                if let slot = whole.control.watched.firstIndex(where: { whole.table[$0].name == "p\(n).value" }) {
                    changed.append(slot)
                }
            }
            let samples = whole.control.watched.map { whole.samples[whole.table[$0].name] ?? .neverRead }
            let requests = random(50) == 0 ? [ControlRequest(actor: technician, kind: .acknowledgeAll)] : []
            let a = whole.control.step(ControlInputs(samples: samples, requests: requests), now: whole.now)
            let b = partial.control.step(
                ControlInputs(samples: samples, changed: changed, requests: requests), now: whole.now)
            #expect(
                a.events == b.events && a.alarms == b.alarms && a.posture == b.posture, "seed \(first), turn \(turn)")
            #expect(a.nextDeadline == b.nextDeadline && a.memory == b.memory && a.power == b.power)
            if a.events != b.events { return }
        }
    }
}
