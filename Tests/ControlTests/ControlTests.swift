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
        lanes: [LaneStatus] = []
    ) -> Decisions {
        now = now.advanced(by: span)
        let wanted = control.watched.map { samples[table[$0].name] ?? .neverRead }
        return control.step(
            ControlInputs(samples: wanted, requests: requests, writeResults: results, lanes: lanes), now: now)
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
}
