import Foundation
import Platform
import Site
import Synchronization
import Upstream

/// Upstream against the real mosquitto on loopback.
enum UpstreamBench {
    static let all = [
        Benchmark("upstream.catch-up", catchUp),
        Benchmark("upstream.latency", latency),
        Benchmark("upstream.churn", churn),
    ]

    private static let mosquitto = "/usr/sbin/mosquitto"
    private static let subscriber = "/usr/bin/mosquitto_sub"
    private static let publisher = "/usr/bin/mosquitto_pub"

    /// A journal in memory: what is measured is the way out.
    private final class MemoryFeed: EventFeed {
        private let count: UInt64
        private let position = Mutex<UInt64?>(nil)
        init(_ count: UInt64) { self.count = count }
        var lastSequence: UInt64 { count }
        var cursor: UInt64? { position.withLock { $0 } }
        func moveCursor(to sequence: UInt64) { position.withLock { $0 = sequence } }
        func sequence(before time: WallTime) -> UInt64 { 0 }
        func events(after sequence: UInt64, limit: Int) -> [Event] {
            if sequence >= count { return [] }
            return (sequence + 1...min(count, sequence + UInt64(limit))).map { number in
                Event(
                    sequence: number, id: "0123456789abcdef\(number)", wall: WallTime(milliseconds: 1_790_000_000_000),
                    kind: .alarmRaised, severity: .warning, subject: "ups1.battery.charge",
                    text: "battery charge of ups1 is below 50 % and falls",
                    evidence: [Evidence("ups1.battery.charge", "48.5")], actor: nil)
            }
        }
    }

    private static func broker() throws -> (RunningProgram, Int) {
        guard FileManager.default.isExecutableFile(atPath: mosquitto) else {
            throw Benchmark.Skipped("mosquitto is not installed")
        }
        let port = 20_000 + Int.random(in: 0..<10_000)
        return (try RunningProgram(mosquitto, ["-p", "\(port)"]), port)
    }

    private static func room(_ port: Int, _ board: Board, _ feed: MemoryFeed) throws -> UpstreamRoom {
        try UpstreamRoom(
            site: "bench", plan: UpstreamPlan(brokers: [BrokerPlan(host: "127.0.0.1", port: port)]), board: board,
            time: SystemTime(), events: Mailbox(capacity: 100), feed: feed, requests: Mailbox(capacity: 10))
    }

    private static func wait(_ seconds: Int64, _ done: () -> Bool) -> Bool {
        let deadline = SystemTime.monotonic + .seconds(seconds)
        while SystemTime.monotonic < deadline {
            if done() { return true }
            usleep(1000)
        }
        return done()
    }

    private static func catchUp() throws -> [Figure] {
        let (broker, port) = try broker()
        defer { broker.stop() }
        let count: UInt64 = 30_000
        let feed = MemoryFeed(count)
        let room = try room(port, Board(PointTable([])), feed)
        try room.start()
        defer { room.stop() }
        guard wait(30, { room.status.value.isConnected }) else { throw Benchmark.Skipped("no broker") }
        let start = SystemTime.monotonic
        let before = feed.cursor ?? 0
        guard wait(60, { feed.cursor == count }) else { throw Benchmark.Skipped("the events did not arrive") }
        let rate = Double(count - before) / (SystemTime.monotonic - start).seconds
        return [
            Figure(
                "upstream.catch-up", rate, "events/s", goal: "at least 5,000, each acknowledged", isMet: rate >= 5000,
                peer: try bareClient(port, Int(count)).map { ("mosquitto_pub -q 1 -l, as long messages", $0) })
        ]
    }

