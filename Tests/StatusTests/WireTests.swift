import Foundation
import Site
import Status
import Testing

/// What outsiders parse, byte by byte. A difference here is a new version of the contract, not a test to
/// bring up to date: fields may be added at the end of an object, nothing else.
@Suite struct WireTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Wire/v1")

    @Test(arguments: [
        ("/v1/status", "status.json"), ("/v1/points", "points.json"), ("/v1/alarms", "alarms.json"),
        ("/v1/events?since=0&limit=10", "events.json"), ("/healthz", "healthz.json"), ("/readyz", "readyz.json"),
        ("/metrics", "metrics.txt"),
    ])
    func `is as it was`(target: String, file: String) throws {
        let room = try RunningRoom()
        let answer = try room.ask(target)
        #expect(answer.status == 200)
        // The agent's own memory and processor time are no part of what is frozen.
        let moving = ["mdc_process_resident_memory_bytes ", "mdc_process_cpu_seconds_total "]
        let lines = answer.text.components(separatedBy: "\n").map { line in
            moving.first { line.hasPrefix($0) }.map { $0 + "(varies)" } ?? line
        }
        let path = Self.folder.appendingPathComponent(file)
        let shown = lines.joined(separator: "\n")
        if ProcessInfo.processInfo.environment["FREEZE_WIRE"] != nil {
            try shown.write(to: path, atomically: true, encoding: .utf8)
        }
        #expect(shown == (try String(contentsOf: path, encoding: .utf8)))
    }
}
