import CBench
import CLinux
import Foundation
import Glibc
import Journal
import Platform
import Security
import Site

/// What the container's skin costs: the agent's own time from an edge that can be read to the journal on
/// disk, edges judged per second, and wake-ups while nothing moves.
enum SecurityBench {
    static let all = [
        Benchmark("security.edge-to-journal", edgeToJournal),
        Benchmark("security.edge-through-agent", edgeThroughAgent),
        Benchmark("security.engine", engine),
        Benchmark("security.idle", idle),
    ]

    private static func plan(_ lines: Int, socket: String = "") -> SecurityPlan {
        let never = SwingerPlan(count: .max, window: .seconds(600), rest: .seconds(300))
        let zones = (0..<lines).map { ZonePlan(name: "z\($0)", title: "z\($0)", kind: .door, line: $0, swinger: never) }
        return SecurityPlan(
            source: .simulated(socket: socket),
            lines: (0..<lines).map {
                LinePlan(address: .name("L\($0)"), bias: .asIs, debounce: .zero, writtenAt: "bench")
            }, zones: zones, points: SecurityPlan.points(of: zones))
    }

    /// The security thread, the mailbox and the journal's thread, as in the agent; lines come by a Unix
    /// socket, which wakes the thread as a GPIO descriptor does.
    @Sendable private static func edgeToJournal() throws -> [Figure] {
        let folder = NSTemporaryDirectory() + "mdc-bench-security-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lines = try Lines(folder + "/lines.sock")
        let plan = plan(1, socket: lines.path)
        let board = Board(PointTable(plan.points))
        let events = try Mailbox<EventDraft>(capacity: 1024)
        let committed = try Mailbox<UInt64>(capacity: 1024)
        var journalPlan = JournalPlan()
        journalPlan.folder = folder
        let journal = try JournalRoom(plan: journalPlan, points: board.points, time: SystemTime()) { commit in
            if commit.isDurable { committed.send(commit.ticket) }
        }
        let room = try SecurityRoom(plan: plan, board: board, time: SystemTime(), events: events)
        try journal.start()
        try room.start()
        defer {
            room.stop()
            journal.stop()
        }
        try lines.greet(["line L0 0 1\n"])
        // What the start says is journalled before anything is measured.
        pause(.milliseconds(300))
        _ = events.takeAll()
        var spans: [Double] = []
        for round in 0..<500 {
            let start = SystemTime.monotonic
            lines.send("line L0 \(1 - round % 2) \(start.nanoseconds)\n")
            var drafts: [EventDraft] = []
            while drafts.isEmpty { drafts = events.takeAll() }
            let ticket = journal.append(drafts)
            while !committed.takeAll().contains(where: { $0 >= ticket }) {}
            spans.append((SystemTime.monotonic - start).seconds * 1000)
            pause(.milliseconds(2))
        }
        spans.sort()
        let p99 = spans[spans.count * 99 / 100]
        return [
            Figure(
                "edge readable to event durable, p50", spans[spans.count / 2], "ms", goal: "shown with its p99",
                isMet: nil),
            Figure("edge readable to event durable, p99", p99, "ms", goal: "at most 2 ms", isMet: p99 <= 2),
        ]
    }

