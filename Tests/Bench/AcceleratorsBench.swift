import Accelerators
import CBench
import CLinux
import Foundation
import Platform
import Site

/// What it costs to look at eight cards of forty values each, beside the plainest C loop and beside
/// node_exporter's hwmon collector on the same files; and what one hung card costs the others.
enum AcceleratorsBench {
    static let all = [
        Benchmark("accelerators.sweep", sweep),
        Benchmark("accelerators.hang", hang),
    ]

    private static let cards = 8
    private static let values = 40

    // MARK: - Sweep

    @Sendable private static func sweep() throws -> [Figure] {
        let tree = try CardTree(cards: cards, values: values)
        let ours = try sweepSeconds(tree)
        let plain = plainSeconds(tree)
        let count = Double(cards * values)
        return [
            Figure(
                "sweep of 8 cards x 40 values: read, parse, judge, publish", ours * 1e6, "us",
                goal: "at most 1.5x a bare C pread loop", isMet: ours <= 1.5 * plain, peer: ("C", plain * 1e6)),
            try againstNodeExporter(tree, ours / count),
        ]
    }

    /// Processor time of one whole sweep, the median of many.
    private static func sweepSeconds(_ tree: CardTree) throws -> Double {
        let plan = tree.plan
        var now = SystemTime().now()
        let events = try Mailbox<EventDraft>(capacity: 64)
        let board = Board(PointTable(plan.points))
        let rehearsal = try AcceleratorRehearsal(plan: plan, board: board, events: events, now: now)
        func step() {
            now = now.advanced(by: .seconds(1))
            rehearsal.step(now)
        }
        for _ in 0..<20 { step() }
        guard rehearsal.status.allSatisfy({ $0.health == .ok }) else {
            throw Benchmark.Skipped("the cards are not ok: \(rehearsal.status.map(\.findings))")
        }
        return medianProcessorSeconds(step)
    }

    private static func plainSeconds(_ tree: CardTree) -> Double {
        let descriptors = tree.files.map { unsafe cl_open($0, O_RDONLY, 0) }
        defer { for descriptor in descriptors { close(descriptor) } }
        return medianProcessorSeconds { _ = unsafe cb_pread_all(descriptors, Int32(descriptors.count)) }
    }

    private static func medianProcessorSeconds(_ body: () -> Void) -> Double {
        var times: [Int64] = []
        for _ in 0..<500 {
            let start = cl_thread_cpu_ns()
            body()
            times.append(cl_thread_cpu_ns() - start)
        }
        times.sort()
        return Double(times[times.count / 2]) / 1e9
    }

    private static func againstNodeExporter(_ tree: CardTree, _ ours: Double) throws -> Figure {
        let name = "processor time per value"
        let goal = "at most 1/20 of node_exporter's"
        guard
            let program = ["/usr/bin/prometheus-node-exporter", "/usr/local/bin/node_exporter"].first(where: {
                FileManager.default.isExecutableFile(atPath: $0)
            })
        else { return Figure(name, ours * 1e9, "ns", goal: goal, isMet: nil) }
        let port = 20_000 + Int(getpid()) % 10_000
        let exporter = try RunningProgram(
            program,
            [
                "--web.listen-address=127.0.0.1:\(port)", "--collector.disable-defaults", "--collector.hwmon",
                "--path.sysfs=\(tree.root)", "--web.disable-exporter-metrics",
            ])
        defer { exporter.stop() }
        let address = "http://127.0.0.1:\(port)/metrics"
        var text = ""
        for _ in 0..<50 {
            text = (try? output(of: "curl", ["-sf", address])) ?? ""
            if !text.isEmpty { break }
            pause(.milliseconds(100))
        }
        let read = text.split(separator: "\n").filter { $0.hasPrefix("node_hwmon_temp_celsius{") }.count
        guard read > 0 else { throw Benchmark.Skipped("node_exporter read nothing of \(tree.root)") }
        let scrapes = 300
        let before = exporter.processorSeconds
        _ = try output(of: "curl", ["-sf", "-o", "/dev/null", address + "?n=[1-\(scrapes)]"])
        let theirs = (exporter.processorSeconds - before) / Double(scrapes * read)
        return Figure(
            name, ours * 1e9, "ns", goal: goal, isMet: ours * 20 <= theirs, peer: ("node_exporter", theirs * 1e9))
    }

    // MARK: - A hung card

