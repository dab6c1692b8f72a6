import Foundation
import Platform

/// A scrape of many series, beside node_exporter's for as many bytes.
enum StatusBench {
    static let all = [Benchmark("status.metrics", metrics)]

    /// The agent of the demo site against node_exporter, both per series and per scrape. wrk asks faster
    /// than the snapshot changes, so one scrape of each change is rendered and the rest share it; the
    /// figure for rendering alone is from scrapes a change apart.
    @Sendable private static func metrics() throws -> [Figure] {
        let run = NSTemporaryDirectory() + "mdc-bench-status-\(getpid())"
        try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: run) }
        let environment = ["RUN_DIR": run, "MDC_SITE": "Hardware/sites/demo.yaml", "MDC_HARDWARE": "Hardware"]
        let agent = try RunningProgram(".build/release/mdc-agent", ["run"], environment: environment)
        try agent.wait(for: "ready")
        let ours = try seriesPerProcessorSecond(agent, "http://127.0.0.1:9750/metrics")
        let name = "/metrics, series per CPU-second"
        let goal = "at least 20x node_exporter's"
        guard
            let neighbour = try? RunningProgram(
                "/usr/bin/prometheus-node-exporter", ["--web.listen-address=127.0.0.1:19101"])
        else { return [Figure(name, ours, "1/s", goal: goal, isMet: nil)] }
        pause(.seconds(1))
        let theirs = try seriesPerProcessorSecond(neighbour, "http://127.0.0.1:19101/metrics")
        return [Figure(name, ours, "1/s", goal: goal, isMet: ours >= 20 * theirs, peer: ("node_exporter", theirs))]
    }

    private static func seriesPerProcessorSecond(_ server: RunningProgram, _ address: String) throws -> Double {
        let text = try output(of: "curl", ["-s", address])
        let series = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.count
        return Double(series) * (try FootprintBench.requestsPerProcessorSecond(server, address))
    }
}
