import Accelerators
import CLinux
import Control
import Foundation
import Platform
import Site

/// How long a card has failed before Control judges it: through the card's thread, the room's, the Board,
/// and the loop that gathers what comes within 40 ms, as the site plane does.
enum AcceleratorsSignalBench {
    static let all = [Benchmark("accelerators.signal", signal)]

    private static let interval = Nanoseconds.milliseconds(200)
    private static let stepSpacing = Nanoseconds.milliseconds(40)
    private static let trials = 50

    @Sendable private static func signal() throws -> [Figure] {
        let tree = try CardTree(cards: 8, values: 40, interval: interval, showsLife: true)
        let wakeup = try Wakeup()
        let site = SitePlan(name: "bench", title: "bench", accelerators: tree.plan)
        let board = Board(PointTable(site.points), wakeup: wakeup)
        let room = AcceleratorRoom(
            plan: tree.plan, board: board, time: SystemTime(), events: try Mailbox(capacity: 1024))
        try room.start()
        defer { room.stop() }
        var loop = try ControlLoop(site, board, wakeup)
        var random = SystemRandomNumberGenerator()
        var delays: [Double] = []
        for trial in 0..<trials {
            let card = trial % 8
            guard try loop.wait(for: .ok, card) != nil else { throw Benchmark.Skipped("card\(card) is not ok") }
            // At any moment between two looks.
            pause(Nanoseconds(Int64.random(in: 0..<interval.count, using: &random)))
            let life = try FileHandle(forWritingTo: URL(fileURLWithPath: tree.life[card]))
            let start = SystemTime.monotonic
            // One byte over another: a file that is empty for a moment would be a fault of another kind.
            life.write(Data("0".utf8))
            guard let seen = try loop.wait(for: .failed, card) else {
                throw Benchmark.Skipped("Control never heard of card\(card)")
            }
            delays.append((seen - start).seconds)
            try life.seek(toOffset: 0)
            life.write(Data("1".utf8))
            try life.close()
        }
        delays.sort()
        let worst = delays[delays.count - 1] - interval.seconds
        let median = delays[delays.count / 2] - interval.seconds
        let goal = "interval + 50 ms"
        return [
            Figure(
                "a failing card to Control's step, beyond its interval (\(trials) times, worst)", worst * 1e3, "ms",
                goal: goal, isMet: worst <= 0.05),
            Figure("the same, median", median * 1e3, "ms", goal: goal, isMet: median <= 0.05),
        ]
    }

    /// The site plane's loop, without what does not concern the cards.
    private struct ControlLoop {
        let board: Board
        let wakeup: Wakeup
        var control: Control
        let health: [Int?]
        var samples: [Sample] = []
        var lastStep = MonotonicTime.distantPast
        var hasReadings = true

        init(_ site: SitePlan, _ board: Board, _ wakeup: Wakeup) throws {
            self.board = board
            self.wakeup = wakeup
            let control = Control(site: site, points: board.points, now: SystemTime().now())
            health = (0..<8).map { card in
                board.points.id(of: "card\(card).health").flatMap { control.watched.firstIndex(of: $0) }
            }
            self.control = control
        }

        /// The moment at which Control had judged that the card is so; nil: not within 20 s.
        mutating func wait(for wanted: AcceleratorHealth, _ card: Int) throws -> MonotonicTime? {
            guard let place = health[card] else { throw Benchmark.Skipped("Control does not watch card\(card)") }
            let end = SystemTime.monotonic + .seconds(20)
            while SystemTime.monotonic < end {
                let wait = hasReadings ? max(0, (lastStep + stepSpacing - SystemTime.monotonic).count) : 500_000_000
                if cl_wait_readable(wakeup.descriptor.raw, -1, wait) > 0 {
                    wakeup.hush()
                    hasReadings = true
                }
                guard hasReadings, SystemTime.monotonic - lastStep >= stepSpacing else { continue }
                hasReadings = false
                wakeup.drain()
                board.takeChanges { _ in }
                let now = SystemTime().now()
                lastStep = now.monotonic
                control.gather(board, at: now.monotonic, into: &samples)
                _ = control.step(ControlInputs(samples: samples), now: now)
                if samples[place].isGood, samples[place].number == Double(wanted.rawValue) {
                    return SystemTime.monotonic
                }
            }
            return nil
        }
    }
}
