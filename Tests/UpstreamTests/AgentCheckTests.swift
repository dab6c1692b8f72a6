import Foundation
import Glibc
import Platform
import Site
import Synchronization
import Testing

@testable import Upstream

private func posture(_ state: PostureState, _ reason: String = "because") -> Posture {
    Posture(state: state, reason: reason, since: WallTime(milliseconds: 0))
}

/// A posture that tests change under the running server; nil is a stale page.
private final class Decision: Sendable {
    private let box: Mutex<Posture?>
    init(_ posture: Posture?) { box = Mutex(posture) }
    var value: Posture? { box.withLock { $0 } }
    func set(_ posture: Posture?) { box.withLock { $0 = posture } }
}

@Suite struct AgentCheckLineTests {
    @Test func `every line restores what an earlier one took away`() {
        #expect(AgentCheckLine.text(posture(.normal), conserveWeightPercent: 50) == "ready up 100%\n")
        #expect(AgentCheckLine.text(posture(.conserve), conserveWeightPercent: 40) == "ready up 40%\n")
        #expect(AgentCheckLine.text(posture(.drain), conserveWeightPercent: 50) == "drain up 100%\n")
    }

    @Test func `without a current decision the container takes no work`() {
        #expect(AgentCheckLine.text(nil, conserveWeightPercent: 50).hasPrefix("down #"))
    }

    @Test func `a reason can neither end the line early nor make a word of its own`() {
        let line = AgentCheckLine.text(posture(.stop, "smoke\nup 100%\u{7}é"), conserveWeightPercent: 50)
        #expect(line.hasPrefix("down #stop: smoke?up 100%?"))
        #expect(line.utf8.filter { $0 == 10 }.count == 1)
        #expect(line.hasSuffix("\n"))
    }
}

@Suite struct AgentCheckRoomTests {
    @Test func `a caller who never reads or never leaves keeps nobody else waiting`() throws {
        let room = try AgentCheckRoom(plan: AgentCheckPlan(port: 0)) { _ in posture(.normal) }
        try room.start()
        defer { room.stop() }
        // More than it remembers, none of whom says or reads anything, or goes away.
        var silent: [Int32] = []
        defer { for descriptor in silent { close(descriptor) } }
        for _ in 0..<200 { silent.append(LiveBroker.connect(room.port)) }
        for _ in 0..<5 {
            let caller = LiveBroker.connect(room.port)
            defer { close(caller) }
            var bytes = [UInt8](repeating: 0, count: 64)
            var wait = pollfd(fd: caller, events: Int16(POLLIN), revents: 0)
            #expect(unsafe poll(&wait, 1, 20_000) == 1)
            let got = unsafe read(caller, &bytes, bytes.count)
            #expect(String(decoding: bytes[..<max(0, got)], as: UTF8.self) == "ready up 100%\n")
        }
    }
}

@Suite(
    .serialized,
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/sbin/haproxy"), "haproxy is not installed"))
struct HAProxyTests {
    /// HAProxy with our agent as the only judge of two servers, and its own statistics on a socket.
    private func start(_ ports: [Int], _ folder: URL) throws -> Process {
        let servers = ports.enumerated().map { index, port in
            "server mdc\(index) 127.0.0.1:9 weight 100 agent-check agent-addr 127.0.0.1 agent-port \(port) "
                + "agent-inter 100ms"
        }
        let text = """
            global
              stats socket \(folder.path)/stats level admin
            defaults
              mode http
              timeout connect 1s
              timeout client 1s
              timeout server 1s
            backend containers
              \(servers.joined(separator: "\n  "))
            frontend front
              bind 127.0.0.1:\(LiveBroker.freePort())
              default_backend containers

            """
        let file = folder.appendingPathComponent("haproxy.cfg")
        try text.write(to: file, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/sbin/haproxy")
        process.arguments = ["-db", "-f", file.path]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Status and weight as HAProxy sees them.
    private func sees(_ folder: URL, _ server: String) -> (status: String, weight: String)? {
        guard let answer = ask(folder.path + "/stats", "show stat\n") else { return nil }
        for line in answer.split(separator: "\n") where line.hasPrefix("containers,\(server),") {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            return (String(fields[17]), String(fields[18]))
        }
        return nil
    }

    private func ask(_ path: String, _ text: String) -> String? {
        let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(client) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8.prefix(107)) }
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(client, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { return nil }
        let bytes = Array(text.utf8)
        _ = unsafe write(client, bytes, bytes.count)
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 8192)
        while true {
            let got = unsafe read(client, &chunk, chunk.count)
            if got <= 0 { break }
            answer += chunk[..<got]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    private func eventually(_ check: () -> Bool) -> Bool {
        let deadline = SystemTime.monotonic + .seconds(20)
        while SystemTime.monotonic < deadline {
            if check() { return true }
            usleep(50_000)
        }
        return check()
    }

    @Test func `HAProxy follows the posture, down and up again, and a stale page takes no work`() throws {
        let folder = URL(fileURLWithPath: "/tmp/mdc-ha-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = Decision(posture(.normal)), second = Decision(posture(.normal))
        var rooms: [AgentCheckRoom] = []
        for decision in [first, second] {
            let room = try AgentCheckRoom(plan: AgentCheckPlan(port: 0)) { _ in decision.value }
            try room.start()
            rooms.append(room)
        }
        defer { for room in rooms { room.stop() } }
        let haproxy = try start(rooms.map(\.port), folder)
        defer {
            haproxy.terminate()
            haproxy.waitUntilExit()
        }
        func both(_ wanted: (String) -> Bool, weight: String? = nil) -> Bool {
            eventually {
                guard let seen = sees(folder, "mdc0") else { return false }
                return wanted(seen.status) && (weight == nil || seen.weight == weight)
            }
        }
        #expect(both({ $0.hasPrefix("UP") || $0 == "no check" }, weight: "100"))
        first.set(posture(.conserve))
        #expect(both({ _ in true }, weight: "50"))
        first.set(posture(.drain))
        #expect(both { $0.contains("DRAIN") })
        first.set(posture(.normal))
        #expect(both({ $0.hasPrefix("UP") || $0 == "no check" }, weight: "100"))
        first.set(posture(.seal, "somebody is inside"))
        #expect(both { $0.hasPrefix("DOWN") })
        // The other container was never touched.
        #expect(sees(folder, "mdc1")?.weight == "100")
        first.set(posture(.normal))
        #expect(both({ $0.hasPrefix("UP") || $0 == "no check" }, weight: "100"))
        first.set(nil)
        #expect(both { $0.hasPrefix("DOWN") })
    }
}
