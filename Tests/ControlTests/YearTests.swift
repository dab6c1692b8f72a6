import Platform
import Testing
import YearSimulator

@Suite struct YearTests {
    /// Each run lives another life; a seed that fails is printed with the step, and replays exactly.
    /// Debug builds are slow: hours here, years in `make bench`.
    @Test(arguments: [1, 2, UInt64.random(in: 4...UInt64(Int64.max))])
    func `hours of random faults lose no alarm, raise none without evidence and account for every write`(seed: UInt64)
        throws
    {
        var simulation = YearSimulation(seed: seed)
        try simulation.live(.seconds(6 * 3600))
        #expect(simulation.tally.alarms > 10)
    }

    @Test func `the same seed lives the same life`() throws {
        var first = YearSimulation(seed: 99)
        var second = YearSimulation(seed: 99)
        try first.live(.seconds(1800))
        try second.live(.seconds(1800))
        #expect(first.tally == second.tally)
    }
}
