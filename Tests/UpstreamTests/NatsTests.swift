import Foundation
import Platform
import Site
import Testing

@testable import Upstream

private func sequences(_ consumer: Consumer) -> Set<Int> {
    Set(
        consumer.messages.compactMap { message in
            message.topic.hasSuffix("/events") ? (try? JSON.parse(message.payload))?["sequence"]?.integer : nil
        })
}

private func eventually(_ seconds: Int64 = 40, _ check: () -> Bool) -> Bool {
    let deadline = SystemTime.monotonic + .seconds(seconds)
    while SystemTime.monotonic < deadline {
        if check() { return true }
        usleep(20_000)
    }
    return check()
}

@Suite(.serialized, .enabled(if: LiveBroker.isInstalled(.nats), "nats-server is not installed"))
struct NatsTests {
    private let time = SystemTime()

    private func room(_ plan: UpstreamPlan, _ feed: FakeFeed) throws -> UpstreamRoom {
        try UpstreamRoom(
            site: "mdc7", plan: plan, board: Board(PointTable([])), time: time, events: Mailbox(capacity: 1000),
            feed: feed, requests: Mailbox(capacity: 10))
    }

    @Test func `nothing is lost while the broker is killed again and again`() throws {
        let broker = try LiveBroker(.nats)
        try broker.start()
        // A consumer with a lasting session, away while the broker dies: what was acknowledged must be kept.
        _ = try #require(Consumer(port: broker.port, topics: ["mdc/#"], name: "lasting"))
        let feed = FakeFeed()
        let room = try room(UpstreamPlan(brokers: [BrokerPlan(host: "127.0.0.1", port: broker.port)]), feed)
        try room.start()
        defer { room.stop() }
        var random = SplitMix64(seed: 42)
        for _ in 0..<5 {
            for _ in 0..<60 {
                feed.append(at: time.now().wall)
                usleep(UInt32(random.next() % 8000))
            }
            broker.kill()
            for _ in 0..<20 { feed.append(at: time.now().wall) }
            try broker.start()
        }
        #expect(eventually(90) { feed.cursor == 400 })
        let consumer = try #require(Consumer(port: broker.port, topics: ["mdc/#"], name: "lasting"))
        // Redelivery of what was under way comes after nats-server's ack_wait of 30 s.
        #expect(consumer.listen(seconds: 90) { consumer.messages.count >= 400 && sequences(consumer).count == 400 })
        let repeated = consumer.messages.count - sequences(consumer).count
        print("nats-server killed 5 times: 400 of \(sequences(consumer).count) events, \(repeated) repeated")
    }

    @Test func `a breach reaches a broker that knows no QoS 2, and the session does not loop`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-key-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let key = folder.appendingPathComponent("key.pem").path
        _ = try run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key])
        let broker = try LiveBroker(.nats)
        try broker.start()
        let consumer = try #require(Consumer(port: broker.port, topics: ["grid/#"]))
        let room = try room(
            UpstreamPlan(
                brokers: [BrokerPlan(host: "127.0.0.1", port: broker.port)],
                flex: FlexPlan(agent: "mdc7", keyFile: key, keyID: "k1", callers: [])), FakeFeed())
        try room.start()
        defer { room.stop() }
        #expect(eventually { room.status.value.isConnected })
        let target = PowerTarget(
            id: UUIDText.make(), feeds: ["a"], start: WallTime(milliseconds: 0), end: nil, watts: 100, actor: "x")
        var feed = PowerFeedStatus(
            tag: "a", minimumWatts: 0, maximumWatts: 200, defaultWatts: 200, targets: [target], activeTarget: target,
            allowedWatts: 100, calculatedWatts: 100)
        room.tell(power: [feed])
        feed.breach = PowerBreach(
            id: UUIDText.make(), feed: "a", state: .active, isCritical: true, detected: time.now().wall,
            target: target, measuredWatts: 150)
        room.tell(power: [feed])
        #expect(consumer.listen(seconds: 30) { !consumer.texts("powerbreach").isEmpty })
        #expect(eventually { room.status.value.isConnected })
    }
}

/// Three servers in a cluster, a leaf node for a site behind a thin link, three containers.
@Suite(
    .serialized,
    .enabled(
        if: LiveBroker.isInstalled(.nats) && FileManager.default.isExecutableFile(atPath: "/usr/sbin/haproxy"),
        "nats-server or haproxy is not installed"))
struct FleetTests {
    private let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Units/examples/fleet")

    /// The shipped example with its addresses made loopback and its ports free ones.
    private func start(_ name: String, _ folder: URL, _ values: [String: String]) throws -> Process {
        var text = try String(contentsOf: examples.appendingPathComponent(name), encoding: .utf8)
        // Longest first: "hub-1.example:7422" before "hub-1.example".
        for (key, value) in values.sorted(by: { $0.key.utf8.count > $1.key.utf8.count }) {
            text = text.replacingOccurrences(of: key, with: value)
        }
        let file = folder.appendingPathComponent("\(UUID().uuidString)-\(name)")
        try text.write(to: file, atomically: true, encoding: .utf8)
        return try start(["/usr/sbin/nats-server", "-c", file.path])
    }

