import CLinux
import Foundation
import Platform

/// The inference plane beside bare ONNX Runtime, memcpy, and an HTTP loop that does nothing: the server on
/// processor 0, the load on processor 1. Triton cannot be installed from packages: where a goal names it,
/// its share of the same neighbour on the machine of Tests/README.md is applied to this one, and said so.
enum InferenceBench {
    static let all = [
        Benchmark("inference.http", http),
        Benchmark("inference.large", large),
        Benchmark("inference.ring", ring),
        Benchmark("inference.allocations", allocations),
        Benchmark("inference.overload", overload),
    ]

    /// Triton 2.51 with two HTTP threads, 8 clients, as a share of the neighbours measured with it.
    private enum Triton {
        /// MLP: 25.3k/s where bare ONNX Runtime made 120k/s.
        static let ofBare = 25.3 / 120
        /// Identity 3 KB: 35.2k/s where the empty loop made 177k/s; p99 510 us where that had 101 us.
        static let ofLoop = 35.2 / 177
        static let ofLoopP99 = 510.0 / 101
        /// Identity 4 MB: 184/s where the empty loop made 658/s.
        static let ofLoopLarge = 184.0 / 658
    }

    // MARK: - HTTP

    @Sendable private static func http() throws -> [Figure] {
        let bare = try bareRuntime("mlp", 784, 10).runs
        let loop = try emptyLoop(columns: 768)
        let inside = try InferencePlane(isolation: "none")
        let insideMLP = try inside.load("mlp", columns: 784, clients: 8)
        inside.stop()
        let plane = try InferencePlane()
        defer { plane.stop() }
        let mlp = try plane.load("mlp", columns: 784, clients: 8)
        let identity = try plane.load("identity-3k", columns: 768, clients: 8)
        let triton = ("Triton, estimated", bare * Triton.ofBare)
        let tritonLoop = ("Triton, estimated", loop.rate * Triton.ofLoop)
        let tritonP99 = ("Triton, estimated", loop.p99 * Triton.ofLoopP99)
        let copied = plane.metric(#"mdc_inference_body_bytes_total{way="copied"}"#)
        return [
            Figure(
                "MLP 784-256-10, 8 clients, engine inside", insideMLP.rate, "1/s",
                goal: "at least 90 % of bare ONNX Runtime, batch 1", isMet: insideMLP.rate >= 0.9 * bare,
                peer: ("bare ONNX Runtime", bare)),
            Figure(
                "MLP 784-256-10, 8 clients, engine in its process", mlp.rate, "1/s",
                goal: "at least 80 % of bare ONNX Runtime, batch 1", isMet: mlp.rate >= 0.8 * bare,
                peer: ("bare ONNX Runtime", bare)),
            Figure(
                "the same beside Triton unbatched", mlp.rate, "1/s", goal: "at least 2x",
                isMet: mlp.rate >= 2 * triton.1, peer: triton),
            Figure("the same: p50", mlp.p50, "us", goal: "told", isMet: nil),
            Figure("the same: p99", mlp.p99, "us", goal: "told", isMet: nil),
            Figure(
                "identity 3 KB, 8 clients", identity.rate, "1/s", goal: "told: no server can pass this neighbour",
                isMet: nil, peer: ("a loop that does nothing", loop.rate)),
            Figure(
                "the same beside Triton", identity.rate, "1/s", goal: "at least 4x",
                isMet: identity.rate >= 4 * tritonLoop.1, peer: tritonLoop),
            Figure("the same: p50", identity.p50, "us", goal: "told", isMet: nil, peer: ("the loop", loop.p50)),
            Figure(
                "the same: p99", identity.p99, "us", goal: "at most a quarter of Triton's",
                isMet: identity.p99 <= tritonP99.1 / 4, peer: tritonP99),
            Figure("payload bytes copied after reception", copied, "bytes", goal: "none", isMet: copied == 0),
        ]
    }

    @Sendable private static func large() throws -> [Figure] {
        let bytes = 4 << 20
        let memcpy = try bareRuntime("identity-4m", bytes / 4, bytes / 4).copies
        let loop = try emptyLoop(columns: bytes / 4)
        let plane = try InferencePlane()
        defer { plane.stop() }
        let tcp = try plane.load("identity-4m", columns: bytes / 4, clients: 8)
        let triton = ("Triton, estimated", loop.rate * Triton.ofLoopLarge)
        let ring = try plane.ring("identity-4m")
        return [
            Figure(
                "identity 4 MB over TCP, 8 clients", tcp.rate, "1/s", goal: "at least 3x Triton",
                isMet: tcp.rate >= 3 * triton.1, peer: triton),
            Figure(
                "the same beside the loop", tcp.rate, "1/s", goal: "told", isMet: nil,
                peer: ("a loop that does nothing", loop.rate)),
            Figure("the same: p50", tcp.p50, "us", goal: "told", isMet: nil),
            Figure(
                "identity 4 MB over shared memory, one client", 1e6 / ring.p50, "1/s",
                goal: "at least 90 % of memcpy", isMet: 1e6 / ring.p50 >= 0.9 * memcpy, peer: ("memcpy", memcpy)),
        ]
    }

    @Sendable private static func ring() throws -> [Figure] {
        let plane = try InferencePlane()
        defer { plane.stop() }
        let small = try plane.ring("identity-3k")
        let name = "native ring, identity 3 KB, one client, engine in its process"
        return [
            Figure("\(name): p50", small.p50, "us", goal: "at most 10 us", isMet: small.p50 <= 10),
            Figure("\(name): p99", small.p99, "us", goal: "told", isMet: nil),
        ]
    }

    // MARK: - Allocations

    @Sendable private static func allocations() throws -> [Figure] {
        let counter = try compiled("count-mallocs", ["-shared", "-fPIC"])
        let plane = try InferencePlane(environment: ["LD_PRELOAD": counter])
        defer { plane.stop() }
        _ = try plane.load("echo", columns: 768, clients: 8)
        _ = try plane.load("identity-3k", columns: 768, clients: 8)
        // The folder is looked at every two seconds whatever is served: what that allocates is taken off.
        let before = plane.allocations
        pause(.seconds(8))
        let idle = Double(plane.allocations.server - before.server) / 8
        let ours = try counted(plane, "echo", requests: 1_000_000, idle)
        let runtime = try counted(plane, "identity-3k", requests: 100_000, idle)
        let name = "heap allocations per request"
        return [
            Figure("\(name), server", ours.server, "", goal: "0", isMet: ours.server < 0.001),
            Figure("\(name), lane", ours.lanes, "", goal: "0", isMet: ours.lanes < 0.001),
            Figure("\(name), server with ONNX Runtime", runtime.server, "", goal: "0", isMet: runtime.server < 0.001),
            Figure("\(name), lane with ONNX Runtime", runtime.lanes, "", goal: "told: its own, per run", isMet: nil),
        ]
    }

    private static func counted(_ plane: InferencePlane, _ model: String, requests: Double, _ idle: Double) throws
        -> (requests: Double, server: Double, lanes: Double)
    {
        let before = plane.allocations, start = SystemTime.monotonic
        var sum = 0.0
        while sum < requests { sum += try plane.load(model, columns: 768, clients: 8, seconds: 5).count }
        let after = plane.allocations, span = (SystemTime.monotonic - start).seconds
        let server = Double(after.server - before.server) - idle * span
        return (sum, max(0, server) / sum, Double(after.lanes - before.lanes) / sum)
    }

    // MARK: - Overload

    @Sendable private static func overload() throws -> [Figure] {
        let plane = try InferencePlane()
        defer { plane.stop() }
        let peak = try plane.storm("device", columns: 16, clients: 8, seconds: 5, timeout_us: 100_000).answered / 5
        let executed = plane.executions("device")
        let crowd = try plane.storm(
            "device", columns: 16, clients: 256, seconds: 5, rate: 10 * peak, timeout_us: 100_000)
        let goodput = crowd.answered / 5
        let ran = plane.executions("device") - executed
        return [
            Figure(
                "goodput at 10x overload", goodput, "1/s",
                goal: "at least 95 % of the peak", isMet: goodput >= 0.95 * peak, peer: ("8 patient clients", peak)),
            Figure("the same: offered", crowd.sent / 5, "1/s", goal: "told", isMet: nil),
            Figure(
                "the same: p99 of a refusal", crowd.refusalP99, "us", goal: "under 1 ms",
                isMet: crowd.refusalP99 < 1000),
            Figure("the same: p99 of an answer", crowd.p99, "us", goal: "told", isMet: nil),
            Figure(
                "the same: requests that ran and were not answered in time", ran - crowd.answered, "", goal: "none",
                isMet: ran == crowd.answered),
        ]
    }

    // MARK: - Neighbours

    /// A peer written in C, compiled for this run.
    static func compiled(_ name: String, _ flags: [String] = []) throws -> String {
        let product = NSTemporaryDirectory() + "mdc-bench-\(getpid())-\(name)"
        _ = try output(of: "cc", ["-O2", "-o", product, "Tests/BenchPeers/\(name).c"] + flags)
        return product
    }

    /// Runs per second with batch 1 and everything prepared, and copies per second of as many bytes.
    private static func bareRuntime(_ model: String, _ inputs: Int, _ outputs: Int) throws -> (
        runs: Double, copies: Double
    ) {
        let program = try compiled(
            "bare-onnxruntime",
            ["-ISources/COnnxRuntime/include", "Sources/COnnxRuntime/onnxruntime.c", "-ldl", "-lpthread"])
        let folder = try InferencePlane.models()
        let told = try output(
            of: "taskset",
            [
                "-c", "0", program, InferencePlane.library, "\(folder)/\(model)/model.onnx", "\(inputs)", "\(outputs)",
                "1",
            ])
        let numbers = told.split { " \n".contains($0) }.compactMap { Double($0) }
        guard numbers.count == 2 else { throw Benchmark.Skipped("bare-onnxruntime said: \(told)") }
        return (numbers[0], numbers[1])
    }

    private static func emptyLoop(columns: Int) throws -> InferencePlane.Load {
        let program = try compiled("http-bound")
        let port = InferencePlane.freePort()
        let length = try InferencePlane.requestBytes("x", columns: columns)
        let loop = try RunningProgram(
            "/usr/bin/taskset", ["-c", "0", program, "\(port)", "\(length)", "\(columns * 4)"])
        defer { loop.stop() }
        try loop.wait(for: "ready")
        return try InferencePlane.load(port, "x", columns: columns, clients: 8, seconds: 3)
    }
}
