import Glibc
import Platform
import YearSimulator

/// Years of random faults, and a thousand kills: what a test lives through in hours' worth, here in full.
enum YearBench {
    static let all = [
        Benchmark("control.years") { try years() },
        Benchmark("journal.kills") { try kills() },
    ]

    /// A tenth of a year is enough to know the pace; MDC_BENCH_YEARS asks for more.
    private static func years() throws -> [Figure] {
        let share = unsafe getenv("MDC_BENCH_YEARS").flatMap { unsafe Double(String(cString: $0)) } ?? 0.1
        // A life that broke an invariant is printed with its seed, and lived again with it.
        let told = unsafe getenv("MDC_BENCH_SEED").flatMap { unsafe UInt64(String(cString: $0)) }
        let seed = told ?? UInt64(SystemTime().now().wall.milliseconds)
        var simulation = YearSimulation(seed: seed)
        let start = SystemTime.monotonic
        try simulation.live(Nanoseconds(seconds: share * 365 * 86_400))
        let minutes = (SystemTime.monotonic - start).seconds / 60
        let tally = simulation.tally
        print(
            "       seed \(seed): \(tally.steps) steps, \(tally.alarms) alarms, \(tally.writes) writes, "
                + "\(tally.kills) kills (\(tally.killsWithLoss) with decisions under way), "
                + "\(tally.clockJumps) clock jumps, no invariant broken")
        return [
            Figure(
                "simulated years of 500 points", share / minutes, "years/min", goal: "at least 1",
                isMet: share / minutes >= 1)
        ]
    }

    private static func kills() throws -> [Figure] {
        var folder = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &folder, folder.count)
        let program = String(decoding: folder[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let here = program.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let writer = here + "/journal-writer"
        guard unsafe access(writer, X_OK) == 0 else {
            throw Benchmark.Skipped("journal-writer is not built: swift build -c release --product journal-writer")
        }
        let state = "/var/tmp/mdc-bench-kills-\(getpid())"
        unsafe mkdir(state, 0o755)
        defer { _ = unsafe system("rm -rf '\(state)'") }
        let result = unsafe system("'\(writer)' kill '\(state)' 1000 \(SystemTime().now().wall.milliseconds)")
        return [
            Figure(
                "events lost in 1,000 kills at random moments", result == 0 ? 0 : 1, "runs with a loss", goal: "none",
                isMet: result == 0)
        ]
    }
}
