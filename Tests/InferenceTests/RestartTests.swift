import CLinux
import Foundation
import Platform
import Site
import Synchronization
import Testing

@testable import Inference

@Suite(.serialized) struct RestartTests {
    @Test func `clients that come before the models are warm wait and are then answered`() throws {
        // Three warm-up runs of 200 ms: whoever asks meanwhile waits at the door.
        let plane = try Plane(
            ["slow": slowModel.replacingOccurrences(of: "warm_up_runs: 0", with: "warm_up_runs: 3")],
            waitsForReady: false)
        let socket = try plane.connect()
        #expect(try plane.exchange(socket, Plane.binary([1, 2, 3], model: "slow")).status == 200)
    }

    @Test func `a server that stops answers what has arrived`() throws {
        let plane = try Plane(["slow": slowModel, "echo": echoModel])
        let idle = try plane.connect()
        #expect(try plane.exchange(idle, Plane.binary([7, 8, 9])).status == 200)
        let answers = Mutex<[Int]>([])
        let started = Atomic<Int>(0)
        for _ in 0..<3 {
            Thread.detachNewThread {
                guard let socket = try? plane.connect() else { return }
                started.add(1, ordering: .releasing)
                let status = (try? plane.exchange(socket, Plane.binary([1, 2, 3], model: "slow")).status) ?? -1
                answers.withLock { $0.append(status) }
            }
        }
        // All three are in the house: one runs, two wait.
        try eventually("three are inside") {
            let text = try plane.ask("GET", "/metrics").text
            var inside = 0
            for state in ["queued", "running", "sending"] {
                let line = text.split(separator: "\n").first { $0.hasPrefix("mdc_inference_rows{state=\"\(state)\"}") }
                inside += Int(line?.split(separator: " ").last ?? "") ?? 0
            }
            return inside + answers.withLock { $0.count } == 3
        }
        plane.server.stop()
        try eventually("three answers") { answers.withLock { $0.count } == 3 }
        #expect(answers.withLock { $0 } == [200, 200, 200])
        // The idle one was closed, not left hanging.
        var byte: UInt8 = 0
        #expect(unsafe cl_recv(idle.raw, &byte, 1, 0) == 0)
    }

    @Test func `the pool of the process before is taken over, and only when it is the same`() throws {
        let first = try Plane(["echo": echoModel])
        let kept = fcntl(try #require(first.server.poolToKeep), F_DUPFD_CLOEXEC, 3)
        defer { close(kept) }
        first.server.stop()
        let second = try Plane(["echo": echoModel], pool: kept)
        #expect(second.server.poolToKeep == nil)
        #expect(try second.echo([1, 2, 3]).status == 200)
        let other = try Plane(["echo": echoModel], pool: kept) { $0.pool.classes[0].count = 65 }
        #expect(other.server.poolToKeep != nil)
        // Memory that its owner could shrink is not trusted.
        let unsealed = unsafe cl_memfd("unsealed", false)
        defer { close(unsealed) }
        var status = stat()
        #expect(unsafe fstat(kept, &status) == 0 && ftruncate(unsealed, status.st_size) == 0)
        let third = try Plane(["echo": echoModel], pool: unsealed)
        #expect(third.server.poolToKeep != nil)
    }
}
