import Control
import Platform
import Site
import Testing

private let total = PointDefinition(name: "all.power", unit: .kilowatts, interval: .seconds(1))
private let it = PointDefinition(name: "racks.power", unit: .watts, interval: .seconds(1))
private let card = PointDefinition(name: "npu0.power", unit: .watts, interval: .seconds(1))

private let plan = ControlPlan(
    feeds: [PowerFeedPlan(tag: "main", meters: ["all.power"], maximumWatts: 100_000)],
    effectiveness: PowerUsageEffectivenessPlan(
        boundary: "container with its cooling; IT at the rack PDUs", totalMeters: ["all.power"],
        itMeters: ["racks.power"]),
    lanes: [
        LaneEnergyPlan(model: "detector", accelerator: "npu0", meters: ["npu0.power"]),
        LaneEnergyPlan(model: "speech", accelerator: "npu0", meters: ["npu0.power"]),
    ])

private func bench() -> Bench {
    var bench = Bench(plan, points: [total, it, card])
    bench.set("all.power", 15)
    bench.set("racks.power", 10_000)
    bench.set("npu0.power", 100)
    bench.step()
    return bench
}

private func lanes(_ detector: UInt64, _ speech: UInt64 = 0) -> [LaneStatus] {
    [
        LaneStatus(model: "detector", accelerator: "npu0", state: "running", inferences: detector, failures: 0),
        LaneStatus(model: "speech", accelerator: "npu0", state: "running", inferences: speech, failures: 0),
    ]
}

@Suite struct EnergyTests {
    @Test func `an hour at 15 kW is 15 kWh, whatever the steps`() {
        var bench = bench()
        var last = bench.step()
        for step in 0..<3600 { last = bench.step(after: step % 2 == 0 ? .milliseconds(500) : .milliseconds(1500)) }
        #expect(abs(last.power[0].energyWattHours - 15_000) < 1)
        #expect(abs((last.energy?.totalWattHours ?? 0) - 15_000) < 10)
        #expect(abs((last.energy?.effectiveness ?? 0) - 1.5) < 1e-9)
        #expect(last.energy?.boundary == "container with its cooling; IT at the rack PDUs")
    }

    @Test func `a gap in the metering is left out on both sides, never guessed`() {
        var bench = bench()
        for _ in 0..<600 { bench.step(after: .seconds(1)) }
        bench.lose("racks.power")
        let blind = bench.step(after: .seconds(1))
        #expect(blind.energy?.effectiveness == nil && blind.energy?.itWatts == nil)
        for _ in 0..<600 { bench.step(after: .seconds(1)) }
        bench.set("racks.power", 10_000)
        let back = bench.step(after: .seconds(1))
        #expect(abs((back.energy?.effectivenessOverall ?? 0) - 1.5) < 1e-6)
        // Nor is energy made up for the hours in which the agent did not run.
        let before = back.energy?.totalWattHours ?? 0
        let late = bench.step(after: .seconds(7200))
        #expect((late.energy?.totalWattHours ?? 0) - before < 1)
    }

    @Test func `joules per inference are the card's power over what its lanes did`() {
        var bench = bench()
        var done: UInt64 = 0
        var last = bench.step(after: .seconds(1), lanes: lanes(0))
        for _ in 0..<300 {
            done += 10
            last = bench.step(after: .seconds(1), lanes: lanes(done))
        }
        // 100 W shared by two lanes, ten inferences a second: five joules each.
        let detector = last.energy?.lanes.first { $0.model == "detector" }
        #expect(abs((detector?.joulesPerInference ?? 0) - 5) < 0.05)
        #expect(detector?.inferences == 3000)
        // A lane that did nothing has no figure, rather than an infinite one.
        #expect(last.energy?.lanes.first { $0.model == "speech" }?.joulesPerInference == nil)
        // The serving plane starts again and counts from zero: nothing is lost or counted twice.
        last = bench.step(after: .seconds(1), lanes: lanes(4))
        #expect(last.energy?.lanes.first { $0.model == "detector" }?.inferences == 3004)
    }

    @Test func `the accounts outlive a kill`() {
        var bench = bench()
        var memory: [UInt8]?
        for _ in 0..<3600 { memory = bench.step(after: .seconds(1), lanes: lanes(7)).memory ?? memory }
        bench.restart(memory: memory)
        let back = bench.step(after: .seconds(1), lanes: lanes(7))
        #expect(abs(back.power[0].energyWattHours - 15_000) < 300)
        #expect(abs((back.energy?.effectivenessOverall ?? 0) - 1.5) < 1e-6)
    }
}
