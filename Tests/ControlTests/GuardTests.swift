import Control
import Platform
import Site
import Testing

private let setpoint = PointDefinition(name: "crac.setpoint", unit: .celsius, interval: .seconds(1))
private let upstream = Actor("upstream:isv", .upstream)
private let engineer = Actor("lee@console", .engineer)

private let fence = WritablePlan(
    point: "crac.setpoint", range: 18...27, stepMax: 3, interval: .seconds(60), notWhile: ["air.hot", "door.*"],
    safeValue: 22, holdMax: .seconds(600))

private func bench(_ fences: [WritablePlan] = [fence], _ conditions: [ConditionPlan] = []) -> Bench {
    var bench = Bench(ControlPlan(conditions: conditions, writable: fences), points: [setpoint, air])
    bench.set("crac.setpoint", 22)
    bench.set("air.temperature", 20)
    bench.step()
    return bench
}

extension Bench {
    fileprivate mutating func write(
        _ value: Double, _ point: String = "crac.setpoint", hold: Nanoseconds? = nil, by actor: Actor = technician,
        after span: Nanoseconds = .zero
    ) -> Decisions {
        step(
            after: span,
            [ControlRequest(actor: actor, kind: .write(point: point, value: value, purpose: "test", hold: hold))])
    }

    fileprivate mutating func end(_ id: UInt64, _ outcome: WriteOutcome, after span: Nanoseconds = .seconds(1))
        -> Decisions
    {
        step(after: span, [], results: [WriteResult(id: id, outcome: outcome)])
    }
}

private func refusal(_ decisions: Decisions) -> String? {
    guard decisions.writes.isEmpty, case .written(.rejected(let why))? = decisions.answers.first?.answer,
        decisions.events.contains(where: { $0.kind == .commandRefused && $0.text.contains(why) })
    else { return nil }
    return why
}

@Suite struct GuardTests {
    @Test func `a write within its fence is released once, journalled, and answered with what the device reads back`()
        throws
    {
        var bench = bench()
        let asked = bench.write(24)
        let command = try #require(asked.writes.first)
        #expect(command.value == 24 && command.actor == "kim@console" && asked.answers.isEmpty)
        #expect(command.deadline == bench.now.monotonic + .seconds(5))
        #expect(asked.events.contains { $0.kind == .writeRequested && $0.actor == "kim@console" })
        let ended = bench.end(command.id, .confirmed(24))
        #expect(ended.answers.map(\.answer) == [.written(.confirmed(24))])
        #expect(ended.events.map(\.kind) == [.writeFinished])
        // The device's thread says it a second time: it is accounted for already.
        #expect(bench.end(command.id, .confirmed(24)).events.isEmpty)
    }

    @Test func `what is on no list is never written`() {
        var bench = bench()
        #expect(refusal(bench.write(20, "air.temperature"))?.contains("list of what may be written") == true)
    }

    @Test(arguments: [17.9, 27.1, .infinity, .nan, -22]) func `nothing outside the range is written`(value: Double) {
        var bench = bench()
        #expect(refusal(bench.write(value))?.contains("is outside 18.0 to 27.0") == true)
    }

    @Test func `a step that is too large, or whose size nobody knows, is not taken`() {
        var bench = bench()
        #expect(refusal(bench.write(26)) == "crac.setpoint: a step from 22.0 to 26.0 is larger than 3.0")
        bench.lose("crac.setpoint")
        #expect(refusal(bench.write(23))?.contains("present value is not known") == true)
    }

    @Test func `one write at a time, and not sooner than the interval after the last`() throws {
        var bench = bench()
        let command = try #require(bench.write(23).writes.first)
        #expect(refusal(bench.write(24, after: .seconds(1))) == "crac.setpoint: another write is under way")
        _ = bench.end(command.id, .confirmed(23))
        #expect(refusal(bench.write(24, after: .seconds(1)))?.contains("at most once in 60 s") == true)
        #expect(bench.write(24, after: .seconds(60)).writes.count == 1)
    }