    /// Sweeps that seven cards missed while the eighth hung in a read, in intervals.
    @Sendable private static func hang() throws -> [Figure] {
        let tree = try CardTree(cards: cards, values: values, interval: .milliseconds(50))
        let pipe = tree.files[3]
        try FileManager.default.removeItem(atPath: pipe)
        guard unsafe mkfifo(pipe, 0o600) == 0 else { throw Benchmark.Skipped("no pipes here") }
        // Held open both ways: the reader waits in its read for what never comes.
        let end = FileHandle(fileDescriptor: unsafe open(pipe, O_RDWR), closeOnDealloc: true)
        let board = Board(PointTable(tree.plan.points))
        let room = AcceleratorRoom(
            plan: tree.plan, board: board, time: SystemTime(), events: try Mailbox(capacity: 64))
        try room.start()
        pause(.seconds(1))
        let watched = (1..<cards).compactMap { board.points.id(of: "card\($0).v0") }
        let before = watched.map(board.version)
        let start = SystemTime.monotonic
        pause(.seconds(5))
        let intervals = (SystemTime.monotonic - start).seconds / 0.05
        let least = zip(watched, before).map { Double(board.version($0) - $1) }.min() ?? 0
        let hung = room.status.value.first?.findings.first?.code
        end.write(Data(String(repeating: "1\n", count: 100).utf8))
        room.stop()
        guard hung == "unresponsive" else { throw Benchmark.Skipped("the card did not hang: \(hung ?? "ok")") }
        // A count of intervals has an edge at both ends.
        let missed = max(0, (intervals - least).rounded() - 2)
        return [
            Figure(
                "intervals that the others missed while one card hung (of \(Int(intervals)))", missed, "",
                goal: "0", isMet: missed == 0)
        ]
    }
}

/// A sysfs tree with cards whose values are those of a hwmon chip, so that node_exporter reads the same files.
final class CardTree {
    let root: String
    private(set) var files: [String] = []
    /// Each card's file that says "1" while it is alive.
    private(set) var life: [String] = []
    private(set) var plan = AcceleratorsPlan()

    init(cards: Int, values: Int, interval: Nanoseconds = .seconds(1), showsLife: Bool = false) throws {
        root = NSTemporaryDirectory() + "mdc-bench-sysfs-" + UUID().uuidString
        for card in 0..<cards {
            let address = "0000:0\(card + 1):00.0"
            let folder = root + "/devices/pci0000:00/" + address
            let sensors = folder + "/hwmon/hwmon\(card)"
            try put(folder + "/alive", "1")
            life.append(folder + "/alive")
            try put(folder + "/vendor", "0x1d0f\n")
            try put(folder + "/device", "0x0001\n")
            try put(folder + "/class", "0x120000\n")
            try put(sensors + "/name", "bench\n")
            for value in 0..<values {
                try put(sensors + "/temp\(value + 1)_input", "\(40_000 + value * 100)\n")
                files.append(sensors + "/temp\(value + 1)_input")
            }
            try link(root + "/bus/pci/devices/" + address, folder)
            try link(root + "/class/hwmon/hwmon\(card)", sensors)
            try link(sensors + "/device", folder)
        }
        let layout = AcceleratorLayout(
            name: "bench", title: "Bench card", vendor: "none",
            matches: [.init(vendorID: 0x1d0f, deviceIDs: [1], classes: [], model: "bench")],
            places: [.init(name: "sensors", kind: .hwmon(name: "bench"))],
            attributes: (0..<values).map { value in
                AcceleratorAttribute(
                    point: "v\(value)", place: "sensors", source: .file("temp\(value + 1)_input"), scale: 0.001,
                    unit: .celsius, tier: .fast, role: value == 0 ? .temperature : nil, isRequired: value == 0,
                    plausible: -40...150,
                    checks: value == 0
                        ? [
                            .init(
                                rule: .above(limit: 90, clear: 80, count: 3, window: 5),
                                verdict: Verdict(
                                    code: "temperature.hot", text: "hot", health: .degraded, action: .observe))
                        ] : [])
            } + (showsLife ? [CardTree.alive] : []))
        plan.isPresent = true
        plan.root = root
        plan.kernelLog = nil
        plan.listensToUevents = false
        plan.intervals.fast = interval
        plan.intervals.liveness = interval
        plan.deadline = .milliseconds(500)
        plan.expected = (0..<cards).map {
            ExpectedAccelerator(name: "card\($0)", layout: layout, address: "0000:0\($0 + 1):00.0")
        }
        plan.definePoints(generic: nil)
    }

    private static let alive = AcceleratorAttribute(
        point: "alive", source: .file("alive"), parser: .state, tier: .liveness, isRequired: true,
        states: [
            .init(value: "1", code: 1, text: "alive", health: .ok, action: .observe),
            .init(value: "0", code: 0, text: "dead", health: .failed, action: .reset),
        ])

    deinit { try? FileManager.default.removeItem(atPath: root) }

    private func put(_ path: String, _ text: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    private func link(_ path: String, _ target: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }
}
