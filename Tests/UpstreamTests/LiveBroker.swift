import Foundation
import Glibc
import Platform
import Site

@testable import Upstream

/// A real broker from Debian on loopback, ended by its own process id.
final class LiveBroker {
    enum Kind { case mosquitto, nats }

    let kind: Kind
    let port: Int
    let folder: URL
    private let configuration: String
    private var process: Process?

    static func isInstalled(_ kind: Kind) -> Bool { path(kind) != nil }

    private static func path(_ kind: Kind) -> String? {
        let names =
            kind == .mosquitto
            ? ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"] : ["/usr/sbin/nats-server", "/usr/bin/nats-server"]
        return names.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    init(_ kind: Kind, extra: String = "", anonymous: Bool = true) throws {
        self.kind = kind
        port = LiveBroker.freePort()
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-broker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        switch kind {
        case .mosquitto:
            configuration = """
                listener \(port) 127.0.0.1
                allow_anonymous \(anonymous)
                max_queued_messages 0
                persistence true
                persistence_location \(folder.path)/
                \(extra.replacingOccurrences(of: "FOLDER", with: folder.path))
                """
        case .nats:
            configuration = """
                listen: 127.0.0.1:\(LiveBroker.freePort())
                server_name: test
                jetstream { store_dir: "\(folder.path)/js" }
                mqtt { listen: "127.0.0.1:\(port)" }
                \(extra)
                """
        }
    }

    func start() throws {
        let file = folder.appendingPathComponent("broker.conf")
        try configuration.write(to: file, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: LiveBroker.path(kind) ?? "/nonexistent")
        process.arguments = ["-c", file.path]
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        self.process = process
        for _ in 0..<400 where !LiveBroker.answers(port) { usleep(25_000) }
    }

    func kill() {
        guard let process, process.isRunning else { return }
        _ = Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    static func freePort() -> Int {
        let probe = boundPort()
        return Int(probe)
    }

    private static func answers(_ port: Int) -> Bool {
        let probe = connect(port)
        defer { close(probe) }
        return probe >= 0
    }

    /// A connection to a port of this machine; negative when nobody listens.
    static func connect(_ port: Int) -> Int32 {
        let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(UInt16(port))
        let isConnected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(probe, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        if isConnected { return probe }
        close(probe)
        return -1
    }
}

private func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}

/// A port that was free a moment ago.
private func boundPort() -> UInt16 {
    let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(probe) }
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = unsafe bind(probe, $0, length)
            _ = unsafe getsockname(probe, $0, &length)
        }
    }
    return UInt16(bigEndian: address.sin_port)
}

/// Somebody who listens, on the test's own thread.
final class Consumer {
    private let connection: BrokerConnection
    private(set) var messages: [IncomingMessage] = []

    init?(port: Int, topics: [String], name: String = "consumer-\(UUID().uuidString)") {
        guard
            let connection = try? BrokerConnection(
                BrokerPlan(host: "127.0.0.1", port: port), clientID: name,
                will: OutgoingMessage(topic: "gone", payload: []), numbersToSkip: 0)
        else { return nil }
        self.connection = connection
        guard listen(seconds: 10, until: { connection.state == .connected }) else { return nil }
        for topic in topics { connection.subscribe(topic, qos: 1) }
        _ = listen(seconds: 0.2) { false }
    }

    /// Listens until `done` or the time is over; true when done.
    @discardableResult
    func listen(seconds: Double, until done: () -> Bool) -> Bool {
        let deadline = SystemTime.monotonic + Nanoseconds(seconds: seconds)
        while SystemTime.monotonic < deadline {
            if done() { return true }
            guard let descriptor = connection.descriptor else { return done() }
            var watched = pollfd(
                fd: descriptor, events: Int16(POLLIN) | (connection.wantsWrite ? Int16(POLLOUT) : 0), revents: 0)
            unsafe poll(&watched, 1, 20)
            if watched.revents & Int16(POLLOUT) != 0 { connection.writable() }
            if watched.revents & ~Int16(POLLOUT) != 0 { connection.readable() }
            connection.housekeeping()
            messages += connection.takeReceived()
        }
        return done()
    }

    func send(_ topic: String, _ text: String, qos: Int32 = 1) {
        _ = connection.publish(OutgoingMessage(topic: topic, payload: Array(text.utf8), qos: qos))
        _ = listen(seconds: 0.05) { false }
    }

    /// As many as the link takes, each of them nonsense.
    func flood(_ topic: String, count: Int) {
        var sent = 0
        listen(seconds: 30) {
            while sent < count,
                connection.publish(OutgoingMessage(topic: topic, payload: Array("nonsense".utf8))) != nil
            { sent += 1 }
            return sent >= count
        }
    }

    func texts(_ part: String) -> [String] {
        messages.filter { $0.topic.contains(part) }.map { String(decoding: $0.payload, as: UTF8.self) }
    }
}
