import Control
import Platform
import Site
import Testing

private let meter = PointDefinition(name: "meter.power", unit: .watts, interval: .seconds(1))
private let second = PointDefinition(name: "meter.second", unit: .kilowatts, interval: .seconds(1))
private let grid = Actor("upstream:grid", .upstream)

private func feed(_ meters: [String] = ["meter.power"]) -> PowerFeedPlan {
    PowerFeedPlan(
        tag: "main", meters: meters, maximumWatts: 10_000, defaultWatts: 8000, rampDownWattsPerSecond: 500,
        rampUpWattsPerSecond: 100, breachAfter: .seconds(10))
}

private func bench(_ plan: PowerFeedPlan = feed(), points: [PointDefinition] = [meter]) -> Bench {
    var bench = Bench(ControlPlan(postureHold: .zero, feeds: [plan]), points: points)
    bench.set("meter.power", 6000)
    bench.step()
    return bench
}

extension Bench {
    /// Asks for a limit from a moment on, for a time; the decision of that step.
    fileprivate mutating func ask(
        _ watts: Double?, id: String = "t1", in start: Nanoseconds = .zero, for span: Nanoseconds? = .seconds(3600),
        by actor: Actor = grid, feeds: [String] = []
    ) -> Decisions {
        let begin = now.advanced(by: start)
        return step([
            ControlRequest(
                actor: actor,
                kind: .powerTargets([
                    PowerTarget(
                        id: id, feeds: feeds, start: begin.wall, end: span.map { begin.advanced(by: $0).wall },
                        watts: watts, actor: actor.name)
                ]))
        ])
    }

    /// A second at a time, as the loop is woken while something ramps; what was allowed at each.
    fileprivate mutating func allowances(_ seconds: Int, load: Double? = nil) -> [Double] {
        (0..<seconds).map { _ in
            if let load { set("meter.power", load) }
            return step(after: .seconds(1)).power[0].allowedWatts
        }
    }
}

@Suite struct PowerTests {
    @Test func `a target brings the allowance down within its slope, and its end brings it up within its own`() {
        var bench = bench()
        let asked = bench.ask(4000, for: .seconds(60))
        #expect(asked.answers.first?.answer == .done("power target set"))
        #expect(asked.events.contains { $0.kind == .powerTarget && $0.actor == "upstream:grid" })
        let down = bench.allowances(10)
        #expect(down == [7500, 7000, 6500, 6000, 5500, 5000, 4500, 4000, 4000, 4000])
        bench.step(after: .seconds(49))
        let up = bench.allowances(45)
        #expect(zip(up, up.dropFirst()).allSatisfy { $1 - $0 <= 100 && $1 >= $0 })
        #expect(up.last == 8000)
    }

    @Test func `the ramp ends when the target begins, and not later`() {
        var bench = bench()
        // 4 kW down at 500 W/s: eight seconds before it begins.
        let asked = bench.ask(4000, in: .seconds(20))
        #expect(asked.power[0].allowedWatts == 8000)
        #expect(bench.allowances(20).last.map { $0 <= 4000 } == true)
    }

    @Test func `nobody is woken each second for a target that begins tomorrow`() throws {
        var bench = bench()
        let asked = bench.ask(4000, in: .seconds(86_400))
        let due = try #require(asked.nextDeadline)
        #expect(due - bench.now.monotonic > .seconds(80_000))
    }

    @Test func `who is told what of a ramp: begin and end of each, once`() {
        var bench = bench()
        var told = bench.ask(7000, for: .seconds(30)).events
        for _ in 0..<60 { told += bench.step(after: .seconds(1)).events }
        let transitions = told.filter { $0.kind == .powerState }.compactMap { event in
            event.evidence.first { $0.name == "transition" }?.value
        }
        #expect(transitions == ["start_ramp_down", "end_ramp_down", "start_ramp_up", "end_ramp_up"])
    }

    @Test func `a load over its target is a breach after its patience, grows grave, and is resolved under the same id`()
        throws
    {
        var bench = bench()
        _ = bench.ask(4000, for: .seconds(600))
        _ = bench.allowances(8, load: 4500)
        var states: [(String, String)] = []
        func run(_ seconds: Int, _ load: Double) -> Decisions {
            var last = bench.step()
            for _ in 0..<seconds {
                bench.set("meter.power", load)
                last = bench.step(after: .seconds(1))
                for event in last.events where event.kind == .powerBreach {
                    let facts = Dictionary(event.evidence.map { ($0.name, $0.value) }) { $1 }
                    states.append((facts["breach"] ?? "", facts["status"] ?? ""))
                }
            }
            return last
        }
        let early = run(9, 4500)
        #expect(states.isEmpty && early.power[0].breach == nil)
        let breached = run(2, 4500)
        #expect(states.map(\.1) == ["active"])
        #expect(breached.alarms.contains { $0.id == "feed-main.breach" && $0.severity == .critical })
        _ = run(1, 4900)
        #expect(states.map(\.1) == ["active", "escalated"])
        let resolved = run(1, 3900)
        #expect(states.map(\.1) == ["active", "escalated", "resolved"] && Set(states.map(\.0)).count == 1)
        #expect(resolved.power[0].breach?.state == .resolved)
        #expect(run(12, 3900).alarms.isEmpty)
    }

