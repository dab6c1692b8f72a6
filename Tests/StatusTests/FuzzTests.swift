import CLinux
import Foundation
import Glibc
import HTTP
import Platform
import Site
import Synchronization
import Testing

@testable import Status

/// Requests of every kind this room knows, bent. Whatever comes, each gets one whole answer, JSON is JSON, no
/// secret leaves, and the room lives on. MDC_FUZZ_SEED=N begins with run N.
@Suite struct FuzzTests {
    /// `make fuzz` lives through more of them, from the one it is told.
    static let seeds: [UInt64] = {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["MDC_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
        return Array(first..<first + (environment["MDC_FUZZ_SECONDS"] == nil ? 3 : 20))
    }()
    static let rounds = 1200

    /// What is bent. A request that was once answered wrongly is added here.
    static let paths = [
        "/", "/healthz", "/readyz", "/metrics", "/v1/status", "/v1/points", "/v1/points?match=ups1.*", "/v1/alarms",
        "/v1/events?since=1&limit=10", "/v1/events", "/v1/trends?match=*", "/v1/layout", "/v1/texts/ko",
        "/v1/actions/arm", "/redfish", "/redfish/v1", "/redfish/v1/odata", "/redfish/v1/$metadata",
        "/redfish/v1/Chassis", "/redfish/v1/Chassis/mdc-a", "/redfish/v1/Chassis/mdc-a/Sensors",
        "/redfish/v1/Chassis/mdc-a/Sensors/ups1.battery.charge", "/redfish/v1/Chassis/mdc-a/EnvironmentMetrics",
        "/redfish/v1/Chassis/mdc-a/LeakDetectors", "/redfish/v1/Chassis/mdc-a/PowerSubsystem/Batteries",
        "/redfish/v1/Facilities/mdc-a", "/redfish/v1/PowerEquipment/TransferSwitches",
        "/redfish/v1/ThermalEquipment/CDUs", "/redfish/v1/Systems/accelerators/Processors/npu0",
        "/redfish/v1/Systems/accelerators/Processors/npu0/EnvironmentMetrics",
        "/redfish/v1/Managers/mdc-agent/LogServices/Journal/Entries/1", "/redfish/v1/SessionService/Sessions",
        "/redfish/v1/SessionService/Sessions/0", "/redfish/v1/AccountService/Accounts",
        "/redfish/v1/AccountService/Accounts/kim", "/redfish/v1/AccountService/Roles/Operator",
        "/redfish/v1/EventService", "/redfish/v1/EventService/Subscriptions",
        "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent",
        "/redfish/v1/TelemetryService/MetricReports/Sensors",
    ]
    static let bodies = [
        "", "{}", #"{"UserName":"kim","Password":"right"}"#,
        #"{"UserName":"new","Password":"12345678","RoleId":"Operator"}"#,
        #"{"Destination":"http://127.0.0.1:9/x","Protocol":"Redfish","Context":"c","HttpHeaders":[{"X-A":"b"}]}"#,
        #"{"RoleId":"ReadOnly"}"#, #"{"Message":"m","Severity":"Critical"}"#, #"{"state":"away"}"#,
        #"[[[[[[[[[[1]]]]]]]]]]"#, #"{"a":1e999,"b":"\ud800","a":2}"#,
    ]
    static let fields = [
        "Accept: text/plain", "Accept: application/openmetrics-text", "Accept-Encoding: gzip", "If-None-Match: \"x\"",
        "If-Match: *", "X-Auth-Token: 00", "Content-Type: application/json", "Authorization: Basic a2ltOnJpZ2h0",
        "Authorization: Basic ////", "Last-Event-ID: 99999999999999999999",
    ]
    static let methods = ["GET", "GET", "GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"]

    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        mutating func one<T>(of list: [T]) -> T { list[Int(next() % UInt64(list.count))] }
        mutating func chance(_ percent: UInt64) -> Bool { next() % 100 < percent }
    }

