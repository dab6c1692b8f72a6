import CLinux
import Foundation
import Platform
import Site
import Status
import Testing

@Suite struct LiveTests {
    /// Reads a stream until `text` has come; nil when it ended before.
    static func read(_ socket: borrowing FileDescriptor, until text: String, _ seen: inout String) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while !seen.contains(text) {
            let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_recv(socket.raw, $0.baseAddress, $0.count, 0) }
            if got <= 0 { return false }
            seen += String(decoding: chunk[..<got], as: UTF8.self)
        }
        return true
    }

    static func open(_ room: RunningRoom, _ path: String, _ field: String = "Accept: text/event-stream") throws
        -> FileDescriptor
    {
        let socket = FileDescriptor(owning: try checked(unsafe cl_connect_tcp("127.0.0.1", room.port, 2000), "connect"))
        try socket.writeAll(Array("GET \(path) HTTP/1.1\r\nHost: t\r\n\(field)\r\n\r\n".utf8))
        return socket
    }

    @Test func `a watcher sees everything first, then only what changed`() throws {
        let room = try RunningRoom()
        let socket = try Self.open(room, "/v1/live")
        var seen = ""
        #expect(Self.read(socket, until: "meter1.phase.b.current", &seen))
        #expect(seen.contains("event: status\ndata: {\"site\":\"mdc-a\""))
        #expect(seen.contains("event: points\ndata: {\"time\""))
        var changed = Samples.snapshot()
        changed.readings[0] = .good(12, Samples.moment)
        room.room.publish(changed)
        seen = ""
        #expect(Self.read(socket, until: "ups1.battery.charge\",\"value\":12,", &seen))
        #expect(!seen.contains("meter1.energy"))
    }

    @Test func `events alone go on from where the watcher was`() throws {
        let room = try RunningRoom()
        let socket = try Self.open(room, "/v1/events", "Accept: text/event-stream\r\nLast-Event-ID: 40")
        var seen = ""
        #expect(Self.read(socket, until: "0000-42", &seen))
        #expect(seen.contains("event: event\nid: 41\ndata: {\"sequence\":41,"))
        #expect(!seen.contains("event: status"))
    }

    @Test func `a hundred watchers each hear of a change`() throws {
        let room = try RunningRoom()
        var sockets: [Int32] = []
        for _ in 0..<100 { sockets.append(try Self.open(room, "/v1/live").release()) }
        for raw in sockets {
            let socket = FileDescriptor(owning: raw)
            var seen = ""
            #expect(Self.read(socket, until: "event: points", &seen))
            _ = socket.release()
        }
        var changed = Samples.snapshot()
        changed.readings[3] = .good(99.5, Samples.moment)
        room.room.publish(changed)
        for raw in sockets {
            let socket = FileDescriptor(owning: raw)
            var seen = ""
            #expect(Self.read(socket, until: "\"value\":99.5,", &seen))
        }
    }

    @Test func `stopping ends the streams and does not wait for their clients`() throws {
        let room = try RunningRoom()
        let socket = try Self.open(room, "/v1/live")
        var seen = ""
        #expect(Self.read(socket, until: "event: points", &seen))
        room.room.stop()
        #expect(!Self.read(socket, until: "(never)", &seen))
    }
}