    private func start(_ command: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func end(_ process: Process, hard: Bool = false) {
        guard process.isRunning else { return }
        kill(process.processIdentifier, hard ? SIGKILL : SIGTERM)
        process.waitUntilExit()
    }

    @Test func `three containers, a server killed, a link cut: nothing is lost, and the consumer converges`() throws {
        let folder = URL(fileURLWithPath: "/tmp/mdc-fleet-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let ports = (0..<12).map { _ in LiveBroker.freePort() }
        let mqtt = Array(ports[0..<3]), routes = Array(ports[3..<6])
        let leafListen = ports[6], cut = ports[7], leafMQTT = ports[8]
        var shared: [String: String] = [:]
        for index in 0..<3 { shared["hub-\(index + 1).example:6222"] = "127.0.0.1:\(routes[index])" }
        var processes: [Process] = []
        defer { for process in processes { end(process, hard: true) } }
        func hub(_ index: Int) throws -> Process {
            try start(
                "hub.conf", folder,
                shared.merging([
                    "HUB-NAME": "hub-\(index + 1)", "/var/lib/nats": "\(folder.path)/hub-\(index + 1)",
                    "0.0.0.0:4222": "127.0.0.1:-1", "0.0.0.0:6222": "127.0.0.1:\(routes[index])",
                    "0.0.0.0:7422": index == 0 ? "127.0.0.1:\(leafListen)" : "127.0.0.1:-1",
                    "0.0.0.0:1883": "127.0.0.1:\(mqtt[index])",
                ]) { $1 })
        }
        for index in 0..<3 { processes.append(try hub(index)) }
        // The link between site and hub is an HAProxy that can be cut.
        let link = folder.appendingPathComponent("link.cfg")
        try """
        defaults
          mode tcp
          timeout connect 1s
          timeout client 1h
          timeout server 1h
        listen link
          bind 127.0.0.1:\(cut)
          server hub 127.0.0.1:\(leafListen)

        """.write(to: link, atomically: true, encoding: .utf8)
        var cable = try start(["/usr/sbin/haproxy", "-db", "-f", link.path])
        defer { end(cable, hard: true) }
        processes.append(
            try start(
                "leaf.conf", folder,
                [
                    "SITE": "site-a", "hub-1.example:7422": "127.0.0.1:\(cut)", "0.0.0.0:1883": "127.0.0.1:\(leafMQTT)",
                    "127.0.0.1:4222": "127.0.0.1:-1",
                ]))
        var consumer: Consumer?
        #expect(
            eventually(60) {
                consumer = Consumer(port: mqtt[2], topics: ["mdc/#"], name: "fleet-consumer")
                return consumer != nil
            })
        let listener = try #require(consumer)
        var rooms: [UpstreamRoom] = [], feeds: [FakeFeed] = []
        let order = [[mqtt[0], mqtt[1], mqtt[2]], [mqtt[1], mqtt[2], mqtt[0]], [leafMQTT]]
        for (index, brokers) in order.enumerated() {
            let feed = FakeFeed()
            let room = try UpstreamRoom(
                site: "mdc-\(index)",
                plan: UpstreamPlan(brokers: brokers.map { BrokerPlan(host: "127.0.0.1", port: $0) }),
                board: Board(PointTable([])), time: SystemTime(), events: Mailbox(capacity: 1000), feed: feed,
                requests: Mailbox(capacity: 10))
            try room.start()
            rooms.append(room)
            feeds.append(feed)
        }
        defer { for room in rooms { room.stop() } }
        #expect(eventually(60) { rooms.allSatisfy { $0.status.value.isConnected } })
        func happen(_ count: Int) {
            for _ in 0..<count {
                for feed in feeds { feed.append(at: SystemTime().now().wall) }
                _ = listener.listen(seconds: 0.01) { false }
            }
        }
        happen(50)
        end(processes[1], hard: true)
        happen(50)
        end(cable, hard: true)
        happen(50)
        cable = try start(["/usr/sbin/haproxy", "-db", "-f", link.path])
        processes[1] = try hub(1)
        happen(50)
        var seen: [String: Set<Int>] = [:]
        var looked = 0
        let complete = listener.listen(seconds: 150) {
            for message in listener.messages[looked...] {
                if let number = (try? JSON.parse(message.payload))?["sequence"]?.integer {
                    seen[message.topic, default: []].insert(number)
                }
            }
            looked = listener.messages.count
            return seen.count == 3 && seen.values.allSatisfy { $0.count == 200 }
        }
        #expect(complete, "\(seen.mapValues(\.count)) \(rooms.map(\.status.value))")
        #expect(eventually(60) { feeds.allSatisfy { $0.cursor == 200 } })
    }
}
