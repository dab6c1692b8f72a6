internal import CLinux
import Glibc
internal import Platform
internal import Site

/// One listening port and its connections: Modbus/TCP, or RTU frames over TCP.
final class ModbusTCPServer {
    typealias Answer = (_ request: [UInt8], _ framing: ReplyBuilder.Framing, _ units: [Int: SimulatedMachine]) ->
        Delivery

    private final class Connection {
        let descriptor: FileDescriptor
        var framer: RequestFramer
        init(_ descriptor: consuming FileDescriptor, _ framing: ReplyBuilder.Framing) {
            self.descriptor = descriptor
            framer = RequestFramer(framing)
        }
    }

    /// More clients than a training room has agents.
    static let connectionsMax = 1_000

    let port: Int
    let framing: ReplyBuilder.Framing
    var units: [Int: SimulatedMachine] = [:]
    private let listener: FileDescriptor
    private unowned let loop: EventLoop
    private unowned let queue: DeliveryQueue
    private let answer: Answer
    private var connections: [Int32: Connection] = [:]

    init(
        host: String, port: Int, _ framing: ReplyBuilder.Framing, loop: EventLoop, queue: DeliveryQueue,
        answer: @escaping Answer
    ) throws(SystemError) {
        let subject = "\(host):\(port)"
        listener = FileDescriptor(
            owning: try checked(unsafe cl_listen_tcp(host, UInt16(port), 128), "listen on", subject))
        self.port = Int(try checked(cl_local_port(listener.raw), "getsockname", subject))
        self.framing = framing
        self.loop = loop
        self.queue = queue
        self.answer = answer
        try checked(cl_set_nonblocking(listener.raw, true), "fcntl")
        try loop.add(listener.raw, .readable) { [unowned self] _ in accept() }
    }

    private func accept() {
        while true {
            let raw = cl_accept(listener.raw)
            if raw < 0 { return }
            let descriptor = FileDescriptor(owning: raw)
            if connections.count >= ModbusTCPServer.connectionsMax { continue }
            _ = cl_set_tcp_nodelay(raw)
            let connection = Connection(descriptor, framing)
            do throws(SystemError) {
                try loop.add(raw, .readable) { [unowned self] _ in receive(raw) }
                connections[raw] = connection
            } catch { Log.write(.warning, "simulator", "\(error)") }
        }
    }

    private func receive(_ raw: Int32) {
        guard let connection = connections[raw] else { return }
        var bytes = [UInt8](repeating: 0, count: 2048)
        let got = unsafe bytes.withUnsafeMutableBytes { unsafe cl_recv(raw, $0.baseAddress, $0.count, 0) }
        if got == -Int(EAGAIN) { return }
        if got <= 0 { return close(raw) }
        connection.framer.append(bytes[..<got])
        while connections[raw] === connection {
            switch connection.framer.next() {
            case .incomplete: return
            case .nonsense:
                if framing == .tcp { return close(raw) }
                return connection.framer.clear()
            case .frame(let request): deliver(answer(request, framing, units), connection)
            }
        }
    }

    private func deliver(_ delivery: Delivery, _ connection: Connection) {
        if delivery.closes { return close(connection.descriptor.raw) }
        for (delay, bytes) in delivery.frames {
            if delay == .zero {
                send(bytes, connection)
            } else {
                queue.at(SystemTime.monotonic + delay) { [weak self, weak connection] in
                    guard let self, let connection, connections[connection.descriptor.raw] === connection else {
                        return
                    }
                    send(bytes, connection)
                }
            }
        }
    }

    /// Replies are small: a client that leaves its socket full has stopped reading, and is let go.
    private func send(_ bytes: [UInt8], _ connection: Connection) {
        let raw = connection.descriptor.raw
        let sent = unsafe bytes.withUnsafeBytes { unsafe cl_send(raw, $0.baseAddress, $0.count, 0) }
        if sent != bytes.count { close(raw) }
    }

    private func close(_ raw: Int32) {
        loop.remove(raw)
        connections.removeValue(forKey: raw)
    }

    func dropAll() { for raw in connections.keys { close(raw) } }
}
