import CLinux
import Foundation
import Platform
import Site
import Synchronization
import Testing

@testable import Inference

@Suite(.serialized) struct PostureTests {
    private static func lane(_ name: String, watts: Double) -> LanePlan {
        var lane = LanePlan(name: name)
        lane.watts = watts
        return lane
    }

    /// How many of two requests to two lanes ran at once, at most.
    private func mostAtOnce(_ plane: Plane) throws -> Int {
        let left = Atomic<Int>(2)
        for name in ["one", "two"] {
            let request = Plane.binary([1, 2, 3], model: name)
            Thread.detachNewThread {
                if let socket = try? plane.connect() {
                    let answer = try? plane.exchange(socket, request)
                    #expect(answer?.status == 200)
                }
                left.subtract(1, ordering: .releasing)
            }
        }
        var most = 0
        try eventually("both are answered") {
            let text = try plane.ask("GET", "/metrics").text
            let line = text.split(separator: "\n").first { $0.hasPrefix(#"mdc_inference_rows{state="running"}"#) }
            most = max(most, Int(line?.split(separator: " ").last ?? "") ?? 0)
            return left.load(ordering: .acquiring) == 0
        }
        return most
    }

    @Test func `when power is short as many lanes work at once as the watts allow`() throws {
        let plane = try Plane([
            "one": slowModel + "\nlanes: [one]", "two": slowModel + "\nlanes: [two]",
        ]) { plan in
            plan.lanes = [PostureTests.lane("one", watts: 60), PostureTests.lane("two", watts: 60)]
        }
        publish(.conserve, plane.page, watts: 100)
        usleep(300_000)
        #expect(try mostAtOnce(plane) == 1)
        publish(.conserve, plane.page, watts: 120)
        usleep(300_000)
        // A busy machine may keep them apart now and then; together it was never before.
        var most = 0
        for _ in 0..<10 where most < 2 { most = max(most, try mostAtOnce(plane)) }
        #expect(most == 2)
    }

    @Test func `sealed, nothing that was asked or answered can be read in the pool any more`() throws {
        let plane = try Plane(["echo": echoModel])
        let pool = try #require(plane.server.poolToKeep)
        let secret: [Int32] = [0x5EC2_E701, 0x5EC2_E702, 0x5EC2_E703]
        let socket = try plane.connect()
        #expect(try plane.exchange(socket, Plane.binary(secret, id: "patient-4711")).status == 200)
        let pattern = secret.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> Int32($0 * 8)) } }
        #expect(try holds(pool, pattern) && holds(pool, Array("patient-4711".utf8)))
        publish(.seal, plane.page)
        try eventually("the pool is wiped") { try !holds(pool, pattern) && !holds(pool, Array("patient-4711".utf8)) }
        #expect(try plane.exchange(socket, Plane.binary(secret)).status == 503)
        publish(.normal, plane.page)
        let fresh = try plane.connect()
        #expect(try plane.exchange(fresh, Plane.binary(secret)).status == 200)
    }

    private func holds(_ descriptor: Int32, _ pattern: [UInt8]) throws -> Bool {
        var status = stat()
        try #require(unsafe fstat(descriptor, &status) == 0)
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let got = unsafe pread(descriptor, &bytes, bytes.count, 0)
        try #require(got == bytes.count)
        return Data(bytes).range(of: Data(pattern)) != nil
    }

    @Test func `every refusal of a posture says when to come back, on the health page too`() throws {
        let plane = try Plane(["echo": echoModel])
        let socket = try plane.connect()
        for (state, seconds) in [(PostureState.drain, 10), (.stop, 60), (.seal, 60)] {
            publish(state, plane.page, reason: "smoke")
            let answer = try plane.echo([1, 2, 3])
            #expect(answer.status == 503 && answer.text.contains("Retry-After: \(seconds)"))
            #expect(try plane.ask("GET", "/v2/health/ready").text.contains("Retry-After: \(seconds)"))
        }
        publish(.drain, plane.page)
        // A connection that stays is refused request by request, and goes on when the posture does.
        #expect(try plane.exchange(socket, Plane.binary([1, 2, 3])).status == 503)
        publish(.normal, plane.page)
        #expect(try plane.exchange(socket, Plane.binary([1, 2, 3])).status == 200)
    }

    @Test func `what runs when the container drains is finished`() throws {
        let plane = try Plane(["slow": slowModel])
        let status = Atomic<Int>(-1)
        Thread.detachNewThread {
            guard let socket = try? plane.connect() else { return }
            let answer = try? plane.exchange(socket, Plane.binary([1, 2, 3], model: "slow"))
            status.store(answer?.status ?? 0, ordering: .releasing)
        }
        try eventually("it runs") {
            try plane.ask("GET", "/metrics").text.contains(#"mdc_inference_rows{state="running"} 1"#)
                || status.load(ordering: .acquiring) >= 0
        }
        publish(.drain, plane.page)
        try eventually("it is answered") { status.load(ordering: .acquiring) >= 0 }
        #expect(status.load(ordering: .acquiring) == 200)
    }
}
