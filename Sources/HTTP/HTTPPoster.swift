internal import CLinux
internal import COpenSSL
internal import Glibc
public import Platform

/// One POST to somebody else's server, over TCP or TLS: for who asked to be told. It blocks its caller for a
/// bounded time and keeps no connection.
public struct HTTPPoster: Sendable {
    /// Where to: "https://host[:port]/path".
    public struct Target: Equatable, Sendable {
        public let isEncrypted: Bool
        public let host: String
        public let port: UInt16
        public let path: String

        public init?(_ address: String) {
            let rest: Substring
            if address.hasPrefix("https://") {
                isEncrypted = true
                rest = address.dropFirst(8)
            } else if address.hasPrefix("http://") {
                isEncrypted = false
                rest = address.dropFirst(7)
            } else {
                return nil
            }
            // What goes into a request line and a Host field: visible ASCII alone.
            guard address.utf8.count <= 1024, address.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
            let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            let after = rest.dropFirst(authority.count).prefix { $0 != "#" }
            path = after.hasPrefix("/") ? String(after) : "/" + after
            let usual: UInt16 = isEncrypted ? 443 : 80
            var host = authority
            var port = usual
            if authority.hasPrefix("[") {
                guard let end = authority.firstIndex(of: "]") else { return nil }
                host = authority[authority.index(after: authority.startIndex)..<end]
                let tail = authority[authority.index(after: end)...]
                if !tail.isEmpty {
                    guard tail.hasPrefix(":"), let number = UInt16(tail.dropFirst()) else { return nil }
                    port = number
                }
            } else if let colon = authority.lastIndex(of: ":") {
                guard let number = UInt16(authority[authority.index(after: colon)...]) else { return nil }
                host = authority[..<colon]
                port = number
            }
            guard !host.isEmpty, port != 0, !host.contains("@") else { return nil }
            self.host = String(host)
            self.port = port
        }
    }

    public struct Fault: Error, Equatable, CustomStringConvertible {
        public let description: String
    }

    private let timeout_ms: Int32

    /// Each step (connect, every read and write) has `timeout`.
    public init(timeout: Nanoseconds) { timeout_ms = Int32(clamping: timeout.wholeMilliseconds) }

    /// The status of the answer. `checksCertificate`: the server's must be vouched for by an authority that this
    /// machine trusts, and be for its name.
    public func post(
        _ body: [UInt8], to target: Target, headers: [(name: String, value: String)], checksCertificate: Bool
    ) throws(Fault) -> Int {
        let socket = try connect(target)
        _ = cl_set_socket_timeout(socket.raw, timeout_ms)
        let host = target.host.contains(":") ? "[\(target.host)]" : target.host
        var head = "POST \(target.path) HTTP/1.1\r\nHost: \(host):\(target.port)\r\nConnection: close\r\n"
        head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
        for header in headers where HTTPPoster.isField(header.name, header.value) {
            head += "\(header.name): \(header.value)\r\n"
        }
        let request = Array((head + "\r\n").utf8) + body
        var answer = [UInt8](repeating: 0, count: 256)
        var filled = 0
        if target.isEncrypted {
            let session = try Session(socket.raw, target.host, checks: checksCertificate)
            try session.write(request)
            while filled < 12 { filled += try session.read(&answer, from: filled) }
        } else {
            do throws(SystemError) { try socket.writeAll(request) } catch { throw Fault(description: error.reason) }
            while filled < 12 {
                let got = unsafe answer.withUnsafeMutableBytes {
                    unsafe cl_read(socket.raw, $0.baseAddress?.advanced(by: filled), $0.count - filled)
                }
                guard got > 0 else { throw Fault(description: "no answer") }
                filled += got
            }
        }
        let words = String(decoding: answer[..<filled], as: UTF8.self).split(separator: " ")
        guard words.count > 1, words[0].hasPrefix("HTTP/1."), let status = Int(words[1].prefix(3)) else {
            throw Fault(description: "the answer is not HTTP")
        }
        return status
    }