    @Test func `an alarm on the fence's list forbids, and one that must stand is asked for`() {
        var only = fence
        only.notWhile = []
        only.onlyWhile = ["air.hot"]
        var forbids = bench([fence], [hot]), needs = bench([only], [hot])
        #expect(forbids.write(23).writes.count == 1)
        #expect(refusal(needs.write(23)) == "crac.setpoint: only while 'air.hot' stands")
        forbids = bench([fence], [hot])
        for _ in 0..<2 {
            forbids.set("air.temperature", 40)
            needs.set("air.temperature", 40)
            forbids.step(after: .seconds(5))
            needs.step(after: .seconds(5))
        }
        #expect(refusal(forbids.write(23)) == "crac.setpoint: not while 'air.hot' stands")
        #expect(needs.write(23).writes.count == 1)
    }

    @Test func `authority is asked for before anything else`() {
        var bench = bench()
        let why = refusal(bench.write(99, by: upstream))
        #expect(
            why == "crac.setpoint: needs the authority of the technician, upstream:isv has that of the upstream")
        #expect(bench.write(23, by: engineer).writes.count == 1)
    }

    @Test func `when its time is over the safe value goes back by itself`() throws {
        var bench = bench()
        #expect(refusal(bench.write(23, hold: .seconds(601)))?.contains("held for up to 600 s") == true)
        let command = try #require(bench.write(23, hold: .seconds(120)).writes.first)
        let ended = bench.end(command.id, .confirmed(23))
        #expect(ended.nextDeadline == bench.now.monotonic + .seconds(120))
        #expect(bench.step(after: .seconds(119)).writes.isEmpty)
        let back = try #require(bench.step(after: .seconds(1)).writes.first)
        #expect(back.value == 22 && back.actor == "guard")
        // The device does not take it: again and again, until it has.
        _ = bench.end(back.id, .rejected("device: busy"))
        let again = try #require(bench.step(after: .seconds(15)).writes.first)
        #expect(again.value == 22)
        _ = bench.end(again.id, .confirmed(22))
        #expect(bench.step(after: .seconds(3600)).writes.isEmpty)
    }

    @Test func `a write that nobody can say happened is undone in its time as well`() throws {
        var bench = bench()
        _ = bench.write(23)
        let silent = bench.step(after: .seconds(30))
        #expect(silent.answers.map(\.answer) == [.written(.unknown("no outcome from the device's thread in time"))])
        #expect(silent.events.contains { $0.kind == .writeFinished && $0.severity == .major })
        #expect(bench.step(after: .seconds(600)).writes.map(\.value) == [22])
    }

    @Test func `a value that stands when the agent is killed goes back to the safe one all the same`() {
        var bench = bench()
        let asked = bench.write(23, hold: .seconds(300))
        // Killed before the device answered; back half a minute later.
        bench.now = bench.now.advanced(by: .seconds(30))
        bench.restart(memory: asked.memory)
        let back = bench.step()
        #expect(back.events.contains { $0.kind == .writeFinished && $0.text.contains("unknown") })
        #expect(bench.step(after: .seconds(271)).writes.map(\.value) == [22])
    }

    @Test func `a write without a safe value stays`() throws {
        var bench = bench([WritablePlan(point: "crac.setpoint", range: 18...27)])
        #expect(refusal(bench.write(23, hold: .seconds(5)))?.contains("has no safe value") == true)
        let command = try #require(bench.write(23, after: .seconds(10)).writes.first)
        _ = bench.end(command.id, .confirmed(23))
        #expect(bench.step(after: .seconds(86_400)).writes.isEmpty)
    }

    @Test func `a read-back that differs is said gravely`() throws {
        var bench = bench()
        let command = try #require(bench.write(23).writes.first)
        let ended = bench.end(command.id, .mismatch(readBack: 22))
        #expect(ended.events.first?.severity == .major)
        #expect(ended.events.first?.text == "write 23.0 mismatch: reads back 22.0 instead of 23.0")
    }
}
