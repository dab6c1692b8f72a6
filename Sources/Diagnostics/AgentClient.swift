internal import CLinux
internal import Glibc
public import Platform

/// Asks a running agent (or the inference plane) over its Unix socket, in HTTP/1.1.
public struct AgentClient: Sendable {
    public enum Fault: Error, Equatable, CustomStringConvertible {
        case notRunning(socket: String)
        case noPermission(socket: String)
        case broken(String)
        /// The agent said no: its status and its words.
        case refused(status: Int, text: String)

        public var description: String {
            switch self {
            case .notRunning(let socket): "no agent answers on \(socket)"
            case .noPermission(let socket): "no permission to use \(socket)"
            case .broken(let text): "the agent's answer broke off: \(text)"
            case .refused(let status, let text): "the agent refused (\(status)): \(text)"
            }
        }

        public var exitCode: ExitCode {
            switch self {
            case .notRunning: .agentNotRunning
            case .noPermission: .noPermission
            case .broken: .tryAgain
            case .refused(let status, _):
                switch status {
                case 401, 403: .noPermission
                case 404: .noInput
                case 400, 405, 422: .usage
                case 409, 429, 503: .tryAgain
                default: .fault
                }
            }
        }

        public var remedy: String? {
            switch self {
            case .notRunning: "start it: systemctl start mdc-agent (or mdc-agent run); its log: journalctl -u mdc-agent"
            case .noPermission: "join the group mdc-agent (adduser $USER mdc-agent), or use sudo"
            default: nil
            }
        }
    }

    public let socketPath: String
    private let patience: Nanoseconds

    /// `patience`: for one answer. One that holds a slow serial bus may take a while; longer than this is a hang.
    public init(socketPath: String, patience: Nanoseconds = .seconds(35)) {
        self.socketPath = socketPath
        self.patience = patience
    }

    public func get(_ path: String) throws(Fault) -> [UInt8] { try exchange("GET", path, body: nil) }

    public func post(_ path: String, _ body: [UInt8] = []) throws(Fault) -> [UInt8] {
        try exchange("POST", path, body: body)
    }

    public func getJSON(_ path: String) throws(Fault) -> JSON { try AgentClient.parse(try get(path)) }
    public func postJSON(_ path: String, _ body: [UInt8] = []) throws(Fault) -> JSON {
        try AgentClient.parse(try post(path, body))
    }

    static func parse(_ bytes: [UInt8]) throws(Fault) -> JSON {
        do throws(JSON.Fault) { return try JSON.parse(bytes) } catch { throw .broken("\(error)") }
    }

    private func exchange(_ method: String, _ path: String, body: [UInt8]?) throws(Fault) -> [UInt8] {
        let socket = try connect()
        _ = cl_set_socket_timeout(socket.raw, Int32(patience.wholeMilliseconds))
        var request = Array("\(method) \(path) HTTP/1.1\r\nHost: mdc-agent\r\nConnection: close\r\n".utf8)
        if let body {
            request += Array("Content-Type: application/json\r\nContent-Length: \(body.count)\r\n".utf8)
        }
        request += Array("\r\n".utf8) + (body ?? [])
        do throws(SystemError) {
            try socket.writeAll(request)
        } catch { throw .broken(error.description) }
        return try readAnswer(socket)
    }

    /// Server-sent events: calls `body` with each `data:` text until it returns false or the stream ends.
    public func follow(_ path: String, _ body: (String) -> Bool) throws(Fault) {
        let socket = try connect()
        let request = Array("GET \(path) HTTP/1.1\r\nHost: mdc-agent\r\nAccept: text/event-stream\r\n\r\n".utf8)
        do throws(SystemError) {
            try socket.writeAll(request)
        } catch { throw .broken(error.description) }
        var answer = AnswerReader(socket: socket.raw)
        let head = try answer.head()
        guard head.status == 200 else {
            throw .refused(status: head.status, text: AgentClient.errorText(try answer.body(head)))
        }
        while let line = try answer.line(isChunked: head.isChunked) {
            if line.hasPrefix("data:"), !body(String(line.dropFirst(5).drop { $0 == " " })) { return }
        }
    }

    private func connect() throws(Fault) -> FileDescriptor {
        let result = unsafe cl_connect_unix(socketPath)
        guard result >= 0 else {
            throw result == -EACCES || result == -EPERM
                ? .noPermission(socket: socketPath) : .notRunning(socket: socketPath)
        }
        return FileDescriptor(owning: result)
    }

