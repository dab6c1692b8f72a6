import Platform
import Security
import Site
import Testing

/// Checks, as the engine's user, that what the engine says is what the wires are.
private func truth(_ bits: UInt64, _ line: Int) -> ZoneVerdict {
    .state(bits >> UInt64(line) & 1 == 1 ? .alarm : .normal)
}

private final class EngineListener: LineListener {
    var engine: ZoneEngine
    var lost: UInt64 = 0
    init(_ plan: SecurityPlan) { engine = ZoneEngine(plan) }
    func lineMoved(_ line: Int, isHigh: Bool, isSettled: Bool, at time: MonotonicTime) {
        engine.move(line, isHigh: isHigh, isSettled: isSettled, at: time)
    }
    func lineFailed(_ line: Int, _ fault: LineFault) { engine.fail(line, fault, at: .distantPast) }
    func edgesLost(_ count: UInt64) { lost += count }
}

@Suite struct LineDrainTests {
    @Test func `every edge that was not lost is told in order, once`() throws {
        let kernel = FakeKernel()
        let listener = EngineListener(plan([door(swinger: neverQuiet)]))
        var drain = LineDrain(lines: [0], isSettled: true)
        let clock = HandClock()
        try drain.resynchronise(kernel, telling: listener) { clock.now().monotonic }
        for _ in 0..<1000 {
            clock.pass(.milliseconds(1))
            kernel.toggle(0, at: clock.now().monotonic)
        }
        try drain.run(kernel, telling: listener) { clock.now().monotonic }
        #expect(listener.engine.activations(0) == 500)
        #expect(listener.lost == 0)
    }

    @Test func `a full queue loses edges, the loss is known exactly and the state is true again`() throws {
        let kernel = FakeKernel(bits: 0)
        let listener = EngineListener(plan([door(swinger: neverQuiet)]))
        var drain = LineDrain(lines: [0], isSettled: true)
        let clock = HandClock()
        try drain.resynchronise(kernel, telling: listener) { clock.now().monotonic }
        for _ in 0..<10_001 { kernel.toggle(0, at: clock.now().monotonic) }
        try drain.run(kernel, telling: listener) { clock.now().monotonic }
        #expect(listener.lost == 10_001 - 1024)
        #expect(listener.engine.verdict(0) == .state(.alarm))
    }

    @Test(arguments: [UInt64(1), 2, 3, 4]) func `of 100,000 random edges on 32 lines no state is missed`(
        seed: UInt64
    ) throws {
        var random = Seeded(state: seed)
        let zones = (0..<32).map { door("z\($0)", line: $0, swinger: neverQuiet) }
        // Half the lines are debounced by us, half by the source.
        let debounce = Nanoseconds.milliseconds(seed % 2 == 0 ? 50 : 0)
        let kernel = FakeKernel(bits: UInt64.random(in: 0...UInt64(UInt32.max), using: &random))
        let listener = EngineListener(plan(zones, debounce: debounce))
        var drain = LineDrain(lines: Array(0..<32), isSettled: false)
        let clock = HandClock()
        try drain.resynchronise(kernel, telling: listener) { clock.now().monotonic }
        var edges = 0
        var missed = 0
        var bursts = 0
        while edges < 100_000 {
            // Mostly some edges, now and then a storm that no queue holds; then 100 ms of rest.
            let count = Int.random(in: 0..<20, using: &random) == 0 ? 3000 : Int.random(in: 1...100, using: &random)
            if count > 1024 { bursts += 1 }
            for _ in 0..<count {
                kernel.toggle(Int.random(in: 0..<32, using: &random), at: clock.now().monotonic)
                if Int.random(in: 0..<10, using: &random) == 0 { clock.pass(.milliseconds(1)) }
            }
            edges += count
            try drain.run(kernel, telling: listener) { clock.now().monotonic }
            clock.pass(.milliseconds(100))
            listener.engine.advance(to: clock.now().monotonic)
            for line in 0..<32 where listener.engine.verdict(line) != truth(kernel.bits, line) { missed += 1 }
        }
        #expect(missed == 0, "seed \(seed)")
        #expect(listener.lost == kernel.dropped, "seed \(seed)")
        #expect(bursts > 0, "seed \(seed)")
    }

    @Test func `numbers that repeat or overtake each other are no loss, interrupts run together are`() throws {
        let kernel = FakeKernel()
        let listener = EngineListener(plan((0..<2).map { door("z\($0)", line: $0, swinger: neverQuiet) }))
        var drain = LineDrain(lines: [0, 1], isSettled: true)
        let clock = HandClock()
        try drain.resynchronise(kernel, telling: listener) { clock.now().monotonic }
        for _ in 0..<50 {
            clock.pass(.milliseconds(1))
            kernel.overtake(0, 1, at: clock.now().monotonic)
            kernel.crowd(0, at: clock.now().monotonic)
            try drain.run(kernel, telling: listener) { clock.now().monotonic }
        }
        #expect(listener.lost == 0)
        kernel.swallow(1, 7)
        kernel.toggle(0, at: clock.now().monotonic)
        try drain.run(kernel, telling: listener) { clock.now().monotonic }
        #expect(listener.lost == 7)
        #expect(listener.engine.verdict(1) == truth(kernel.bits, 1))
    }

    @Test func `a chip that goes while it is read is an error of the request, not an empty queue`() {
        let kernel = FakeKernel()
        kernel.isGone = true
        let listener = EngineListener(plan([door()]))
        var drain = LineDrain(lines: [0], isSettled: true)
        #expect(throws: SystemError.self) { try drain.run(kernel, telling: listener) { .distantPast } }
    }
}
