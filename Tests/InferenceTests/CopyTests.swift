import CLinux
import Foundation
import HTTP
import Platform
import Site
import Testing

@testable import Inference

@Suite struct CopyTests {
    @Test(arguments: [1, 3, 4]) func `a body is received where it runs: not a byte of it is copied`(rows: Int) throws {
        let plane = try Plane(["echo": echoModel])
        let socket = try plane.connect()
        for round in 0..<200 {
            let numbers = (0..<rows * 3).map { Int32(round * 100 + $0) }
            let answer = try plane.exchange(socket, Plane.binary(numbers, id: round % 2 == 0 ? "a" : "longer"))
            #expect(answer.status == 200)
            let payload = numbers.flatMap { number in
                (0..<4).map { UInt8(truncatingIfNeeded: number >> Int32($0 * 8)) }
            }
            #expect(answer.body.suffix(payload.count) == payload[...])
        }
        #expect(plane.server.counts.bodyBytesCopied == 0)
        #expect(plane.server.counts.bodyBytesDirect > 200 * rows * 12)
        #expect(try plane.ask("GET", "/metrics").text.contains(#"copied_bytes_total{model="echo",version="1"} 0"#))
    }

    @Test func `clients that send several requests at once, or in pieces, are served the same`() throws {
        let plane = try Plane(["echo": echoModel])
        let socket = try plane.connect()
        var generator = SeededGenerator(state: 7)
        for round in 0..<60 {
            let requests = (0..<5).map { Plane.binary([Int32(round), Int32($0), 3], id: "\(round)") }
            var bytes = requests.flatMap { $0 }
            while !bytes.isEmpty {
                let count = min(bytes.count, Int.random(in: 1...700, using: &generator))
                unsafe try bytes[..<count].withUnsafeBytes { try unsafe socket.writeAll($0) }
                bytes.removeFirst(count)
                if Bool.random(using: &generator) { usleep(200) }
            }
            // Five answers, in order: the exchange below reads one, so all are read from one buffer here.
            var got: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while String(decoding: got, as: UTF8.self).components(separatedBy: "HTTP/1.1 200").count < 6 {
                let count = unsafe chunk.withUnsafeMutableBytes {
                    unsafe cl_recv(socket.raw, $0.baseAddress, $0.count, 0)
                }
                try #require(count > 0)
                got += chunk[..<count]
            }
            for second in 0..<5 {
                let row = [Int32(round), Int32(second), 3].flatMap { number in
                    (0..<4).map { UInt8(truncatingIfNeeded: number >> Int32($0 * 8)) }
                }
                #expect(got.firstRange(of: row) != nil || second == 4)
            }
        }
    }
}
