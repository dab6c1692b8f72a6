import CLinux
import Foundation
import Glibc
import HTTP
import Platform
import Testing

@Suite struct ManyClientsTests {
    @Test func `ten thousand connections cost a fixed amount of memory and keep nobody out`() throws {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 20_000)
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // Where a process may not hold so many, as many as it may.
        let count = min(10_000, Int(limit.rlim_cur) - 600)
        let server = try TestServer { $0.connectionsMax = 256 }
        let before = cl_resident_bytes()
        var clients: [Int32] = []
        defer { for client in clients { close(client) } }
        var most = 0
        for number in 0..<count {
            let client = unsafe cl_connect_tcp("127.0.0.1", server.port, 10_000)
            if client < 0 { continue }
            clients.append(client)
            // A third says nothing, a third begins and stops, a third asks.
            let text = ["", "GET / HT", "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"][number % 3]
            if !text.isEmpty {
                _ = unsafe cl_send(client, Array(text.utf8), text.utf8.count, Int32(MSG_NOSIGNAL))
            }
            if number % 100 == 0 { most = max(most, server.server.counts.connectionsOpen) }
        }
        #expect(clients.count > count / 2)
        #expect(most <= 256)
        // 256 connections of 40 kB, and the sockets of both ends in the kernel, which is not counted here.
        #expect(cl_resident_bytes() - before < 64 << 20)
        for client in clients { close(client) }
        clients = []
        #expect(
            eventually {
                guard let last = try? server.client() else { return false }
                last.send("GET /still HTTP/1.1\r\nHost: a\r\n\r\n")
                return last.answer()?.text == "/still"
            })
    }
}
