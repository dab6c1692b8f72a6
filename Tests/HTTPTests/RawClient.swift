import CLinux
import Foundation
import Glibc
import HTTP
import Platform
import Synchronization

/// A client that sends exactly the bytes it is told to.
final class RawClient {
    let descriptor: Int32
    private var received: [UInt8] = []

    init(port: UInt16) throws {
        descriptor = try checked(unsafe cl_connect_tcp("127.0.0.1", port, 2000), "connect")
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let n = unsafe bytes.withUnsafeBytes {
                unsafe cl_send(descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, 0)
            }
            if n <= 0 { return }
            sent += n
        }
    }

    func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_recv(descriptor, $0.baseAddress, $0.count, 0) }
        if got <= 0 { return false }
        received += chunk[..<got]
        return true
    }

    struct Answer {
        var status = 0
        var fields: [String: String] = [:]
        var body: [UInt8] = []
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// One answer with a Content-Length (or none); nil when the server closed instead.
    func answer(isHead: Bool = false) -> Answer? {
        while true {
            if let end = headEnd() {
                let lines = String(decoding: received[..<end], as: UTF8.self).components(separatedBy: "\r\n")
                var answer = Answer()
                answer.status = Int(lines[0].split(separator: " ")[1]) ?? 0
                for line in lines.dropFirst() where !line.isEmpty {
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    answer.fields[line[..<colon].lowercased()] = String(line[line.index(colon, offsetBy: 2)...])
                }
                let length = isHead || answer.status < 200 ? 0 : Int(answer.fields["content-length"] ?? "0") ?? 0
                while received.count < end + length { if !fill() { return nil } }
                answer.body = Array(received[end..<end + length])
                received.removeFirst(end + length)
                return answer
            }
            if !fill() { return nil }
        }
    }

    private func headEnd() -> Int? {
        let mark: [UInt8] = [13, 10, 13, 10]
        guard received.count >= 4 else { return nil }
        for i in 0...received.count - 4 where Array(received[i..<i + 4]) == mark { return i + 4 }
        return nil
    }

    /// Everything until the server closes; nil when it did not within ten seconds.
    func everything() -> String? {
        while fill() {}
        return errnoIsTimeout ? nil : String(decoding: received, as: UTF8.self)
    }

    private var errnoIsTimeout: Bool {
        var byte: UInt8 = 0
        return unsafe cl_recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == -Int(EAGAIN)
    }

    /// Waits until `text` has come.
    func wait(for text: String) -> Bool {
        while !String(decoding: received, as: UTF8.self).contains(text) { if !fill() { return false } }
        return true
    }
}

/// What the tests' service does with a path.
final class TestService: HTTPService {
    let pool: Pool
    let kept = Mutex<[Responder]>([])
    let streams = Mutex<[ResponseStream]>([])
    let gone = Mutex(0)
    let handled = Mutex(0)

    @safe final class Pool: ResponseOwner, @unchecked Sendable {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 20, alignment: 64)
        let left = Mutex<[Bool]>([])
        deinit { unsafe memory.deallocate() }
        func responseLeft(tag: UInt64, delivered: Bool) { left.withLock { $0.append(delivered) } }
    }

    init() { pool = Pool() }

    func bodyPlace(for exchange: Exchange) -> BodyPlace {
        if exchange.path == "/pool" { return unsafe .memory(pool.memory) }
        if exchange.path == "/refused" {
            exchange.responder.refuse(403, "not you")
            return .answered
        }
        return .buffer
    }

    func handle(_ exchange: Exchange, body: UnsafeRawBufferPointer) {
        handled.withLock { $0 += 1 }
        let responder = exchange.responder
        if exchange.path == "/pool" {
            responder.answer(200, owner: pool) { unsafe $0.lend(body) }
        } else if exchange.path == "/echo" {
            responder.answer(200) { unsafe $0.copy(body) }
        } else if exchange.path == "/later" {
            kept.withLock { $0.append(responder) }
        } else if exchange.path == "/stream" {
            if let stream = responder.stream(200, { $0.type("text/event-stream") }) {
                streams.withLock { $0.append(stream) }
            }
        } else if exchange.path == "/field" {
            let value = exchange.field("x-name")?.string ?? "(none)"
            responder.answer(200) { $0.copy(value) }
        } else if exchange.path == "/large" {
            responder.answer(200, owner: pool) { unsafe $0.lend(UnsafeRawBufferPointer(pool.memory)) }
        } else {
            let text = exchange.path.string
            responder.answer(200) {
                $0.type("text/plain")
                $0.copy(text)
            }
        }
    }

    func clientGone(_ exchange: Exchange) { gone.withLock { $0 += 1 } }
}

/// A server on a free port for the length of a test.
final class TestServer {
    let service = TestService()
    let server: HTTPServer
    var port: UInt16 { server.listeners[0].port }

    init(loops: Int = 1, _ adjust: (inout HTTPLimits) -> Void = { _ in }) throws {
        var limits = HTTPLimits()
        limits.bodyBytes = 16 << 20
        adjust(&limits)
        server = try HTTPServer(
            name: "test", listeners: [try HTTPListener.tcp("127.0.0.1", port: 0)], service: service, limits: limits,
            loops: loops)
        try server.start()
    }

    deinit { server.stop() }

    func client() throws -> RawClient { try RawClient(port: port) }
}

/// Waits for something another thread does; ten seconds are "never".
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2000 {
        if condition() { return true }
        usleep(5000)
    }
    return false
}
