import CLinux
import COpenSSL
import Foundation
import Glibc
import Platform

/// A controller that keeps its connection, plain or TLS, and asks the same thing again and again. Each comes from a
/// loopback address of its own, because the agent limits what one address may ask.
@safe final class StatusClient {
    private let descriptor: Int32
    private var context: OpaquePointer?
    private var ssl: OpaquePointer?
    private let request: [UInt8]
    private var buffer = [UInt8](repeating: 0, count: 1 << 20)

    init(port: UInt16, path: String, source: Int, isEncrypted: Bool, fields: String = "") throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        descriptor = socket
        func address(_ host: UInt32, _ port: UInt16) -> sockaddr_in {
            sockaddr_in(
                sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian, sin_addr: in_addr(s_addr: host.bigEndian),
                sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
        }
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        var own = address(0x7F00_0100 + UInt32(source), 0)
        var server = address(0x7F00_0001, port)
        let isBound = unsafe withUnsafePointer(to: &own) { own in
            unsafe own.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(socket, $0, size) == 0 }
        }
        let isConnected = unsafe withUnsafePointer(to: &server) { server in
            unsafe server.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(socket, $0, size) == 0
            }
        }
        request = Array("GET \(path) HTTP/1.1\r\nHost: agent\r\n\(fields)\r\n".utf8)
        guard isBound, isConnected else { throw Benchmark.Skipped("the agent cannot be reached on port \(port)") }
        _ = cl_set_tcp_nodelay(descriptor)
        guard isEncrypted else { return }
        unsafe context = SSL_CTX_new(TLS_client_method())
        unsafe ssl = SSL_new(context)
        guard unsafe SSL_set_fd(ssl, descriptor) == 1, unsafe SSL_connect(ssl) == 1 else {
            throw Benchmark.Skipped("TLS was refused")
        }
    }

    deinit {
        unsafe SSL_free(ssl)
        unsafe SSL_CTX_free(context)
        close(descriptor)
    }

    func send() {
        if let ssl = unsafe ssl {
            _ = unsafe SSL_write(ssl, request, Int32(request.count))
        } else {
            _ = unsafe cl_send(descriptor, request, request.count, 0)
        }
    }

    /// The status of the answer, once it is whole.
    func receive() throws -> Int {
        var filled = 0
        while true {
            let got = unsafe buffer.withUnsafeMutableBytes { bytes -> Int in
                let place = unsafe bytes.baseAddress?.advanced(by: filled), room = bytes.count - filled
                if let ssl = unsafe ssl { return Int(unsafe SSL_read(ssl, place, Int32(room))) }
                return unsafe cl_recv(descriptor, place, room, 0)
            }
            guard got > 0 else { throw Benchmark.Skipped("the agent has hung up") }
            filled += got
            if let status = answered(filled) { return status }
        }
    }

    /// By hand: a regular expression here would take longer than many an answer, and is not what is measured.
    private func answered(_ filled: Int) -> Int? {
        unsafe buffer.withUnsafeBytes { bytes -> Int? in
            let here = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<filled])
            func place(behind word: StaticString) -> Int? {
                let count = word.utf8CodeUnitCount
                guard let base = here.baseAddress, filled >= count else { return nil }
                for start in 0...(filled - count) where unsafe memcmp(base + start, word.utf8Start, count) == 0 {
                    return start + count
                }
                return nil
            }
            func number(at start: Int) -> Int {
                unsafe here[start...].prefix { (48...57).contains($0) }.reduce(0) { $0 * 10 + Int($1 - 48) }
            }
            guard let body = place(behind: "\r\n\r\n"), let length = place(behind: "Content-Length: "),
                filled >= body + number(at: length)
            else { return nil }
            return number(at: "HTTP/1.1 ".utf8.count)
        }
    }
}