    private func readAnswer(_ socket: borrowing FileDescriptor) throws(Fault) -> [UInt8] {
        var answer = AnswerReader(socket: socket.raw)
        let head = try answer.head()
        let body = try answer.body(head)
        guard (200..<300).contains(head.status) else {
            throw .refused(status: head.status, text: AgentClient.errorText(body))
        }
        return body
    }

    /// `{"error": "..."}` where the server says so, the plain text otherwise.
    private static func errorText(_ body: [UInt8]) -> String {
        if let json = try? JSON.parse(body), let text = json["error"]?.string { return text }
        let text = String(decoding: body.prefix(400), as: UTF8.self)
        return text.isEmpty ? "no reason given" : text
    }
}

/// The little of HTTP/1.1 that our own server answers with.
private struct AnswerReader {
    struct Head {
        var status = 0
        var length: Int?
        var isChunked = false
    }

    let socket: Int32
    private var buffer: [UInt8] = []
    private var ended = false
    /// What remains of the chunk being read (streams only).
    private var chunkLeft = 0
    private var lineBytes: [UInt8] = []

    init(socket: Int32) { self.socket = socket }

    private mutating func fill() throws(AgentClient.Fault) {
        var chunk = [UInt8](repeating: 0, count: 16_384)
        let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_read(socket, $0.baseAddress, $0.count) }
        if got == -Int(EAGAIN) { throw .broken("nothing came within 35 s") }
        if got < 0 { throw .broken(SystemError.text(of: Int32(clamping: -got))) }
        if got == 0 { ended = true }
        buffer += chunk[..<got]
    }

    private mutating func textLine() throws(AgentClient.Fault) -> String {
        while true {
            if let newline = buffer.firstIndex(of: 10) {
                let line = buffer[..<newline]
                buffer = Array(buffer[(newline + 1)...])
                return String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            }
            if ended { throw .broken("the connection was closed early") }
            try fill()
        }
    }

    mutating func head() throws(AgentClient.Fault) -> Head {
        var head = Head()
        let words = try textLine().split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw .broken("not HTTP")
        }
        head.status = status
        while true {
            let line = try textLine()
            if line.isEmpty { return head }
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == " " }
            switch parts[0].lowercased() {
            case "content-length": head.length = Int(value)
            case "transfer-encoding": head.isChunked = value.lowercased() == "chunked"
            default: break
            }
        }
    }

    mutating func body(_ head: Head) throws(AgentClient.Fault) -> [UInt8] {
        if head.isChunked {
            var body: [UInt8] = []
            while true {
                guard let size = Int(try textLine(), radix: 16), size >= 0 else { throw .broken("bad chunk") }
                while buffer.count < size + 2, !ended { try fill() }
                guard buffer.count >= size + 2 else { throw .broken("the connection was closed early") }
                body += buffer[..<size]
                buffer = Array(buffer[(size + 2)...])
                if size == 0 { return body }
            }
        }
        while !ended, head.length.map({ buffer.count < $0 }) ?? true { try fill() }
        if let length = head.length, buffer.count < length { throw .broken("the connection was closed early") }
        return head.length.map { Array(buffer[..<$0]) } ?? buffer
    }

    /// The next line of a stream; nil at its end.
    mutating func line(isChunked: Bool) throws(AgentClient.Fault) -> String? {
        while true {
            if isChunked, chunkLeft == 0 {
                if buffer.isEmpty, ended { return nil }
                var size = try textLine()
                if size.isEmpty { size = try textLine() }
                guard let count = Int(size, radix: 16) else { throw .broken("bad chunk") }
                if count == 0 { return nil }
                chunkLeft = count
            }
            while buffer.isEmpty {
                if ended { return nil }
                try fill()
            }
            let usable = isChunked ? min(chunkLeft, buffer.count) : buffer.count
            if let newline = buffer[..<usable].firstIndex(of: 10) {
                lineBytes += buffer[..<newline]
                drop(newline + 1, isChunked)
                defer { lineBytes = [] }
                return String(decoding: lineBytes, as: UTF8.self)
            }
            lineBytes += buffer[..<usable]
            drop(usable, isChunked)
        }
    }

    private mutating func drop(_ count: Int, _ isChunked: Bool) {
        buffer.removeFirst(count)
        if isChunked { chunkLeft -= count }
    }
}