    /// A header that somebody gave us: nothing in it may end the line.
    public static func isField(_ name: String, _ value: String) -> Bool {
        let isToken =
            !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !#""(),/:;<=>?@[\]{}"#.utf8.contains($0) }
        let own = ["host", "content-length", "content-type", "connection", "transfer-encoding"]
        return isToken && !own.contains(name.lowercased())
            && value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 9 }
    }

    private func connect(_ target: Target) throws(Fault) -> FileDescriptor {
        var last = -EINVAL
        for address in HTTPPoster.addresses(of: target.host) {
            let result = unsafe cl_connect_tcp(address, target.port, timeout_ms)
            if result >= 0 { return FileDescriptor(owning: result) }
            last = result
        }
        throw Fault(description: last == -EINVAL ? "no such host" : SystemError.text(of: -last))
    }

    private static func addresses(of host: String) -> [String] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &found) == 0, let first = unsafe found else { return [] }
        defer { unsafe freeaddrinfo(first) }
        var out: [String] = []
        var next: UnsafeMutablePointer<addrinfo>? = unsafe first
        while let info = unsafe next, out.count < 4 {
            unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
                guard let base = buffer.baseAddress,
                    unsafe getnameinfo(
                        info.pointee.ai_addr, info.pointee.ai_addrlen, base, socklen_t(buffer.count), nil, 0,
                        NI_NUMERICHOST) == 0
                else { return }
                out.append(unsafe String(cString: base))
            }
            unsafe next = info.pointee.ai_next
        }
        return out
    }

    /// TLS as a client, for the length of one request.
    @safe private struct Session: ~Copyable {
        private let context: OpaquePointer
        private let ssl: OpaquePointer

        init(_ descriptor: Int32, _ host: String, checks: Bool) throws(Fault) {
            ERR_clear_error()
            guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { throw Session.fault("no TLS") }
            guard let ssl = unsafe SSL_new(context) else {
                unsafe SSL_CTX_free(context)
                throw Session.fault("no TLS")
            }
            do throws(Fault) { try unsafe Session.greet(context, ssl, descriptor, host, checks: checks) } catch {
                unsafe SSL_free(ssl)
                unsafe SSL_CTX_free(context)
                throw error
            }
            unsafe self.context = unsafe context
            unsafe self.ssl = unsafe ssl
        }

        private static func greet(
            _ context: OpaquePointer, _ ssl: OpaquePointer, _ descriptor: Int32, _ host: String, checks: Bool
        ) throws(Fault) {
            _ = unsafe SSL_CTX_set_default_verify_paths(context)
            _ = unsafe SSL_ctrl(ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
            if checks {
                let isAddress = host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
                let isSet: Int32
                if isAddress {
                    isSet = unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host)
                } else {
                    isSet = unsafe SSL_set1_host(ssl, host)
                }
                guard isSet == 1 else { throw fault("the host's name cannot be checked") }
                unsafe SSL_set_verify(ssl, SSL_VERIFY_PEER, nil)
            }
            // SSL_set_tlsext_host_name is a macro: TLSEXT_NAMETYPE_host_name is 0.
            var name = Array(host.utf8CString)
            _ = unsafe SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, &name)
            guard unsafe SSL_set_fd(ssl, descriptor) == 1, unsafe SSL_connect(ssl) == 1 else {
                throw fault("TLS was refused")
            }
        }

        deinit {
            unsafe SSL_free(ssl)
            unsafe SSL_CTX_free(context)
        }

        private static func fault(_ text: String) -> Fault { Fault(description: TLSError.last(text).description) }

        func write(_ bytes: [UInt8]) throws(Fault) {
            guard unsafe SSL_write(ssl, bytes, Int32(clamping: bytes.count)) == bytes.count else {
                throw Session.fault("sending broke off")
            }
        }

        func read(_ into: inout [UInt8], from place: Int) throws(Fault) -> Int {
            let got = unsafe into.withUnsafeMutableBytes {
                unsafe SSL_read(ssl, $0.baseAddress?.advanced(by: place), Int32(clamping: $0.count - place))
            }
            guard got > 0 else { throw Session.fault("no answer") }
            return Int(got)
        }
    }
}