    static func bent(_ text: String, _ generator: inout Generator) -> String {
        var bytes = Array(text.utf8)
        let hot = Array("/?&=*%.\"{}[]:,0123456789eE-+\\u~$;".utf8)
        for _ in 0..<Int(generator.next() % 4) where !bytes.isEmpty {
            let at = Int(generator.next() % UInt64(bytes.count))
            switch generator.next() % 5 {
            case 0: bytes[at] = generator.one(of: hot)
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(generator.one(of: hot), at: at)
            case 3: bytes.insert(contentsOf: bytes[at...].prefix(12), at: at)
            default: bytes.removeSubrange(at..<min(bytes.count, at + 6))
            }
        }
        // A blank would end the target, a line feed the line: the HTTP room's own tests bend those.
        return String(decoding: bytes.filter { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
    }

    @Test(arguments: seeds) func `whatever is asked, the answer is whole, and nothing secret is in it`(seed: UInt64)
        throws
    {
        let folder = NSTemporaryDirectory() + "mdc-fuzz-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // An hour a question: neither the rate limit nor the lock-out may hide what lies behind them.
        let hours = Mutex<Int64>(1)
        let gate = AccessGate {
            hours.withLock { hours in
                hours += 1
                return MonotonicTime(nanoseconds: hours * 1_000_000_000)
            }
        }
        let users = UserFile(users: [.init(name: "kim", authority: .engineer, password: PasswordHash.make("right"))])
        try users.write(folder + "/users")
        gate.replace(users)
        let service = try StatusService(
            events: SampleEvents(), actions: ["arm": { call in call.answer { $0.value("done") } }],
            doors: [.secure(gate), .plain], machines: SiteLayout(), uuid: "0", stateFolder: folder,
            usersPath: folder + "/users", watchersMax: 4)
        service.publish(Samples.snapshot())
        let listeners = [try HTTPListener.tcp("127.0.0.1", port: 0), try HTTPListener.tcp("127.0.0.1", port: 0)]
        let server = try HTTPServer(name: "fuzz", listeners: listeners, service: service)
        try server.start()
        defer { server.stop() }
        let secret = try String(contentsOfFile: folder + "/users", encoding: .utf8).split(separator: "$")
        let hash = try #require(secret.last.map { $0.trimmingCharacters(in: .newlines) })
        var generator = Generator(state: seed)
        var statuses: [Int: Int] = [:]
        for round in 0..<Self.rounds {
            let path = Self.bent(generator.one(of: Self.paths), &generator)
            let method = generator.one(of: Self.methods)
            var lines = ["\(method) /\(path.drop { $0 == "/" }) HTTP/1.1", "Host: a", "Connection: close"]
            if generator.chance(80) { lines.append("Authorization: Basic a2ltOnJpZ2h0") }
            for _ in 0..<Int(generator.next() % 3) { lines.append(generator.one(of: Self.fields)) }
            let body = generator.chance(50) ? Self.bent(generator.one(of: Self.bodies), &generator) : ""
            if !body.isEmpty { lines += ["Content-Length: \(body.utf8.count)", "Content-Type: application/json"] }
            let request = lines.joined(separator: "\r\n") + "\r\n\r\n" + body
            let answer = try ask(server.listeners[generator.chance(75) ? 0 : 1].port, request)
            let place = "seed \(seed) round \(round): \(request)"
            guard answer.hasPrefix("HTTP/1.1 "), let end = answer.range(of: "\r\n\r\n") else {
                Issue.record("no whole answer, \(place)")
                continue
            }
            let status = Int(answer.dropFirst(9).prefix(3)) ?? 0
            statuses[status, default: 0] += 1
            #expect((200..<600).contains(status) && status != 500, "\(place)")
            #expect(!answer.contains(hash), "\(place)")
            let content = answer[end.upperBound...]
            let head = answer[..<end.lowerBound]
            if head.contains("application/json"), !head.contains("gzip"), method != "HEAD", !content.isEmpty {
                let isJSON =
                    (try? JSONSerialization.jsonObject(with: Data(content.utf8), options: .fragmentsAllowed)) != nil
                #expect(isJSON, "\(place)\n\(content.prefix(300))")
            }
        }
        // The corpus still reaches what it is meant to reach.
        #expect(statuses[200, default: 0] > Self.rounds / 20)
        #expect(statuses[404, default: 0] > 0 && statuses[405, default: 0] > 0)
    }

    /// Everything until the server closes; a stream is left after its head.
    private func ask(_ port: UInt16, _ request: String) throws -> String {
        let socket = FileDescriptor(owning: try checked(unsafe cl_connect_tcp("127.0.0.1", port, 5000), "connect"))
        _ = cl_set_socket_timeout(socket.raw, 20_000)
        try? socket.writeAll(Array(request.utf8))
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_recv(socket.raw, $0.baseAddress, $0.count, 0) }
            if got <= 0 { break }
            all += chunk[..<got]
            let text = String(decoding: all, as: UTF8.self)
            if text.contains("text/event-stream"), text.contains("\r\n\r\n") { break }
        }
        return String(decoding: all, as: UTF8.self)
    }
}