    /// The program itself with the demo site's thousand points and all its conditions: from a line's word
    /// on the socket to the first write of the journal's file, seen by the kernel's own watch on it.
    @Sendable private static func edgeThroughAgent() throws -> [Figure] {
        let run = NSTemporaryDirectory() + "mdc-bench-agent-\(getpid())"
        try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: run) }
        let socket = "  socket: run:lines.sock\n"
        let zones =
            "  zones:\n    measured: {kind: contact, line: BENCH, debounce: 0ms, "
            + "swinger: {count: 100, window: 10s, rest: 10s}}\n"
        let demo = try String(contentsOfFile: "Hardware/sites/demo.yaml", encoding: .utf8)
        let site = run + "/site.yaml"
        try demo.replacingOccurrences(of: socket, with: socket + zones)
            .write(toFile: site, atomically: true, encoding: .utf8)
        let lines = try Lines(run + "/lines.sock")
        let agent = try RunningProgram(
            ".build/release/mdc-agent", ["run"],
            environment: ["RUN_DIR": run, "MDC_SITE": site, "MDC_HARDWARE": "Hardware"])
        defer { agent.stop() }
        try lines.greet(
            ["DOOR1", "DOOR2", "PIR1", "SMOKE1", "LEAK1", "TAMPER1", "MAINS1", "BENCH"].map { "line \($0) 0 1\n" }
                + ["line TAMPER2 1 1\n"])
        try agent.wait(for: "ready")
        // Nobody answers on its buses: what it has to say about that is said.
        pause(.seconds(5))
        let watch = FileDescriptor(owning: unsafe cb_watch_writes(run + "/state/journal.sqlite-wal"))
        guard watch.raw >= 0 else { throw Benchmark.Skipped("no watch on the journal's file") }
        var spans: [Double] = []
        for round in 0..<200 {
            pause(.milliseconds(60))
            _ = cb_wait_for_write(watch.raw, 0)
            let start = SystemTime.monotonic
            lines.send("line BENCH \(1 - round % 2) \(start.nanoseconds)\n")
            guard cb_wait_for_write(watch.raw, 5000) == 1 else { throw Benchmark.Skipped("an edge was not written") }
            spans.append((SystemTime.monotonic - start).seconds * 1000)
        }
        spans.sort()
        let p99 = spans[spans.count * 99 / 100]
        return [
            Figure(
                "edge readable to journal write, whole agent, p50", spans[spans.count / 2], "ms",
                goal: "shown with its p99", isMet: nil),
            Figure(
                "edge readable to journal write, whole agent, p99", p99, "ms", goal: "at most 2 ms", isMet: p99 <= 2),
        ]
    }

    @Sendable private static func engine() throws -> [Figure] {
        var engine = ZoneEngine(plan(32))
        for line in 0..<32 { engine.move(line, isHigh: false, isSettled: true, at: .distantPast) }
        let rounds = 100_000
        var time: Int64 = 0
        let seconds = medianSeconds {
            for round in 0..<rounds {
                time += 1000
                engine.move(
                    round % 32, isHigh: round / 32 % 2 == 0, isSettled: true, at: MonotonicTime(nanoseconds: time))
                _ = engine.takeOutputs()
            }
        }
        let nanoseconds = seconds / Double(rounds) * 1e9
        return [
            Figure(
                "one edge judged, 32 zones", nanoseconds, "ns", goal: "at most 2,000 ns: 10,000 in 20 ms",
                isMet: nanoseconds <= 2000)
        ]
    }

    @Sendable private static func idle() throws -> [Figure] {
        let folder = NSTemporaryDirectory() + "mdc-bench-idle-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lines = try Lines(folder + "/lines.sock")
        let plan = plan(8, socket: lines.path)
        let room = try SecurityRoom(
            plan: plan, board: Board(PointTable(plan.points)), time: SystemTime(), events: try Mailbox(capacity: 64))
        try room.start()
        defer { room.stop() }
        try lines.greet((0..<8).map { "line L\($0) 0 1\n" })
        pause(.milliseconds(500))
        let before = wakeUps()
        pause(.seconds(5))
        let perSecond = Double(wakeUps() - before) / 5
        return [Figure("idle wake-ups of the security thread", perSecond, "1/s", goal: "0", isMet: perSecond == 0)]
    }

    private static func wakeUps() -> Int {
        for task in (try? namesInFolder("/proc/self/task")) ?? [] {
            guard let name = try? readFile("/proc/self/task/\(task)/comm"), name == Array("security\n".utf8),
                let status = try? readFile("/proc/self/task/\(task)/status")
            else { continue }
            let line = String(decoding: status, as: UTF8.self).split(separator: "\n")
                .first { $0.hasPrefix("voluntary_ctxt_switches") }
            return line.flatMap { Int($0.split(separator: "\t").last ?? "") } ?? 0
        }
        return 0
    }

    /// The make-believe container's end of the wire.
    private final class Lines {
        let path: String
        private let listener: FileDescriptor
        private var client = FileDescriptor(owning: -1)

        init(_ path: String) throws {
            self.path = path
            listener = FileDescriptor(owning: try checked(unsafe cl_listen_unix(path, 4, 0o600), "listen"))
        }

        func greet(_ texts: [String]) throws {
            for _ in 0..<1000 {
                let accepted = cl_accept(listener.raw)
                if accepted >= 0 {
                    client = FileDescriptor(owning: accepted)
                    for text in texts { send(text) }
                    return
                }
                pause(.milliseconds(5))
            }
            throw Benchmark.Skipped("the security room does not connect")
        }

        func send(_ text: String) {
            let bytes = Array(text.utf8)
            _ = unsafe bytes.withUnsafeBytes { unsafe cl_send(client.raw, $0.baseAddress, $0.count, 0) }
        }
    }
}
