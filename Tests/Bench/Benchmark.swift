import Platform

/// One number worth a line in the table, beside its goal and its neighbour.
struct Figure {
    let name: String
    let value: Double
    let unit: String
    /// What was promised, in words: "at most 2 ms".
    let goal: String
    /// Nil where the goal could not be judged (its neighbour is not installed).
    let isMet: Bool?
    /// What it was compared with, in the same run.
    let peer: (name: String, value: Double)?

    init(_ name: String, _ value: Double, _ unit: String, goal: String, isMet: Bool?, peer: (String, Double)? = nil) {
        self.name = name
        self.value = value
        self.unit = unit
        self.goal = goal
        self.isMet = isMet
        self.peer = peer.map { ($0.0, $0.1) }
    }

    var ratio: Double? { peer.map { value / $0.value } }
}

/// A measurement of one room. It prints nothing itself; what it cannot measure here it says in `skipped`.
struct Benchmark: Sendable {
    let name: String
    let run: @Sendable () throws -> [Figure]

    init(_ name: String, _ run: @escaping @Sendable () throws -> [Figure]) {
        self.name = name
        self.run = run
    }

    struct Skipped: Error, CustomStringConvertible {
        let description: String
        init(_ why: String) { description = why }
    }
}

/// The median of several timed runs, in seconds: these machines are shared, a single run says little.
func medianSeconds(runs: Int = 5, _ body: () throws -> Void) rethrows -> Double {
    var times: [Double] = []
    for _ in 0..<runs {
        let start = SystemTime.monotonic
        try body()
        times.append((SystemTime.monotonic - start).seconds)
    }
    times.sort()
    return times[times.count / 2]
}
