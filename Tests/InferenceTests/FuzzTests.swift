import CLinux
import CMdcInfer
import Foundation
import Platform
import Site
import Testing

@testable import Inference

@Suite(.serialized) struct FuzzTests {
    /// `make fuzz` lives through more of them, from the one it is told.
    static let seeds: [UInt64] = {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["MDC_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
        return Array(first..<first + (environment["MDC_FUZZ_SECONDS"] == nil ? 2 : 20))
    }()

    /// One request's JSON a line.
    static let corpus: [[UInt8]] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Wire/v1/inference-requests.txt")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map { Array($0.utf8) }
    }()

    /// A sample with bytes flipped, doubled, cut, or spliced with another.
    private static func bent(_ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = corpus.randomElement(using: &generator) ?? []
        let hot = Array("{}[]\",:\\0123456789.eE+-truefalsn \t\u{1}".utf8)
        for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &generator)
            case 1: bytes[at] = hot.randomElement(using: &generator) ?? 0
            case 2: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...20, using: &generator)))
            case 3: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 30)], at: at)
            case 4: bytes.removeLast(bytes.count - at)
            default:
                let other = corpus.randomElement(using: &generator) ?? []
                bytes.replaceSubrange(at..., with: other.suffix(Int.random(in: 0...other.count, using: &generator)))
            }
        }
        return bytes
    }

    @Test(arguments: seeds) func `what the strict parser takes, the fast one takes too`(seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        for _ in 0..<20_000 {
            let bytes = FuzzTests.bent(&generator)
            guard (try? JSON.parse(bytes, depthMax: JSONCursor.depthMax)) != nil else { continue }
            var copy = bytes + [0]
            let isTaken = unsafe copy.withUnsafeMutableBytes { buffer in
                var cursor = JSONCursor(unsafe Memory(buffer), 0..<bytes.count)
                do {
                    try cursor.skipValue()
                    try cursor.finish()
                    return true
                } catch { return false }
            }
            #expect(isTaken, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test(arguments: seeds) func `whatever an infer request says, it is answered and the server lives on`(
        seed: UInt64
    ) throws {
        let plane = try Plane(["echo": echoModel], isolation: .none)
        var generator = SeededGenerator(state: seed)
        var socket = try plane.connect()
        for _ in 0..<1500 {
            let json = FuzzTests.bent(&generator)
            let payload = [UInt8](repeating: 1, count: Int.random(in: 0...4, using: &generator) * 12)
            let header = Int.random(in: 0..<10, using: &generator) == 0 ? json.count + 5 : json.count
            let head =
                "POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nContent-Length: \(json.count + payload.count)\r\n"
                + "Inference-Header-Content-Length: \(header)\r\n\r\n"
            let answer = try plane.exchange(socket, Array(head.utf8) + json + payload)
            #expect(
                [200, 400, 413, 503].contains(answer.status), "seed \(seed): \(String(decoding: json, as: UTF8.self))")
            if answer.status != 200 {
                #expect((try? JSON.parse(answer.body))?["error"]?.string?.isEmpty == false || answer.body.isEmpty)
                socket = try plane.connect()
            }
        }
        #expect(try plane.echo([1, 2, 3]).status == 200)
        #expect(try plane.ask("GET", "/metrics").text.contains(#"mdc_inference_rows{state="queued"} 0"#))
    }

    @Test(arguments: seeds) func `a native client that writes garbage into its ring harms only itself`(
        seed: UInt64
    ) throws {
        let plane = try Plane(["echo": echoModel], isolation: .none)
        var generator = SeededGenerator(state: seed)
        for _ in 0..<40 {
            var client: OpaquePointer?
            var why = [CChar](repeating: 0, count: Int(MDC_INFER_WHY))
            try #require(unsafe mdc_infer_open(plane.ring, "echo", 4, 2, &client, &why) == 0)
            // The first slot begins two pages into the memory (mdc_infer.h).
            let memory = unsafe try #require(mdc_infer_input(client, 0, 0)) - 8192
            for _ in 0..<50 {
                let edges: [UInt32] = [0, 1, 3, 4, 5, 64, 1 << 16, .max, .max - 1, 1 << 31]
                let value =
                    Bool.random(using: &generator)
                    ? edges.randomElement(using: &generator) ?? 0 : UInt32.random(in: .min ... .max, using: &generator)
                let words = [64, 128, 192, 256, 320, 384]
                let at =
                    Bool.random(using: &generator)
                    ? words.randomElement(using: &generator) ?? 64 : Int.random(in: 0..<2048, using: &generator) * 4
                unsafe memory.storeBytes(of: value, toByteOffset: at, as: UInt32.self)
                if Int.random(in: 0..<4, using: &generator) == 0 { _ = unsafe mdc_infer_submit(client, 0, 1, 1) }
            }
            unsafe mdc_infer_close(client)
        }
        try eventually("every row is free") {
            let text = try plane.ask("GET", "/metrics").text
            return ["queued", "running"].allSatisfy { text.contains("mdc_inference_rows{state=\"\($0)\"} 0") }
        }
        #expect(try plane.echo([1, 2, 3]).status == 200)
    }
}
