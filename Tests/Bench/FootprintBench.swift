import Foundation
import Platform

/// What the site plane costs the container: file, start, memory, processor, and a poll of its status.
enum FootprintBench {
    static let all = [
        Benchmark("agent.size") {
            let copy = NSTemporaryDirectory() + "mdc-agent-stripped"
            _ = try output(of: "strip", ["-o", copy, ".build/release/mdc-agent"])
            let bytes = try FileManager.default.attributesOfItem(atPath: copy)[.size] as? Int ?? 0
            try FileManager.default.removeItem(atPath: copy)
            let megabytes = Double(bytes) / 1e6
            return [
                Figure("mdc-agent, stripped", megabytes, "MB", goal: "at most 12 MB", isMet: megabytes <= 12)
            ]
        },
        Benchmark("agent.idle", idle),
    ]

    @Sendable private static func idle() throws -> [Figure] {
        let run = NSTemporaryDirectory() + "mdc-bench-\(getpid())"
        try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: run) }
        let environment = ["RUN_DIR": run, "MDC_SITE": "Hardware/sites/demo.yaml", "MDC_HARDWARE": "Hardware"]
        let simulator = try RunningProgram(".build/release/mdc-sim", ["--run-dir", run], environment: environment)
        try simulator.wait(for: "ready")
        let start = SystemTime.monotonic
        let agent = try RunningProgram(".build/release/mdc-agent", ["run"], environment: environment)
        try agent.wait(for: "ready")
        let ready = (SystemTime.monotonic - start).seconds * 1000
        // The first minute's one-time work is over; what follows is idling.
        pause(.seconds(5))
        let before = agent.processorSeconds
        let span = 20.0
        pause(.seconds(20))
        let load = (agent.processorSeconds - before) / span * 100
        let resident = agent.residentMegabytes
        var figures = [
            Figure("start to READY, demo site", ready, "ms", goal: "under 150 ms", isMet: ready < 150),
            Figure("idle RSS, demo site", resident, "MB", goal: "at most 12 MB", isMet: resident <= 12),
            Figure("idle processor, demo site at 1 s", load, "% of a core", goal: "under 0.5 %", isMet: load < 0.5),
        ]
        figures.append(try statusAgainstNodeExporter(agent))
        return figures
    }

    private static func statusAgainstNodeExporter(_ agent: RunningProgram) throws -> Figure {
        let ours = try requestsPerProcessorSecond(agent, "http://127.0.0.1:9750/v1/status")
        let name = "/v1/status requests per CPU-second"
        let goal = "at least 50x node_exporter's /metrics"
        guard
            let neighbour = try? RunningProgram(
                "/usr/bin/prometheus-node-exporter", ["--web.listen-address=127.0.0.1:19100"])
        else { return Figure(name, ours, "1/s", goal: goal, isMet: nil) }
        pause(.seconds(1))
        let theirs = try requestsPerProcessorSecond(neighbour, "http://127.0.0.1:19100/metrics")
        return Figure(name, ours, "1/s", goal: goal, isMet: ours >= 50 * theirs, peer: ("node_exporter", theirs))
    }

    static func requestsPerProcessorSecond(_ server: RunningProgram, _ address: String) throws -> Double {
        let before = server.processorSeconds
        let report = try output(of: "wrk", ["-t1", "-c8", "-d4s", address])
        let spent = server.processorSeconds - before
        guard let line = report.split(separator: "\n").first(where: { $0.contains("requests in") }),
            let count = Double(line.split(separator: " ")[0])
        else { throw Benchmark.Skipped("wrk said: \(report)") }
        // Four seconds of answering cost more than a tenth of one: else somebody else had the port.
        guard spent > 0.1 else { throw Benchmark.Skipped("another program answers on \(address)") }
        return count / spent
    }
}
