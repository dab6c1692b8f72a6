import Control
import Platform
import Site
import Testing

extension Bench {
    fileprivate mutating func setClock(by milliseconds: Int64) {
        now = Moment(monotonic: now.monotonic, wall: WallTime(milliseconds: now.wall.milliseconds + milliseconds))
    }
}

@Suite struct ClockTests {
    @Test(arguments: [-172_800_000, -2_000, 2_000, 86_400_000] as [Int64])
    func `a clock that is set is in the record once, and nothing waits shorter or longer for it`(jump: Int64) {
        var bench = Bench(ControlPlan(conditions: [hot]), points: [air])
        bench.set("air.temperature", 36)
        bench.step()
        bench.setClock(by: jump)
        let told = bench.step(after: .seconds(4)).events.filter { $0.kind == .clockJumped }
        #expect(told.map { $0.evidence.map(\.value) } == [[String(jump / 1000)]])
        bench.set("air.temperature", 36)
        let raised = bench.step(after: .seconds(1))
        #expect(raised.alarms.map(\.id) == ["air.hot"])
        #expect(!raised.events.contains { $0.kind == .clockJumped })
    }

    @Test func `a clock that is steered is no news`() {
        var bench = Bench(ControlPlan(), points: [])
        bench.step()
        for _ in 0..<100 {
            bench.setClock(by: 500)
            #expect(bench.step(after: .seconds(1)).events.isEmpty)
        }
    }

    @Test(arguments: [-1_001, 1_001] as [Int64])
    func `a leap second is no news`(leap: Int64) {
        var bench = Bench(ControlPlan(), points: [])
        bench.step()
        bench.setClock(by: leap)
        #expect(bench.step(after: .seconds(1)).events.isEmpty)
    }

    @Test func `a start before the record's last time says that the clock wants to be set`() throws {
        var bench = Bench(ControlPlan(), points: [])
        let memory = try #require(bench.step().memory)
        bench.setClock(by: -3_600_000)
        bench.restart(memory: memory)
        let told = bench.step().events.filter { $0.kind == .clockJumped }
        #expect(told.map(\.severity) == [.warning] && told[0].text.contains("wants to be set"))
        bench.setClock(by: 3_600_000)
        bench.restart(memory: memory)
        #expect(!bench.step().events.contains { $0.kind == .clockJumped })
    }
}
