import Foundation
import Glibc
import HTTP
import Platform
import Synchronization
import Testing

/// splitmix64: the same seed gives the same bytes on every machine.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite struct FuzzTests {
    /// `make fuzz` lives through more of them, from the one it is told.
    static let seeds: [UInt64] = {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["MDC_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
        return Array(first..<first + (environment["MDC_FUZZ_SECONDS"] == nil ? 4 : 20))
    }()

    /// Valid requests, bent: bytes flipped, doubled, cut, spliced, and cut into odd pieces on their way.
    static func bent(_ generator: inout SeededGenerator) -> [UInt8] {
        let samples = [
            "GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
            "POST /pool HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
            "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        ]
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            bytes += Array((samples.randomElement(using: &generator) ?? "").utf8)
        }
        let hot = Array("\r\n :;,0123456789abcdefHTTP/\t\0\u{7F}".utf8)
        for _ in 0..<Int.random(in: 0...6, using: &generator) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &generator)
            case 1: bytes[at] = hot.randomElement(using: &generator) ?? 0
            case 2: bytes.remove(at: at)
            case 3: bytes.insert(hot.randomElement(using: &generator) ?? 0, at: at)
            default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 20)], at: at)
            }
        }
        return bytes
    }

    @Test(arguments: seeds, [false, true]) func `whatever comes, each answer is whole and the server lives on`(
        seed: UInt64, readsHeadsAlone: Bool
    ) throws {
        var generator = SeededGenerator(state: seed)
        let server = try TestServer {
            $0.headTime = .milliseconds(300)
            $0.idleTime = .milliseconds(300)
            $0.readsHeadsAlone = readsHeadsAlone
        }
        for round in 0..<400 {
            let bytes = FuzzTests.bent(&generator)
            let client = try server.client()
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...max(1, rest.count), using: &generator)
                client.send(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            client.finishSending()
            let all = try #require(client.everything(), "seed \(seed) round \(round): not closed")
            if !all.isEmpty { #expect(all.hasPrefix("HTTP/1.1 "), "seed \(seed) round \(round)") }
        }
        let client = try server.client()
        client.send("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.answer()?.text == "/alive")
        #expect(eventually { server.server.counts.connectionsOpen <= 1 })
    }

    @Test(arguments: seeds) func `a head is read the same whole as in any two pieces`(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed &+ 100)
        let server = try TestServer()
        for round in 0..<60 {
            let bytes = FuzzTests.bent(&generator)
            // Who asks first and is refused is left without his body, unless it has already come.
            if String(decoding: bytes, as: UTF8.self).contains("100-continue") { continue }
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            func outcome(_ pieces: [[UInt8]]) throws -> String? {
                let client = try server.client()
                for piece in pieces {
                    client.send(piece)
                    if pieces.count > 1 { usleep(300) }
                }
                client.finishSending()
                // The date may change between the two.
                return client.everything()?.split(separator: "\r\n").filter { !$0.hasPrefix("Date:") }.joined()
            }
            let whole = try outcome([bytes])
            #expect(
                try outcome([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole,
                "seed \(seed) round \(round): \(String(decoding: bytes, as: UTF8.self).debugDescription) cut at \(cut)")
        }
    }
}
