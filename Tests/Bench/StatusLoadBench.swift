import CLinux
import Foundation
import Glibc
import Platform
import Synchronization

/// Many who ask at once, politely and not: what they wait for, what they cost, and whom they hold up.
enum StatusLoadBench {
    static let all = [
        Benchmark("status.redfish", redfish), Benchmark("status.controllers", controllers),
        Benchmark("status.browsers", browsers), Benchmark("status.hostile", hostile),
    ]

    private static let authorization =
        "Authorization: Basic \(Data("bench:bench-password".utf8).base64EncodedString())\r\n"

    /// The demo container with its agent, both on TLS and plain.
    private final class Container {
        let run = NSTemporaryDirectory() + "mdc-bench-load-\(getpid())"
        let environment: [String: String]
        private let simulator: RunningProgram
        let agent: RunningProgram
        static let port: UInt16 = 9750
        static let securePort: UInt16 = 18_443

        init() throws {
            try FileManager.default.createDirectory(atPath: run + "/site.d", withIntermediateDirectories: true)
            let demo = try String(contentsOfFile: "Hardware/sites/demo.yaml", encoding: .utf8)
            let secure = "\nstatus:\n  secure: {listen: [\"127.0.0.1:\(Container.securePort)\"], users: \(run)/users}\n"
            try (demo + secure).write(toFile: run + "/site.yaml", atomically: true, encoding: .utf8)
            environment = ["RUN_DIR": run, "MDC_SITE": run + "/site.yaml", "MDC_HARDWARE": "Hardware"]
            let user = "echo bench-password | .build/release/mdc-agent user set bench --file \(run)/users"
            _ = try output(of: "sh", ["-c", user])
            simulator = try RunningProgram(".build/release/mdc-sim", ["--run-dir", run], environment: environment)
            try simulator.wait(for: "ready")
            agent = try RunningProgram(".build/release/mdc-agent", ["run"], environment: environment)
            try agent.wait(for: "ready")
            pause(.seconds(2))
        }

        deinit {
            agent.stop()
            simulator.stop()
            try? FileManager.default.removeItem(atPath: run)
        }

