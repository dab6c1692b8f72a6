import Platform
import Security
import Site
import Testing

private func ms(_ n: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: n * 1_000_000) }

private func verdicts(_ engine: inout ZoneEngine) -> [ZoneVerdict] {
    engine.takeOutputs().compactMap { if case .changed(_, _, let now, _, _) = $0 { now } else { nil } }
}

@Suite struct ZoneEngineTests {
    @Test func `nothing is known before the line was read`() {
        let engine = ZoneEngine(plan([door()]))
        #expect(engine.verdict(0) == nil)
    }

    @Test func `bounces shorter than the debounce are one change, stamped when it counted`() {
        var engine = ZoneEngine(plan([door()], debounce: .milliseconds(100)))
        engine.move(0, isHigh: false, isSettled: false, at: ms(0))
        _ = engine.takeOutputs()
        for bounce in 0..<20 { engine.move(0, isHigh: bounce % 2 == 0, isSettled: false, at: ms(1000 + Int64(bounce))) }
        engine.move(0, isHigh: true, isSettled: false, at: ms(1020))
        engine.advance(to: ms(1119))
        #expect(engine.takeOutputs().isEmpty)
        #expect(engine.nextDeadline == ms(1120))
        engine.advance(to: ms(5000))
        #expect(
            engine.takeOutputs() == [
                .activated(zone: 0, total: 1, at: ms(1120)),
                .changed(zone: 0, was: .state(.normal), now: .state(.alarm), line: 0, at: ms(1120)),
            ])
        #expect(engine.nextDeadline == nil)
    }

    @Test func `a pulse shorter than the debounce is no signal, one of 400 ms always is`() {
        var engine = ZoneEngine(plan([door()], debounce: .milliseconds(400)))
        engine.move(0, isHigh: false, isSettled: false, at: ms(0))
        engine.move(0, isHigh: true, isSettled: false, at: ms(1000))
        engine.move(0, isHigh: false, isSettled: false, at: ms(1399))
        engine.advance(to: ms(2000))
        #expect(verdicts(&engine) == [.state(.normal)])
        engine.move(0, isHigh: true, isSettled: false, at: ms(3000))
        engine.move(0, isHigh: false, isSettled: false, at: ms(3400))
        engine.advance(to: ms(4000))
        #expect(verdicts(&engine) == [.state(.alarm), .state(.normal)])
    }

    @Test(arguments: [(true, false), (true, true), (false, false), (false, true)])
    func `a contact's rest and the level it gives decide together what is normal`(closed: Bool, high: Bool) {
        let zone = ZonePlan(
            name: "z", title: "z", kind: .leak, line: 0, isNormallyClosed: closed, closedReadsHigh: high)
        var engine = ZoneEngine(plan([zone]))
        engine.move(0, isHigh: zone.isHigh(in: .normal), isSettled: true, at: ms(0))
        #expect(engine.verdict(0) == .state(.normal))
        engine.move(0, isHigh: zone.isHigh(in: .alarm), isSettled: true, at: ms(1))
        #expect(engine.verdict(0) == .state(.alarm))
        #expect(engine.level(0) == (closed != high))
    }

    @Test(arguments: ZoneState.allCases) func `a supervised pair tells normal, alarm, short and cut`(state: ZoneState) {
        let zone = door(complement: 1)
        var engine = ZoneEngine(plan([zone]))
        engine.move(0, isHigh: zone.isHigh(in: .normal), isSettled: true, at: ms(0))
        #expect(engine.verdict(0) == nil)
        engine.move(1, isHigh: zone.isComplementHigh(in: .normal), isSettled: true, at: ms(0))
        #expect(engine.verdict(0) == .state(.normal))
        engine.move(0, isHigh: zone.isHigh(in: state), isSettled: true, at: ms(10))
        engine.move(1, isHigh: zone.isComplementHigh(in: state), isSettled: true, at: ms(12))
        engine.advance(to: ms(100))
        #expect(engine.verdict(0) == .state(state))
    }

    @Test func `a changeover contact on its way is neither shorted nor cut`() {
        let zone = door(complement: 1)
        var engine = ZoneEngine(plan([zone]))
        engine.move(0, isHigh: zone.isHigh(in: .normal), isSettled: true, at: ms(0))
        engine.move(1, isHigh: zone.isComplementHigh(in: .normal), isSettled: true, at: ms(0))
        _ = engine.takeOutputs()
        engine.move(0, isHigh: zone.isHigh(in: .alarm), isSettled: true, at: ms(1000))  // both open for 30 ms
        engine.move(1, isHigh: zone.isComplementHigh(in: .alarm), isSettled: true, at: ms(1030))
        engine.advance(to: ms(9000))
        #expect(verdicts(&engine) == [.state(.alarm)])
    }

    @Test func `a line that cannot be read is a fault, and never closed`() {
        var engine = ZoneEngine(plan([door()]))
        engine.move(0, isHigh: false, isSettled: true, at: ms(0))
        engine.fail(0, LineFault(.chipGone), at: ms(10))
        #expect(engine.verdict(0) == .fault(LineFault(.chipGone)))
        #expect(engine.level(0) == nil)
        // It was opened meanwhile: seen at the first reading, and counted.
        engine.move(0, isHigh: true, isSettled: true, at: ms(500))
        #expect(engine.verdict(0) == .state(.alarm))
        #expect(engine.activations(0) == 1)
    }

    @Test func `one unreadable line of a pair is a fault of its zone`() {
        var engine = ZoneEngine(plan([door(complement: 1)]))
        engine.move(0, isHigh: false, isSettled: true, at: ms(0))
        engine.move(1, isHigh: true, isSettled: true, at: ms(0))
        engine.fail(1, LineFault(.lineBusy, "held by nut"), at: ms(10))
        #expect(engine.verdict(0) == .fault(LineFault(.lineBusy, "held by nut")))
    }

    @Test func `a flapping zone is quieted in alarm, counted, and heard again when it has been at rest`() {
        let swinger = SwingerPlan(count: 3, window: .seconds(600), rest: .seconds(300))
        var engine = ZoneEngine(plan([door(swinger: swinger)]))
        engine.move(0, isHigh: false, isSettled: true, at: ms(0))
        for flap in 1...50 {
            engine.move(0, isHigh: true, isSettled: true, at: ms(Int64(flap) * 1000))
            engine.move(0, isHigh: false, isSettled: true, at: ms(Int64(flap) * 1000 + 500))
        }
        #expect(engine.isQuieted(0))
        #expect(engine.verdict(0) == .state(.alarm))
        #expect(engine.activations(0) == 50)
        let told = engine.takeOutputs()
        #expect(told.contains(.quieted(zone: 0, at: ms(3000))))
        #expect(
            told.filter { if case .changed = $0 { true } else { false } }.count == 6,
            "first reading, two full activations, and the one it is held in")
        // 299 s after the last change it is still quiet, at 300 s it is heard again.
        engine.advance(to: ms(50_500 + 299_999))
        #expect(engine.isQuieted(0))
        engine.advance(to: ms(50_500 + 300_000))
        #expect(
            engine.takeOutputs() == [
                .heardAgain(zone: 0, untold: 47, at: ms(350_500)),
                .changed(zone: 0, was: .state(.alarm), now: .state(.normal), line: nil, at: ms(350_500)),
            ])
    }

    @Test func `activations far apart quiet nobody`() {
        let swinger = SwingerPlan(count: 3, window: .seconds(600), rest: .seconds(300))
        var engine = ZoneEngine(plan([door(swinger: swinger)]))
        engine.move(0, isHigh: false, isSettled: true, at: ms(0))
        for hour in Int64(1)...24 {
            engine.move(0, isHigh: true, isSettled: true, at: ms(hour * 3_600_000))
            engine.move(0, isHigh: false, isSettled: true, at: ms(hour * 3_600_000 + 1000))
        }
        #expect(!engine.isQuieted(0))
        #expect(engine.activations(0) == 24)
    }

    @Test func `a quieted zone still says when it is cut or cannot be read`() {
        let swinger = SwingerPlan(count: 2, window: .seconds(600), rest: .seconds(300))
        var engine = ZoneEngine(plan([door(swinger: swinger)]))
        engine.move(0, isHigh: false, isSettled: true, at: ms(0))
        for flap in Int64(1)...4 {
            engine.move(0, isHigh: true, isSettled: true, at: ms(flap * 100))
            engine.move(0, isHigh: false, isSettled: true, at: ms(flap * 100 + 50))
        }
        engine.fail(0, LineFault(.chipGone), at: ms(1000))
        #expect(engine.verdict(0) == .fault(LineFault(.chipGone)))
    }

    @Test func `what falls due together happens in the order of its moments`() {
        var engine = ZoneEngine(plan([door("a", line: 0), door("b", line: 1)], debounce: .milliseconds(100)))
        engine.move(0, isHigh: false, isSettled: true, at: ms(0))
        engine.move(1, isHigh: false, isSettled: true, at: ms(0))
        _ = engine.takeOutputs()
        engine.move(1, isHigh: true, isSettled: false, at: ms(10))
        engine.move(0, isHigh: true, isSettled: false, at: ms(20))
        engine.advance(to: ms(10_000))
        let order = engine.takeOutputs().compactMap { output -> Int? in
            if case .changed(let zone, _, _, _, _) = output { zone } else { nil }
        }
        #expect(order == [1, 0])
    }
}