    /// The broker's own client with as many messages of the same size, from a file; nil where it is not installed.
    private static func bareClient(_ port: Int, _ count: Int) throws -> Double? {
        guard FileManager.default.isExecutableFile(atPath: publisher) else { return nil }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-lines-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let line = String(repeating: "x", count: 420) + "\n"
        try Data(String(repeating: line, count: count).utf8).write(to: file)
        let start = SystemTime.monotonic
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "exec \(publisher) -p \(port) -q 1 -t peer -l < \(file.path)"]
        try process.run()
        process.waitUntilExit()
        return Double(count) / (SystemTime.monotonic - start).seconds
    }

    /// Points that change faster than the link is looked at: what goes out is bounded, and the end is told.
    private static func churn() throws -> [Figure] {
        let (broker, port) = try broker()
        defer { broker.stop() }
        let board = Board(PointTable((0..<500).map { PointDefinition(name: "meter\($0).power", unit: .watts) }))
        let room = try room(port, board, MemoryFeed(0))
        try room.start()
        defer { room.stop() }
        guard wait(30, { room.status.value.valuesSent >= 500 }) else { throw Benchmark.Skipped("no broker") }
        let before = room.status.value.valuesSent
        let start = SystemTime.monotonic
        var changes = 0
        // 5,000 changes per second for five seconds: ten times what a large container says.
        while (SystemTime.monotonic - start).seconds < 5 {
            for _ in 0..<50 {
                board.publish(PointID(changes % 500), Double(changes), at: SystemTime().now())
                changes += 1
            }
            usleep(10_000)
        }
        let ended = SystemTime.monotonic
        usleep(1_200_000)
        let told = room.status.value.valuesSent - before
        let seconds = (ended - start).seconds
        // Nothing waits behind the end: a second later no more is told.
        usleep(1_500_000)
        let late = room.status.value.valuesSent - before - told
        return [
            Figure(
                "upstream.churn.told", Double(told) / seconds, "values/s",
                goal: "several hundred, of \(Int(Double(changes) / seconds)) changes/s",
                isMet: Double(told) / seconds >= 300),
            Figure("upstream.churn.late", Double(late), "values", goal: "0: no queue", isMet: late == 0),
        ]
    }

    /// From the change on the Board to a foreign subscriber, which notes when it heard it.
    private static func latency() throws -> [Figure] {
        guard FileManager.default.isExecutableFile(atPath: subscriber) else {
            throw Benchmark.Skipped("mosquitto_sub is not installed")
        }
        let (broker, port) = try broker()
        defer { broker.stop() }
        let points = (0..<500).map { PointDefinition(name: "meter\($0).power", unit: .watts) }
        let board = Board(PointTable(points))
        let room = try room(port, board, MemoryFeed(0))
        try room.start()
        defer { room.stop() }
        guard wait(30, { room.status.value.valuesSent >= 500 }) else { throw Benchmark.Skipped("no broker") }
        let heard = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-bench-\(UUID().uuidString)")
        let listener = try RunningProgram(
            "/bin/sh",
            [
                "-c",
                "exec \(subscriber) -h 127.0.0.1 -p \(port) -t 'BMS/v1/PUB/Value/GenericObject/#' -F '%U %p' > \(heard.path)",
            ])
        usleep(500_000)
        // 500 points per second for ten seconds, at moments that the scan does not know.
        for round in 0..<5000 {
            board.publish(PointID(round % 500), Double(round), at: SystemTime().now())
            usleep(UInt32.random(in: 1000..<3000))
        }
        usleep(500_000)
        listener.stop()
        let text = try String(contentsOf: heard, encoding: .utf8)
        try? FileManager.default.removeItem(at: heard)
        var late: [Double] = []
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let at = Double(parts[0]),
                let told = try? JSON.parse(Array(parts[1].utf8))["timestamp"]?.number
            else { continue }
            late.append(at * 1000 - told)
        }
        late.sort()
        guard late.count > 1000 else { throw Benchmark.Skipped("only \(late.count) values were heard") }
        let p99 = late[late.count * 99 / 100]
        return [
            Figure("upstream.latency.p50", late[late.count / 2], "ms", goal: "none", isMet: nil),
            Figure("upstream.latency.p99", p99, "ms", goal: "at most 250 ms, 500 points", isMet: p99 <= 250),
        ]
    }
}
