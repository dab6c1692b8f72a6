import Foundation
import Platform
import Site
import Testing

@testable import Inference

/// Known questions: asked of every lane beside its requests, their answers told to whoever judges the cards.
@Suite(.serialized) struct CanaryTests {
    private static let seed = 7

    private func model(_ canary: String) -> String {
        """
        engine: identity
        max_batch_size: 4
        inputs: [{name: x, datatype: FP32, shape: [-1, 5]}, {name: i, datatype: INT64, shape: [-1, 3]}]
        outputs: [{name: y, datatype: FP32, shape: [-1, 5]}, {name: j, datatype: INT64, shape: [-1, 3]}]
        \(canary)
        """
    }

    /// What an identity model must answer: the question itself.
    private var rightDigest: String {
        var random = CanaryNumbers(seed: Self.seed)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 44, alignment: 8)
        defer { unsafe bytes.deallocate() }
        let memory = unsafe Memory(bytes)
        Canary.fill(memory.slice(0, 20), .fp32, &random)
        Canary.fill(memory.slice(20, 24), .int64, &random)
        return Canary.digest([memory])
    }

    private func plane(_ canary: String, interval: Nanoseconds? = .milliseconds(100)) throws -> Plane {
        try Plane(["echo": model(canary)]) {
            $0.lanes = [LanePlan(name: "lane0", accelerator: "npu0"), LanePlan(name: "lane1", accelerator: "npu1")]
            $0.canaryInterval = interval
        }
    }

    private func canaries(_ plane: Plane) throws -> [JSON?] {
        let text = try plane.ask("GET", "/lanes").text
        let body = text[(text.range(of: "\r\n\r\n")?.upperBound ?? text.endIndex)...]
        return try JSON.parse(Array(body.utf8))["lanes"]?.array?.map { $0["canary"] } ?? []
    }

    private func eventually(_ plane: Plane, _ condition: ([JSON?]) -> Bool) throws -> Bool {
        for _ in 0..<1000 {
            if condition(try canaries(plane)) { return true }
            usleep(20_000)
        }
        return false
    }

    @Test func `the same seed asks the same question on every machine`() {
        // Frozen, and computed beside by hand: digests stand in people's model.yaml files.
        #expect(rightDigest == "d834c5548f181cee748e96faf00571759893b3505209c375a0f0bb78fbe908d3")
    }

    @Test func `each lane is asked, and its answer stands beside what is right`() throws {
        let plane = try plane("canary: {seed: \(Self.seed), digest: \(rightDigest)}")
        #expect(
            try eventually(plane) { lanes in
                lanes.count == 2 && lanes.allSatisfy { ($0?["answers"]?.number ?? 0) >= 2 }
            })
        for canary in try canaries(plane) {
            #expect(canary?["got"]?.string == rightDigest)
            #expect(canary?["expected"]?.string == rightDigest)
        }
    }

    @Test func `a lane has its own right answer where one is named for it`() throws {
        let other = String(repeating: "0f", count: 32)
        let plane = try plane(
            "canary: {seed: \(Self.seed), digest: \(rightDigest), digests: {lane1: \(other)}}")
        #expect(try eventually(plane) { $0.allSatisfy { $0?["got"]?.string != nil } })
        let found = try canaries(plane)
        #expect(found.map { $0?["expected"]?.string } == [rightDigest, other])
    }

    @Test func `a drained lane is still asked: how else would it be seen to be well again`() throws {
        let plane = try plane("canary: {seed: \(Self.seed)}")
        publish(.normal, plane.page, drained: ["npu0", "npu1"])
        let before = try canaries(plane).compactMap { $0?["answers"]?.number }
        #expect(
            try eventually(plane) { lanes in
                zip(lanes, before).allSatisfy { ($0?["answers"]?.number ?? 0) >= $1 + 3 }
            })
    }

    @Test func `a sealed container's memory stays wiped: nothing is asked`() throws {
        let plane = try plane("canary: {seed: \(Self.seed)}")
        publish(.seal, plane.page)
        usleep(400_000)
        let before = try canaries(plane).map { $0?["answers"]?.number }
        usleep(500_000)
        #expect(try canaries(plane).map { $0?["answers"]?.number } == before)
    }

    @Test func `without the site's wish, or without a question, none is asked`() throws {
        #expect(try canaries(try plane("canary: {seed: 1}", interval: nil)) == [nil, nil])
        #expect(try canaries(try plane("")) == [nil, nil])
    }

    @Test func `no number of any type is an infinity or no number`() {
        var random = CanaryNumbers(seed: 1)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 8000, alignment: 8)
        defer { unsafe bytes.deallocate() }
        let memory = unsafe Memory(bytes)
        Canary.fill(memory, .fp16, &random)
        for at in stride(from: 0, to: 8000, by: 2) {
            #expect(Float16(bitPattern: memory.load(at, as: UInt16.self)).magnitude <= 1)
        }
        Canary.fill(memory, .bf16, &random)
        for at in stride(from: 0, to: 8000, by: 2) {
            #expect(Float(bitPattern: UInt32(memory.load(at, as: UInt16.self)) << 16).magnitude <= 1)
        }
        Canary.fill(memory, .fp64, &random)
        for at in stride(from: 0, to: 8000, by: 8) { #expect(memory.load(at, as: Double.self).magnitude <= 1) }
        Canary.fill(memory, .bool, &random)
        for at in 0..<8000 { #expect(memory[at] <= 1) }
    }
}
