internal import CLinux
internal import Glibc
public import Platform

/// A closed loop of clients against the inference plane: each sends its next request when it has its
/// answer. One thread serves all of them, so that the load costs as little as it can.
public final class InferenceLoad {
    public enum Address: Sendable {
        case unix(String)
        case loopback(port: UInt16)
    }

    public struct Result: Sendable {
        public var requests = 0
        /// Answers other than 200, by status.
        public var refusals: [Int: Int] = [:]
        public var seconds = 0.0
        public var p50 = Nanoseconds.zero
        public var p99 = Nanoseconds.zero
        public var perSecond: Double { seconds > 0 ? Double(requests) / seconds : 0 }
        public var isClean: Bool { refusals.isEmpty && requests > 0 }
    }

    private final class Client {
        let socket: FileDescriptor
        var sent = 0
        /// Of the answer under way; -1: its head has not come.
        var remaining = -1
        var status = 0
        var began = MonotonicTime.distantPast
        init(_ socket: consuming FileDescriptor) { self.socket = socket }
    }

    private let clients: [Client]
    private let request: [UInt8]
    private let epoll: FileDescriptor
    private var scratch = [UInt8](repeating: 0, count: 1 << 20)
    private var samples: [Int64] = []
    private var result = Result()
    private var isBroken = false

    /// `request`: a whole HTTP request, head and body.
    public init(_ address: Address, clients count: Int, request: [UInt8]) throws(SystemError) {
        self.request = request
        epoll = FileDescriptor(owning: try checked(cl_epoll_create(), "epoll_create"))
        var made: [Client] = []
        for index in 0..<count {
            let raw: Int32
            switch address {
            case .unix(let path): raw = try checked(unsafe cl_connect_unix(path), "connect", path)
            case .loopback(let port):
                raw = try checked(unsafe cl_connect_tcp("127.0.0.1", port, 2000), "connect", "127.0.0.1:\(port)")
            }
            let client = Client(FileDescriptor(owning: raw))
            try client.socket.setNonblocking(true)
            // EPOLLET is 1 << 31, which Swift's module does not carry as a case.
            try checked(
                cl_epoll_control(
                    epoll.raw, EPOLL_CTL_ADD, raw, EPOLLIN.rawValue | EPOLLOUT.rawValue | 1 << 31, UInt64(index)),
                "epoll_ctl")
            made.append(client)
        }
        clients = made
        samples.reserveCapacity(1 << 20)
    }

    /// Runs for `span`, and up to a second longer until the last answers are there.
    public func run(for span: Nanoseconds) throws(SystemError) -> Result {
        let start = SystemTime.monotonic
        let end = start + span
        for client in clients { send(client, first: true) }
        while SystemTime.monotonic < end, !isBroken { try turn(sendsOn: true) }
        result.seconds = (SystemTime.monotonic - start).seconds
        let last = SystemTime.monotonic + .seconds(1)
        while clients.contains(where: { $0.began != .distantPast }), SystemTime.monotonic < last, !isBroken {
            try turn(sendsOn: false)
        }
        if isBroken { throw SystemError("the inference plane closed a connection", code: EPIPE) }
        samples.sort()
        if !samples.isEmpty {
            result.p50 = Nanoseconds(samples[samples.count / 2])
            result.p99 = Nanoseconds(samples[min(samples.count - 1, samples.count * 99 / 100)])
        }
        return result
    }

    private func turn(sendsOn: Bool) throws(SystemError) {
        var ready: [(Int, UInt32)] = []
        var count = 0
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            guard let base = events.baseAddress else { return }
            count = unsafe Int(cl_epoll_wait(epoll.raw, base, 64, 100))
            for i in 0..<max(0, count) {
                unsafe ready.append((Int(cl_epoll_token(base + i)), cl_epoll_events(base + i)))
            }
        }
        try checked(count, "epoll_wait")
        for (index, _) in ready {
            let client = clients[index]
            if client.began == .distantPast { continue }
            if client.sent < request.count { send(client, first: false) }
            receive(client, sendsOn: sendsOn)
        }
    }

    private func send(_ client: Client, first: Bool) {
        if first {
            client.sent = 0
            client.remaining = -1
            client.began = SystemTime.monotonic
        }
        while client.sent < request.count {
            let got = unsafe request.withUnsafeBytes { bytes in
                unsafe cl_send(
                    client.socket.raw, bytes.baseAddress?.advanced(by: client.sent), bytes.count - client.sent, 0)
            }
            if got == -Int(EAGAIN) { return }
            guard got > 0 else {
                isBroken = true
                return
            }
            client.sent += got
        }
    }

    private func receive(_ client: Client, sendsOn: Bool) {
        while client.began != .distantPast {
            let got = unsafe scratch.withUnsafeMutableBytes {
                unsafe cl_recv(client.socket.raw, $0.baseAddress, $0.count, 0)
            }
            if got == -Int(EAGAIN) { return }
            guard got > 0 else {
                isBroken = true
                return
            }
            if client.remaining < 0 {
                guard let (status, length) = head(got) else {
                    isBroken = true
                    return
                }
                client.status = status
                client.remaining = length - got
            } else {
                client.remaining -= got
            }
            if client.remaining <= 0 { finish(client, sendsOn: sendsOn) }
        }
    }

    private func finish(_ client: Client, sendsOn: Bool) {
        samples.append((SystemTime.monotonic - client.began).count)
        if client.status == 200 { result.requests += 1 } else { result.refusals[client.status, default: 0] += 1 }
        client.began = .distantPast
        if sendsOn { send(client, first: true) }
    }

    /// The answer's status and its whole length. A head comes in one piece: it is sent in one.
    private func head(_ got: Int) -> (status: Int, length: Int)? {
        guard got > 12 else { return nil }
        let status = Int(scratch[9] - 48) * 100 + Int(scratch[10] - 48) * 10 + Int(scratch[11] - 48)
        let word = Array("\r\nContent-Length: ".utf8)
        var length = 0
        for at in 12..<min(got, 4096) - 3 {
            if scratch[at] == 13, scratch[at + 1] == 10, scratch[at + 2] == 13, scratch[at + 3] == 10 {
                return (status, at + 4 + length)
            }
            guard scratch[at] == 13, scratch[at + 2] == word[2], at + word.count < got else { continue }
            var matches = true
            for i in 0..<word.count where scratch[at + i] != word[i] {
                matches = false
                break
            }
            guard matches else { continue }
            var digit = at + word.count
            length = 0
            while digit < got, scratch[digit] >= 48, scratch[digit] <= 57 {
                length = length * 10 + Int(scratch[digit] - 48)
                digit += 1
            }
        }
        return nil
    }

    /// A request of binary tensors: the JSON, then `payload`.
    public static func request(model: String, json: String, payload: [UInt8]) -> [UInt8] {
        let text = Array(json.utf8)
        let head = """
            POST /v2/models/\(model)/infer HTTP/1.1\r\nHost: mdc\r\nInference-Header-Content-Length: \(text.count)\r\n\
            Content-Length: \(text.count + payload.count)\r\n\r\n
            """
        return Array(head.utf8) + text + payload
    }
}
