import Glibc
import Foundation
import HTTP
import Platform
import Synchronization
import Testing

@Suite struct ServerTests {
    @Test func `a request is answered and the connection is kept for the next`() throws {
        let server = try TestServer()
        let client = try server.client()
        for path in ["/one", "/two"] {
            client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try #require(client.answer())
            #expect(answer.status == 200)
            #expect(answer.text == path)
            #expect(answer.fields["date"]?.hasSuffix(" GMT") == true)
        }
        #expect(server.server.counts.requests == 2)
    }

    @Test func `requests sent all at once are answered one by one, in their order`() throws {
        let server = try TestServer()
        let client = try server.client()
        var all = ""
        for i in 0..<200 { all += "GET /\(i) HTTP/1.1\r\nHost: a\r\n\r\n" }
        client.send(all)
        for i in 0..<200 { #expect(client.answer()?.text == "/\(i)") }
    }

    @Test func `a request may come one byte at a time`() throws {
        let server = try TestServer()
        let client = try server.client()
        for byte in Array("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".utf8) {
            client.send([byte])
        }
        #expect(client.answer()?.text == "hello")
    }

    @Test func `HEAD tells the length and sends no body`() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send("HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = try #require(client.answer(isHead: true))
        #expect(answer.fields["content-length"] == "4")
        #expect(client.answer()?.text == "/next")
    }

    @Test func `HTTP 1.0 closes unless asked to stay`() throws {
        let server = try TestServer()
        let once = try server.client()
        once.send("GET /x HTTP/1.0\r\n\r\n")
        #expect(once.everything()?.hasSuffix("\r\n\r\n/x") == true)
        let kept = try server.client()
        kept.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(kept.answer()?.fields["connection"] == "keep-alive")
        kept.send("GET /y HTTP/1.0\r\n\r\n")
        #expect(kept.answer()?.text == "/y")
    }

    @Test func `who keeps a connection over the server's stop may still say what it was about to say`() throws {
        let server = try TestServer { $0.partingTime = .seconds(5) }
        let kept = try server.client(), fresh = try server.client()
        kept.send("GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(kept.answer()?.text == "/one")
        let stopped = server.server
        let stopping = try OwnerThread("stop") { stopped.stop() }
        usleep(100_000)
        for client in [kept, fresh] {
            client.send("GET /last HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try #require(client.answer())
            #expect(answer.text == "/last" && answer.fields["connection"] == "close")
        }
        stopping.join()
    }

    @Test func `a client that closed its side with its request still gets the answer`() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
        client.finishSending()
        #expect(client.answer()?.text == "/half")
    }

    @Test func `a large body lands in the service's memory and is sent back from there`() throws {
        let server = try TestServer()
        let client = try server.client()
        let body = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        client.send("POST /pool HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n")
        // On a thread of its own the server may answer while we still send: it lends only when whole.
        client.send(body)
        let answer = try #require(client.answer())
        #expect(answer.body == body)
        let counts = server.server.counts
        #expect(counts.bodyBytesDirect + counts.bodyBytesCopied == body.count)
        #expect(counts.bodyBytesCopied <= 12_288)
        #expect(eventually { server.service.pool.left.withLock { $0 } == [true] })
    }

    @Test func `memory that was lent comes back once when the client goes away in the middle`() throws {
        let server = try TestServer()
        do {
            let client = try server.client()
            client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.wait(for: "HTTP/1.1 200"))
        }
        #expect(eventually { server.service.pool.left.withLock { $0 } == [false] })
    }

    @Test func `an answer may come later from another thread, and only the first counts`() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(eventually { server.service.kept.withLock { !$0.isEmpty } })
        let responder = server.service.kept.withLock { $0[0] }
        #expect(responder.refuse(503, "first"))
        #expect(!responder.refuse(200, "second"))
        let answer = try #require(client.answer())
        #expect(answer.status == 503)
        #expect(answer.text == "{\"error\":\"first\"}")
        client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.answer()?.text == "/next")
        #expect(!responder.refuse(200, "for the request before"))
    }

    @Test func `a service learns that its client has gone and its answer is refused`() throws {
        let server = try TestServer()
        do {
            let client = try server.client()
            client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(eventually { server.service.kept.withLock { !$0.isEmpty } })
        }
        #expect(eventually { server.service.gone.withLock { $0 } == 1 })
        #expect(!server.service.kept.withLock { $0[0] }.refuse(200, "too late"))
    }

    @Test func `the memory of a body that never came whole is given back`() throws {
        let server = try TestServer()
        do {
            let client = try server.client()
            client.send("POST /pool HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf")
            #expect(eventually { server.server.counts.requests == 1 })
        }
        #expect(eventually { server.service.gone.withLock { $0 } == 1 })
        #expect(server.service.handled.withLock { $0 } == 0)
    }

    @Test func `a stream sends its pieces as chunks and ends`() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(eventually { server.service.streams.withLock { !$0.isEmpty } })
        let stream = server.service.streams.withLock { $0[0] }
        #expect(stream.send(SharedBytes(Array("data: 1\n\n".utf8))) == .queued)
        #expect(client.wait(for: "9\r\ndata: 1\n\n\r\n"))
        stream.finish()
        #expect(client.wait(for: "0\r\n\r\n"))
        #expect(stream.send(SharedBytes([1])) == .closed)
        client.send("GET /after HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.wait(for: "/after"))
    }

    @Test func `a stream whose client reads nothing is full at a fixed number of pieces`() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.wait(for: "\r\n\r\n"))
        let stream = server.service.streams.withLock { $0[0] }
        let piece = SharedBytes([UInt8](repeating: 65, count: 1 << 20))
        var queued = 0
        while queued < 1000, stream.send(piece) == .queued {
            queued += 1
            usleep(1000)
        }
        // 16 in the queue, one on its way, and what the kernel's socket buffers hold.
        #expect(queued < 64)
    }

    @Test func `a stream's client that leaves is told to the service`() throws {
        let server = try TestServer()
        do {
            let client = try server.client()
            client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.wait(for: "\r\n\r\n"))
        }
        #expect(eventually { server.service.gone.withLock { $0 } == 1 })
        #expect(server.service.streams.withLock { $0[0] }.send(SharedBytes([1])) == .closed)
    }

    @Test func `a chunked body is put together, whatever the sizes of its chunks`() throws {
        let server = try TestServer()
        let client = try server.client()
        var wire = Array("POST /pool HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        var body: [UInt8] = []
        for size in [1, 7, 4095, 4096, 4097, 100_000, 3, 65_536] {
            let part = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ size) }
            body += part
            wire += Array("\(String(size, radix: 16));note=x\r\n".utf8) + part + [13, 10]
        }
        wire += Array("0\r\nTrailer: ignored\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        client.send(wire)
        #expect(client.answer()?.body == body)
        #expect(client.answer()?.text == "/next")
    }

    @Test func `a body is asked for with 100 Continue when the client waits for that`() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        #expect(client.answer()?.status == 100)
        client.send("ok")
        #expect(client.answer()?.text == "ok")
    }

    @Test func `a body that is refused is read away, and the connection lives on`() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n")
        client.send([UInt8](repeating: 1, count: 20_000))
        #expect(client.answer()?.status == 403)
        client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.answer()?.text == "/next")
        #expect(server.service.gone.withLock { $0 } == 0)
    }

    @Test func `a body larger than allowed is refused before it is sent`() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send("POST /pool HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n")
        #expect(client.everything()?.hasPrefix("HTTP/1.1 413 ") == true)
        let small = try server.client()
        small.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n")
        #expect(small.everything()?.hasPrefix("HTTP/1.1 413 ") == true)
    }

    @Test func `a client that is slow with its head is told so and let go`() throws {
        let server = try TestServer { $0.headTime = .milliseconds(100) }
        let client = try server.client()
        client.send("GET / HTTP/1.1\r\nHo")
        #expect(client.everything()?.hasPrefix("HTTP/1.1 408 ") == true)
    }

    @Test func `a silent connection is closed without a word`() throws {
        let server = try TestServer { $0.headTime = .milliseconds(100) }
        #expect(try server.client().everything() == "")
    }

    @Test func `a service that never answers costs its client 503 and nothing more`() throws {
        let server = try TestServer { $0.answerTime = .milliseconds(100) }
        let client = try server.client()
        client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.everything()?.hasPrefix("HTTP/1.1 503 ") == true)
        #expect(!server.service.kept.withLock { $0[0] }.refuse(200, "too late"))
        #expect(server.service.gone.withLock { $0 } == 1)
    }

    @Test func `one connection more than allowed takes the place of an idle one or gets 503`() throws {
        let server = try TestServer { $0.connectionsMax = 2 }
        let busy = try server.client()
        busy.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let idle = try server.client()
        idle.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(idle.answer()?.status == 200)
        #expect(eventually { server.service.kept.withLock { !$0.isEmpty } })
        let third = try server.client()
        third.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(eventually { server.service.kept.withLock { $0.count == 2 } })
        #expect(idle.everything() == "")
        let fourth = try server.client()
        #expect(fourth.everything()?.hasPrefix("HTTP/1.1 503 ") == true)
        for responder in server.service.kept.withLock({ $0 }) { responder.refuse(200, "done") }
        #expect(busy.answer()?.status == 200)
        #expect(third.answer()?.status == 200)
    }

    @Test func `two loops share the clients`() throws {
        let server = try TestServer(loops: 2)
        let clients = try (0..<32).map { _ in try server.client() }
        for (index, client) in clients.enumerated() { client.send("GET /\(index) HTTP/1.1\r\nHost: a\r\n\r\n") }
        for (index, client) in clients.enumerated() { #expect(client.answer()?.text == "/\(index)") }
    }

    @Test func `a field is found whatever its case`() throws {
        let server = try TestServer()
        let client = try server.client()
        client.send("GET /field HTTP/1.1\r\nHost: a\r\nX-NaMe:  some thing \t\r\n\r\n")
        #expect(client.answer()?.text == "some thing")
    }
}
