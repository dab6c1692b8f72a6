import CBench
import Control
import Platform
import Site

/// The pure step at the size of the largest container we promise: 20,000 points, 2,000 conditions.
enum ControlBench {
    static let all = [
        Benchmark("control.step") {
            [step("quiet", changing: 0), step("a tenth changes", changing: 0.1)] + fewChanges()
        },
        Benchmark("site.posture") { [posturePage()] },
    ]

    private static func site() -> SitePlan {
        let points = (0..<20_000).map { n in
            PointDefinition(name: "device\(n / 20).point\(n % 20)", unit: .celsius, interval: .seconds(1))
        }
        let conditions = (0..<2000).map { n -> ConditionPlan in
            let point = points[n * 10].name
            let test: ConditionPlan.Test =
                switch n % 5 {
                case 0, 1: .above(point: point, limit: 90, hysteresis: 2)
                case 2: .below(point: point, limit: -10, hysteresis: 2)
                case 3: .apart(point: point, from: points[n * 10 + 1].name, limit: 100, hysteresis: 5)
                default: .movesFasterThan(point: point, perMinute: 500, window: .seconds(60))
                }
            return ConditionPlan(
                id: "device\(n / 2).condition\(n % 2)", test: test, severity: .major, subject: point, text: "condition",
                raiseAfter: .seconds(5), posture: n % 50 == 0 ? .drain : nil)
        }
        return SitePlan(
            name: "bench", title: "bench", security: SecurityPlan(points: points),
            control: ControlPlan(
                conditions: conditions,
                feeds: [PowerFeedPlan(tag: "main", meters: [points[5].name], maximumWatts: 100_000)]))
    }

    /// Reading the Board's watched points and judging them, as the control loop does.
    private static func step(_ title: String, changing share: Double) -> Figure {
        let site = site()
        let table = PointTable(site.points)
        let board = Board(table)
        var now = SystemTime().now()
        for id in table.ids { board.publish(id, 20, at: now) }
        var control = Control(site: site, points: table, now: now)
        var samples: [Sample] = []
        var times: [Double] = []
        for round in 0..<200 {
            now = now.advanced(by: .milliseconds(100))
            let changed = Int(Double(table.count) * share)
            for n in 0..<table.count where n < changed || round % 10 == 0 {
                board.publish(PointID(n), 20 + Double((round + n) % 7), at: now)
            }
            let start = SystemTime.monotonic
            control.gather(board, at: now.monotonic, into: &samples)
            _ = control.step(ControlInputs(samples: samples), now: now)
            times.append((SystemTime.monotonic - start).seconds)
        }
        times.sort()
        let median = times[times.count / 2]
        return Figure(
            "Control.step, 20,000 points, 2,000 conditions, \(title)", median * 1e3, "ms", goal: "at most 2 ms",
            isMet: median <= 2e-3)
    }

    /// What the idle agent does most: every 40 ms a few points have moved, and all are looked at twice a second.
    private static func fewChanges() -> [Figure] {
        let site = site()
        let table = PointTable(site.points)
        let board = Board(table)
        var now = SystemTime().now()
        for id in table.ids { board.publish(id, 20, at: now) }
        var control = Control(site: site, points: table, now: now)
        var samples: [Sample] = []
        var points: [PointID] = []
        var changed: [Int] = []
        var spent = 0.0
        var allocations: UInt64 = 0
        let rounds = 5000
        for round in 0..<rounds + 100 {
            now = now.advanced(by: .milliseconds(40))
            for n in 0..<3 { board.publish(PointID((round * 7 + n) * 10 % 20_000), 20 + Double(round % 7), at: now) }
            points.removeAll(keepingCapacity: true)
            let before = cb_allocations()
            let start = SystemTime.monotonic
            board.takeChanges { points.append($0) }
            if round % 12 == 0 {
                control.gather(board, at: now.monotonic, into: &samples)
            } else {
                control.gather(points, of: board, at: now.monotonic, into: &samples, changed: &changed)
            }
            let inputs = ControlInputs(samples: samples, changed: round % 12 == 0 ? nil : changed)
            let decisions = control.step(inputs, now: now)
            // Once a minute what Control remembers is written: that is not the steady state.
            if round < 100 || decisions.memory != nil { continue }
            spent += (SystemTime.monotonic - start).seconds
            allocations += cb_allocations() - before
        }
        // Once a second the power budget and the computed points are told anew.
        let each = Double(allocations) / Double(rounds)
        return [
            Figure(
                "Control, 40 ms of an idle container, 3 of 20,000 points moved", spent / Double(rounds) * 1e6, "us",
                goal: "at most 200 us, half a percent of a core", isMet: spent / Double(rounds) <= 200e-6),
            Figure("the same, allocations", each, "a step", goal: "less than one", isMet: each < 1),
        ]
    }

    private static func posturePage() -> Figure {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: PosturePage.byteCount, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: PosturePage.byteCount)
        defer { unsafe memory.deallocate() }
        let page = unsafe PosturePage(at: memory)
        let now = SystemTime().now()
        page.publish(
            Posture(state: .conserve, reason: "feed main: at most 8000 W", since: now.wall, watts: 8000),
            at: now.monotonic)
        let rounds = 1_000_000
        var sum = 0.0
        let seconds = medianSeconds {
            for _ in 0..<rounds {
                sum += page.state(at: now.monotonic, staleAfter: .seconds(3), safe: .drain).watts ?? 0
            }
        }
        let each = seconds / Double(rounds)
        return Figure(
            "posture page read", each * 1e9, "ns", goal: "at most 100 ns", isMet: each <= 100e-9 && sum > 0)
    }
}
