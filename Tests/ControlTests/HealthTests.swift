import Control
import Platform
import Site
import Testing

extension Bench {
    fileprivate mutating func step(after span: Nanoseconds, health: AgentHealth) -> Decisions {
        now = now.advanced(by: span)
        let wanted = control.watched.map { samples[table[$0].name] ?? .neverRead }
        return control.step(ControlInputs(samples: wanted, health: health), now: now)
    }
}

@Suite struct HealthTests {
    @Test func `storage that fails is an alarm with its reason, once it has failed for a while, and ends with it`() {
        var bench = Bench(ControlPlan(), points: [])
        let full = AgentHealth(storageTrouble: "database or disk is full")
        #expect(bench.step(after: .zero, health: full).alarms.isEmpty)
        let failed = bench.step(after: .seconds(5), health: full)
        #expect(failed.alarms.map(\.id) == ["agent.storage"] && failed.alarms[0].severity == .major)
        #expect(failed.alarms[0].text == "events cannot be stored and are kept in memory: database or disk is full")
        _ = bench.step(after: .seconds(60), health: AgentHealth())
        #expect(bench.step(after: .seconds(5), health: AgentHealth()).alarms.isEmpty)
    }

    @Test func `a thread that makes no progress is an alarm at once, by name`() {
        var bench = Bench(ControlPlan(), points: [])
        _ = bench.step(after: .zero, health: AgentHealth())
        let stuck = bench.step(after: .milliseconds(500), health: AgentHealth(stuck: ["modbus rtu1"]))
        #expect(stuck.alarms.map(\.id) == ["agent.stuck"])
        #expect(stuck.alarms.first?.text.contains("modbus rtu1") == true)
        #expect(stuck.events.contains { $0.kind == .alarmRaised && $0.severity == .major })
    }

    @Test func `a history that cannot be stored is no reason to stop, and is said`() {
        var bench = Bench(ControlPlan(postureHold: .zero), points: [])
        let trouble = AgentHealth(historyTrouble: "disk I/O error")
        _ = bench.step(after: .zero, health: trouble)
        let failed = bench.step(after: .seconds(5), health: trouble)
        #expect(failed.alarms.map(\.id) == ["agent.history"] && failed.posture.state == .normal)
    }
}

@Suite struct OutboxTests {
    private func decisions() -> Decisions {
        var bench = Bench(ControlPlan(), points: [])
        return bench.step()
    }

    @Test func `nothing goes out before the journal holds it, and the order is kept`() {
        var outbox = Outbox()
        let start = MonotonicTime(nanoseconds: 1_000_000_000)
        outbox.add(decisions(), ticket: 3, at: start)
        outbox.add(decisions(), ticket: nil, at: start)
        #expect(outbox.next(at: start)?.posture == nil)
        outbox.isJournalled(2)
        #expect(outbox.next(at: start + .milliseconds(999))?.posture == nil)
        outbox.isJournalled(3)
        #expect(outbox.next(at: start + .milliseconds(999))?.posture != nil)
        #expect(outbox.next(at: start)?.posture != nil)
        #expect(outbox.next(at: start)?.posture == nil && outbox.patienceEnds == nil)
    }

    @Test func `a disk that hangs does not keep a door open: after a second it goes out all the same`() {
        var outbox = Outbox()
        let start = MonotonicTime(nanoseconds: 1_000_000_000)
        outbox.add(decisions(), ticket: 1, at: start)
        #expect(outbox.patienceEnds == start + .seconds(1))
        #expect(outbox.next(at: start + .seconds(1))?.posture != nil)
    }
}