    @Test func `a meter that fails neither makes a breach nor ends one`() {
        var bench = bench()
        _ = bench.ask(4000, for: .seconds(6000))
        _ = bench.allowances(30, load: 4500)
        bench.lose("meter.power")
        let blind = bench.step(after: .seconds(600))
        #expect(blind.power[0].breach?.state == .active && blind.power[0].measuredWatts == nil)
        #expect(blind.alarms.contains { $0.id == "feed-main.breach" && $0.isActive })
    }

    @Test func `a meter's noise at the target is no breach`() {
        var bench = bench()
        _ = bench.ask(4000, for: .seconds(600))
        _ = bench.allowances(8)
        #expect(bench.allowances(60, load: 4070).count == 60)
        #expect(bench.step().power[0].breach == nil)
    }

    @Test
    func `over what a feed may draw without any target is an alarm, and back under it with room to spare ends it`() {
        var bench = bench()
        bench.set("meter.power", 8200)
        #expect(bench.step(after: .seconds(9)).alarms.isEmpty)
        let over = bench.step(after: .seconds(10))
        #expect(over.alarms.map(\.id) == ["feed-main.over-limit"])
        #expect(over.posture.state == .conserve && over.posture.watts == 8000)
        bench.set("meter.power", 7900)  // under the limit, not under 95 % of it
        #expect(bench.step(after: .seconds(60)).alarms.count == 1)
        bench.set("meter.power", 7500)
        bench.step(after: .seconds(1))
        #expect(bench.step(after: .seconds(10)).alarms.isEmpty)
    }

    @Test func `what a target leaves to the accelerators is what it allows less what cooling and losses take`() {
        var site = ControlPlan(postureHold: .zero, feeds: [feed()])
        site.effectiveness = PowerUsageEffectivenessPlan(
            boundary: "container; IT at the outlets", totalMeters: ["meter.power"], itMeters: ["meter.second"])
        var bench = Bench(site, points: [meter, second])
        bench.set("meter.power", 6000)
        bench.set("meter.second", 4.5)  // kW
        bench.step()
        _ = bench.ask(4000)
        let after = bench.allowances(8)
        let held = bench.step(after: .seconds(1))
        #expect(after.last == 4000 && held.posture.state == .conserve && held.posture.watts == 2500)
        #expect(held.posture.reason == "power target on feed main: at most 4000 W")
    }

    @Test(arguments: [
        (4000.0, [String](), Actor("guest", .viewer), "a power target needs more than a viewer's authority"),
        (4000, ["west"], grid, "no feed 'west'; this site has main"),
        (-1, [], grid, "a power target of -1.0 W"),
        (.nan, [], grid, "a power target of nan W"),
    ])
    func `a target that makes no sense is refused in words`(watts: Double, feeds: [String], actor: Actor, why: String) {
        var bench = bench()
        let refused = bench.ask(watts, by: actor, feeds: feeds)
        #expect(refused.answers.map(\.answer.refusal) == [why])
        #expect(refused.events.map(\.kind) == [.commandRefused] && refused.power[0].targets.isEmpty)
    }

    @Test func `the later of two targets counts, removing takes what overlaps, and all of it outlives a kill`() {
        var bench = bench()
        _ = bench.ask(5000, id: "a", for: .seconds(600))
        let both = bench.ask(3000, id: "b", for: .seconds(600))
        #expect(both.power[0].activeTarget?.id == "b" && both.power[0].targets.count == 2)
        bench.restart(memory: both.memory)
        let back = bench.step(after: .seconds(1))
        #expect(back.power[0].activeTarget?.id == "b" && back.power[0].targets.count == 2)
        let removed = bench.ask(nil, id: "c", for: .seconds(600))
        #expect(removed.power[0].targets.isEmpty && removed.power[0].activeTarget == nil)
    }

    @Test func `targets follow the wall clock where it jumps`() {
        var bench = bench()
        _ = bench.ask(4000, in: .seconds(3600), for: .seconds(3600))
        bench.now.wall.milliseconds += 3_700_000
        #expect(bench.step(after: .seconds(1)).power[0].activeTarget?.id == "t1")
        bench.now.wall.milliseconds += 3_700_000
        #expect(bench.step(after: .seconds(1)).power[0].activeTarget == nil)
    }
}
