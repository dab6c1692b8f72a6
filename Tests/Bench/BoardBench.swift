import Platform
import Site

enum BoardBench {
    static let all = [
        Benchmark("site.board") {
            let board = Board(PointTable([PointDefinition(name: "a.b")]))
            let now = SystemTime().now()
            let id = PointID(0)
            let rounds = 1_000_000
            let written = medianSeconds { for i in 0..<rounds { board.publish(id, Double(i), at: now) } }
            var sum = 0.0
            let read = medianSeconds {
                for _ in 0..<rounds { sum += board.reading(id, at: now.monotonic).goodNumber ?? 0 }
            }
            return [
                Figure(
                    "board write", written / Double(rounds) * 1e9, "ns", goal: "at most 200 ns",
                    isMet: written / Double(rounds) < 200e-9),
                Figure(
                    "board read", read / Double(rounds) * 1e9, "ns", goal: "at most 100 ns",
                    isMet: read / Double(rounds) < 100e-9 && sum > 0),
            ]
        }
    ]
}