        func tell(_ words: String...) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: ".build/release/mdc-sim")
            process.arguments = ["tell"] + words
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            process.standardOutput = Pipe()
            try process.run()
            process.waitUntilExit()
        }
    }

    private static func client(_ source: Int, _ path: String, isEncrypted: Bool) throws -> StatusClient {
        try StatusClient(
            port: isEncrypted ? Container.securePort : Container.port, path: path, source: source,
            isEncrypted: isEncrypted, fields: isEncrypted ? authorization : "")
    }

    /// 32 connections, each asking for one sensor 20 times a second at its own moment.
    @Sendable private static func redfish() throws -> [Figure] {
        let container = try Container()
        defer { withExtendedLifetime(container) {} }
        let sensor = "/redfish/v1/Chassis/pangyo-1/Sensors/ups1.battery.charge"
        // The first check of a password takes 0.1 s by design; it is remembered then.
        let first = try client(250, sensor, isEncrypted: true)
        first.send()
        _ = try first.receive()
        let clients = try (0..<32).map { try client($0, sensor, isEncrypted: true) }
        var waits: [Double] = []
        for round in 0..<160 {
            for (index, one) in clients.enumerated() {
                let start = SystemTime.monotonic
                one.send()
                guard try one.receive() == 200 else { throw Benchmark.Skipped("a sensor was not answered") }
                // The first second opens pages and fills caches.
                if round >= 20 { waits.append((SystemTime.monotonic - start).seconds * 1000) }
                if index % 4 == 3 { pause(.microseconds(5000)) }
            }
        }
        waits.sort()
        let tail = waits[waits.count * 99 / 100]
        // All at once, as fast as answers come: what a discovery storm looks like.
        var bursts: [Double] = []
        let spent = container.agent.processorSeconds
        for _ in 0..<100 {
            let start = SystemTime.monotonic
            for one in clients { one.send() }
            for one in clients { _ = try one.receive() }
            bursts.append((SystemTime.monotonic - start).seconds * 1000)
            pause(.milliseconds(20))
        }
        let cost = (container.agent.processorSeconds - spent) / Double(bursts.count * clients.count) * 1e6
        bursts.sort()
        return [
            Figure(
                "Redfish sensor GET, 32 keep-alive TLS, p99", tail, "ms", goal: "at most 1 ms", isMet: tail <= 1),
            Figure("the same, median", waits[waits.count / 2], "ms", goal: "(told)", isMet: nil),
            Figure("the same, all 32 at once, last answer, median", bursts[50], "ms", goal: "(told)", isMet: nil),
            Figure("the agent's processor time for one, whatever else it does", cost, "us", goal: "(told)", isMet: nil),
        ]
    }

    /// 200 controllers, each once a second: Redfish over TLS, metrics, status in equal parts.
    @Sendable private static func controllers() throws -> [Figure] {
        let container = try Container()
        let sensor = "/redfish/v1/Chassis/pangyo-1/Sensors/ups1.battery.charge"
        let first = try client(250, sensor, isEncrypted: true)
        first.send()
        _ = try first.receive()
        let clients = try (0..<200).map { index in
            switch index % 3 {
            case 0: try client(index, sensor, isEncrypted: true)
            case 1: try client(index, "/metrics", isEncrypted: false)
            default: try client(index, "/v1/status", isEncrypted: false)
            }
        }
        func load(_ seconds: Int, asking: Bool) throws -> Double {
            let before = container.agent.processorSeconds
            let start = SystemTime.monotonic
            for second in 0..<seconds {
                for (index, one) in clients.enumerated() where asking {
                    let due = start + .milliseconds(Int64(second * 1000 + index * 5))
                    let wait = due - SystemTime.monotonic
                    if wait > .zero { pause(wait) }
                    one.send()
                    guard try one.receive() == 200 else { throw Benchmark.Skipped("a controller was not answered") }
                }
                let wait = start + .seconds(Int64(second + 1)) - SystemTime.monotonic
                if wait > .zero { pause(wait) }
            }
            let span = (SystemTime.monotonic - start).seconds
            return (container.agent.processorSeconds - before) / span * 100
        }
        let idle = try load(8, asking: false)
        let busy = try load(10, asking: true)
        let cost = max(0, busy - idle)
        return [
            Figure(
                "200 controllers at 1 s, beside \((idle * 10).rounded() / 10) % idle", cost, "% of a core",
                goal: "at most 5 %", isMet: cost <= 5)
        ]
    }

    /// From an event's own time to its arrival at the last of 100 browsers.
    @Sendable private static func browsers() throws -> [Figure] {
        let container = try Container()
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        let request = Array("GET /v1/events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n".utf8)
        for _ in 0..<100 {
            let socket = unsafe cl_connect_tcp("127.0.0.1", Container.port, 2000)
            guard socket >= 0 else { throw Benchmark.Skipped("a browser was not let in") }
            sockets.append(socket)
            _ = unsafe cl_send(socket, request, request.count, 0)
        }
        pause(.seconds(1))
        var delays: [Double] = []
        for round in 0..<8 {
            for socket in sockets { drain(socket) }
            try container.tell("door", round % 2 == 0 ? "open" : "close")
            var told: Int64?
            for socket in sockets {
                guard let (event, arrived) = nextEvent(socket) else {
                    throw Benchmark.Skipped("a browser was not told")
                }
                told = told ?? event
                delays.append(Double(arrived - event))
            }
            pause(.milliseconds(700))
        }
        delays.sort()
        let worst = delays[delays.count - 1]
        return [
            Figure(
                "event to the last of 100 browsers, worst of 8", worst, "ms", goal: "at most 250 ms",
                isMet: worst <= 250)
        ]
    }

    private static func drain(_ socket: Int32) {
        var scrap = [UInt8](repeating: 0, count: 65_536)
        while unsafe cl_recv(socket, &scrap, scrap.count, Int32(MSG_DONTWAIT)) > 0 {}
    }

    /// The event's time in its own words, and when it was here.
    private static func nextEvent(_ socket: Int32) -> (event: Int64, arrived: Int64)? {
        var text = ""
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while cl_wait_readable(socket, -1, 5_000_000_000) > 0 {
            let got = unsafe cl_recv(socket, &chunk, chunk.count, 0)
            if got <= 0 { return nil }
            let arrived = cl_realtime_ms()
            text += String(decoding: chunk[..<got], as: UTF8.self)
            if let match = text.firstMatch(of: /"time":(\d+)/), let time = Int64(match.1) { return (time, arrived) }
        }
        return nil
    }

    /// How late the control loop's beat is, quiet and while 100 clients send one byte a second and four flood.
    @Sendable private static func hostile() throws -> [Figure] {
        let container = try Container()
        let quiet = try beatLateness(container, seconds: 10)
        var slow: [Int32] = []
        defer { for socket in slow { close(socket) } }
        for _ in 0..<100 {
            let socket = unsafe cl_connect_tcp("127.0.0.1", Container.port, 2000)
            if socket >= 0 { slow.append(socket) }
        }
        let stopping = Atomic<Bool>(false)
        let answers = Atomic<Int>(0)
        let busy = try withThreads(4) { number in
            let client = try? client(number + 200, number % 2 == 0 ? "/v1/points" : "/metrics", isEncrypted: false)
            while !stopping.load(ordering: .relaxed), let client {
                client.send()
                if (try? client.receive()) == nil { return }
                answers.add(1, ordering: .relaxed)
            }
        } during: {
            defer { stopping.store(true, ordering: .relaxed) }
            return try beatLateness(container, seconds: 10) {
                for socket in slow { _ = unsafe cl_send(socket, Array("G".utf8), 1, 0) }
            }
        }
        let delay = max(0, busy - quiet)
        let name = "control beat later by 100 slow and 4 flooding clients, p95"
        return [
            Figure(name, delay, "ms", goal: "at most 1 ms", isMet: delay <= 1),
            Figure(
                "answers to the flood meanwhile", Double(answers.load(ordering: .relaxed)) / 10, "1/s", goal: "(told)",
                isMet: nil),
        ]
    }

    private static func withThreads<Result>(
        _ count: Int, _ body: @escaping @Sendable (Int) -> Void, during: () throws -> Result
    ) throws -> Result {
        let threads = try (0..<count).map { number in try OwnerThread("bench-\(number)") { body(number) } }
        defer { for thread in threads { thread.join() } }
        return try during()
    }

    /// The posture page is written every 500 ms: how much more than that lies between two writes.
    private static func beatLateness(_ container: Container, seconds: Int, each: () -> Void = {}) throws -> Double {
        let path = container.run + "/posture"
        guard let file = FileHandle(forReadingAtPath: path) else { throw Benchmark.Skipped("no posture page") }
        let mapped = unsafe mmap(nil, 512, PROT_READ, MAP_SHARED, file.fileDescriptor, 0)
        guard let page = unsafe mapped, unsafe page != MAP_FAILED else { throw Benchmark.Skipped("no posture page") }
        defer { unsafe munmap(page, 512) }
        func mark() -> UInt64 { unsafe page.load(as: UInt64.self) & ~1 }
        var late: [Double] = []
        var seen = mark()
        var last: MonotonicTime?
        let end = SystemTime.monotonic + .seconds(Int64(seconds))
        var nextTick = SystemTime.monotonic
        while SystemTime.monotonic < end {
            pause(.microseconds(50))
            let now = SystemTime.monotonic
            if now >= nextTick {
                nextTick = now + .seconds(1)
                each()
            }
            let fresh = mark()
            if fresh == seen { continue }
            seen = fresh
            if let last { late.append(max(0, (now - last).seconds * 1000 - 500)) }
            last = now
        }
        late.sort()
        guard late.count >= 10 else { throw Benchmark.Skipped("the posture page was not refreshed") }
        return late[late.count * 95 / 100]
    }
}
