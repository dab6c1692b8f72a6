internal import CLinux
import Glibc
internal import Platform

/// A listening Unix socket whose clients are told lines of text, and whose lines of text are heard.
final class LineServer {
    final class Client {
        let descriptor: FileDescriptor
        fileprivate var heard: [UInt8] = []
        init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
    }

    /// Longer commands are somebody's mistake.
    static let lineBytesMax = 4_096
    static let clientsMax = 64

    let path: String
    private let listener: FileDescriptor
    private unowned let loop: EventLoop
    private var clients: [Int32: Client] = [:]
    private let greet: (Client) -> Void
    private let hear: (String, Client) -> Void

    init(
        path: String, loop: EventLoop, greet: @escaping (Client) -> Void = { _ in },
        hear: @escaping (String, Client) -> Void = { _, _ in }
    ) throws(SystemError) {
        self.path = path
        self.loop = loop
        self.greet = greet
        self.hear = hear
        try Folder.make(Folder.parent(of: path))
        listener = FileDescriptor(owning: try checked(unsafe cl_listen_unix(path, 16, 0o660), "listen on", path))
        try checked(cl_set_nonblocking(listener.raw, true), "fcntl")
        try loop.add(listener.raw, .readable) { [unowned self] _ in accept() }
    }

    deinit { unsafe unlink(path) }

    private func accept() {
        while true {
            let raw = cl_accept(listener.raw)
            if raw < 0 { return }
            let descriptor = FileDescriptor(owning: raw)
            if clients.count >= LineServer.clientsMax { continue }
            let client = Client(descriptor)
            do throws(SystemError) {
                try loop.add(raw, .readable) { [unowned self] _ in receive(raw) }
            } catch { continue }
            clients[raw] = client
            greet(client)
        }
    }

    private func receive(_ raw: Int32) {
        guard let client = clients[raw] else { return }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let got = unsafe bytes.withUnsafeMutableBytes { unsafe cl_recv(raw, $0.baseAddress, $0.count, 0) }
        if got == -Int(EAGAIN) { return }
        if got <= 0 { return close(raw) }
        client.heard += bytes[..<got]
        while let end = client.heard.firstIndex(of: 10) {
            let line = String(decoding: client.heard[..<end], as: UTF8.self)
            client.heard.removeFirst(end + 1)
            hear(line, client)
            if clients[raw] !== client { return }
        }
        if client.heard.count > LineServer.lineBytesMax { close(raw) }
    }

    /// A client that does not read is let go: nothing here waits for it.
    func tell(_ client: Client, _ text: String) {
        let bytes = Array(text.utf8)
        let raw = client.descriptor.raw
        let flags = Int32(MSG_DONTWAIT)
        let sent = unsafe bytes.withUnsafeBytes { unsafe cl_send(raw, $0.baseAddress, $0.count, flags) }
        if sent != bytes.count { close(raw) }
    }

    func tellAll(_ text: String) { for client in clients.values { tell(client, text) } }

    private func close(_ raw: Int32) {
        guard clients[raw] != nil else { return }
        loop.remove(raw)
        clients.removeValue(forKey: raw)
    }
}
