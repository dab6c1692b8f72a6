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

    private func answered(_ filled: Int) -> Int? {
        guard let end = buffer[..<filled].firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: buffer[..<end.lowerBound], as: UTF8.self)
        guard let length = head.firstMatch(of: /Content-Length: (\d+)/).flatMap({ Int($0.1) }),
            filled >= end.upperBound + length
        else { return nil }
        return Int(head.dropFirst(9).prefix(3))
    }
}
