import CLinux
import Foundation
import Glibc
import HTTP
import Platform
import Site
import Status

/// A status room on a free port and a socket, for the length of a test.
final class RunningRoom {
    let room: StatusRoom
    let socketPath: String
    let port: UInt16

    init(
        _ snapshot: SiteSnapshot? = Samples.snapshot(), actions: [String: StatusAction] = [:],
        events: (any EventSource)? = SampleEvents(), layout: SiteLayout = SiteLayout()
    ) throws {
        socketPath = NSTemporaryDirectory() + "mdc-\(UUID().uuidString.prefix(8)).sock"
        room = try StatusRoom(
            plan: StatusPlan(listen: [StatusPlan.Address(host: "127.0.0.1", port: 0)]), layout: layout,
            socketPath: socketPath,
            stateFolder: NSTemporaryDirectory(),
            events: events, actions: actions)
        try room.start()
        port = room.listeners.first { !$0.isUnix }?.port ?? 0
        if let snapshot { room.publish(snapshot) }
    }

    deinit { room.stop() }

    struct Answer {
        var status = 0
        var head = ""
        var body: [UInt8] = []
        var text: String { String(decoding: body, as: UTF8.self) }
        func field(_ name: String) -> String? {
            head.components(separatedBy: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }.map {
                String($0.dropFirst(name.count + 1)).trimmingCharacters(in: .whitespaces)
            }
        }
    }

    /// One request over TCP, or over the socket.
    func ask(
        _ target: String, _ fields: [String] = [], method: String = "GET", body: String? = nil, onSocket: Bool = false
    ) throws -> Answer {
        let result =
            onSocket ? unsafe cl_connect_unix(socketPath) : unsafe cl_connect_tcp("127.0.0.1", port, 2000)
        let socket = FileDescriptor(owning: try checked(result, "connect"))
        var lines = ["\(method) \(target) HTTP/1.1", "Host: test", "Connection: close"] + fields
        if let body { lines.append("Content-Length: \(body.utf8.count)") }
        try socket.writeAll(Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")).utf8))
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_recv(socket.raw, $0.baseAddress, $0.count, 0) }
            if got <= 0 { break }
            all += chunk[..<got]
        }
        let text = Data(all)
        let end = text.range(of: Data("\r\n\r\n".utf8))?.upperBound ?? text.endIndex
        let head = String(decoding: text[..<end], as: UTF8.self)
        return Answer(
            status: Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0, head: head,
            body: Array(text[end...]))
    }
}
