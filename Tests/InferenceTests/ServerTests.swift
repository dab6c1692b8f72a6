import CLinux
import CMdcInfer
import Foundation
import HTTP
import Platform
import Profiles
import Site
import Synchronization
import Testing

@testable import Inference

/// A server on a free port over models of the built-in engines, with lanes in processes of their own.
@safe final class Plane {
    let folder: URL
    let server: InferenceServer
    let page: PosturePage
    private let memory: UnsafeMutableRawPointer

    init(
        _ models: [String: String], isolation: LaneIsolation = .process,
        change: (inout InferencePlan) -> Void = { _ in }
    ) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-\(UUID().uuidString)")
        for (name, text) in models {
            let place = folder.appendingPathComponent("models/\(name)")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try text.write(to: place.appendingPathComponent("model.yaml"), atomically: true, encoding: .utf8)
        }
        unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: PosturePage.byteCount, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: PosturePage.byteCount)
        unsafe page = PosturePage(at: memory)
        var plan = InferencePlan()
        plan.modelsFolder = folder.appendingPathComponent("models").path
        plan.listen = ["127.0.0.1:0"]
        plan.socketPath = ""
        plan.ringPath = folder.appendingPathComponent("ring.sock").path
        plan.isolation = isolation
        plan.pool.classes = [.init(slotBytes: 16 << 10, count: 64), .init(slotBytes: 1 << 20, count: 8)]
        plan.postureStaleAfter = .seconds(3600)
        change(&plan)
        var surroundings = InferenceServer.Surroundings()
        surroundings.executable = Plane.laneProgram
        let ready = DispatchSemaphore(value: 0)
        surroundings.onReady = { ready.signal() }
        publish(.normal, page)
        server = try InferenceServer(
            plan: plan, posture: page, time: SystemTime(),
            readPlan: { path in
                do { return .success(try ModelFile.load(path)) } catch {
                    return .failure(
                        ModelPlanFault("\((error as? ModelFile.Refused)?.faults.first.map(\.description) ?? "")"))
                }
            }, surroundings: surroundings)
        try server.start()
        #expect(ready.wait(timeout: .now() + 60) == .success)
    }

    deinit {
        server.stop()
        unsafe memory.deallocate()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Beside the test bundle.
    private static var laneProgram: String {
        let bundle = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        let beside = (bundle ?? Bundle.main.bundleURL).deletingLastPathComponent()
        let usual = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for folder in [beside, usual, Bundle.main.bundleURL] {
            let path = folder.appendingPathComponent("mdc-lane").path
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".build/debug/mdc-lane").path
    }

    var ring: String { folder.appendingPathComponent("ring.sock").path }

    /// Status and body of one request on a connection of its own.
    func ask(_ method: String, _ path: String, _ body: String = "") throws -> (status: Int, text: String) {
        let socket = FileDescriptor(
            owning: try checked(unsafe cl_connect_tcp("127.0.0.1", server.ports[0], 5000), "connect"))
        let text =
            "\(method) \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        unsafe try Array(text.utf8).withUnsafeBytes { try unsafe socket.writeAll($0) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_recv(socket.raw, $0.baseAddress, $0.count, 0) }
            if got <= 0 { break }
            bytes += chunk[..<got]
        }
        let answer = String(decoding: bytes, as: UTF8.self)
        return (Int(answer.dropFirst(9).prefix(3)) ?? 0, answer)
    }

    func echo(_ numbers: [Int]) throws -> (status: Int, text: String) {
        try ask(
            "POST", "/v2/models/echo/infer",
            "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,\(numbers.count)],\"datatype\":\"INT32\",\"data\":\(numbers)}]}")
    }
}

func publish(
    _ state: PostureState, _ page: PosturePage, reason: String = "for the test", drained: [String] = []
) {
    page.publish(
        Posture(state: state, reason: reason, since: WallTime(milliseconds: 0), drainedAccelerators: drained),
        at: SystemTime.monotonic)
}

private let echoModel = """
    engine: identity
    max_batch_size: 4
    inputs: [{name: x, datatype: INT32, shape: [-1, 3]}]
    outputs: [{name: y, datatype: INT32, shape: [-1, 3]}]
    """

@Suite(.serialized) struct ServerTests {
    @Test(arguments: LaneIsolation.allCases) func `an answer is what was asked, from a process and from a thread`(
        _ isolation: LaneIsolation
    ) throws {
        let plane = try Plane(["echo": echoModel], isolation: isolation)
        let answer = try plane.echo([1, -2, 2_147_483_647])
        #expect(answer.status == 200 && answer.text.contains("\"data\":[1,-2,2147483647]"))
    }

    @Test func `every posture that forbids work is a 503 that says why and when to come back`() throws {
        let plane = try Plane(["echo": echoModel])
        for state in [PostureState.drain, .stop, .seal] {
            publish(state, plane.page, reason: "coolant leak at rack 1")
            let answer = try plane.echo([1, 2, 3])
            #expect(answer.status == 503 && answer.text.contains("coolant leak at rack 1"))
            #expect(answer.text.contains("Retry-After: "))
            #expect(try plane.ask("GET", "/v2/health/ready").status == 400)
            #expect(try plane.ask("GET", "/v2/health/live").status == 200)
        }
        publish(.normal, plane.page)
        #expect(try plane.echo([1, 2, 3]).status == 200)
        #expect(try plane.ask("GET", "/v2/health/ready").status == 200)
    }

    @Test func `a posture page that nobody refreshes reads as the safe posture`() throws {
        let plane = try Plane(["echo": echoModel]) { $0.postureStaleAfter = .milliseconds(1) }
        let answer = try plane.echo([1, 2, 3])
        #expect(answer.status == 503 && answer.text.contains("silent"))
    }

    @Test func `a model without a lane or with a broken file is told, and the others are served`() throws {
        let plane = try Plane([
            "echo": echoModel, "lost": echoModel + "\nlanes: [nowhere]", "wrong": "engine: nonsense",
        ])
        #expect(try plane.echo([1, 2, 3]).status == 200)
        #expect(try plane.ask("POST", "/v2/models/lost/infer", "{}").status == 503)
        let index = try plane.ask("POST", "/v2/repository/index", "{}").text
        #expect(index.contains("nonsense") && index.contains("model.yaml:1:9"))
    }

    @Test func `a native client gets its rows back where it wrote them`() throws {
        let plane = try Plane(["echo": echoModel])
        var client: OpaquePointer?
        var why = [CChar](repeating: 0, count: Int(MDC_INFER_WHY))
        let failed = unsafe mdc_infer_open(plane.ring, "echo", 4, 2, &client, &why)
        try #require(failed == 0)
        defer { unsafe mdc_infer_close(client) }
        #expect(unsafe mdc_infer_row_bytes(client, 0) == 12)
        for round in 0..<200 {
            let slot = UInt32(round % 4)
            let input = unsafe try #require(
                unsafe mdc_infer_input(client, slot, 0)?.assumingMemoryBound(to: Int32.self))
            for i in 0..<6 { unsafe input[i] = Int32(round * 10 + i) }
            #expect(unsafe mdc_infer_submit(client, slot, 2, UInt64(round)) == 0)
            var result = mdc_infer_result()
            try #require(unsafe mdc_infer_reap(client, &result, 100, 10_000) == 0)
            #expect(result.status == 0 && result.number == UInt64(round) && result.slot == slot)
            let output = unsafe try #require(
                unsafe mdc_infer_output(client, slot, 0)?.assumingMemoryBound(to: Int32.self))
            for i in 0..<6 { #expect(unsafe output[i] == Int32(round * 10 + i)) }
        }
        #expect(unsafe mdc_infer_submit(client, 9, 1, 0) == -EINVAL)
    }

    @Test func `a drained accelerator stops its own lane only`() throws {
        let plane = try Plane([
            "echo": echoModel + "\nlanes: [one]", "other": echoModel + "\nlanes: [two]",
        ]) { plan in
            plan.lanes = [LanePlan(name: "one", accelerator: "npu1"), LanePlan(name: "two", accelerator: "npu2")]
        }
        publish(.normal, plane.page, drained: ["npu2"])
        usleep(300_000)
        #expect(try plane.echo([1, 2, 3]).status == 200)
        let body = "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"INT32\",\"data\":[1,2,3]}]}"
        // Refused at once, with the reason: who asks would wait for a repair.
        let refused = try plane.ask("POST", "/v2/models/other/infer", body)
        #expect(refused.status == 503 && refused.text.contains("npu2") && refused.text.contains("Retry-After"))
        publish(.normal, plane.page)
        var status = 0
        for _ in 0..<500 where status != 200 {
            usleep(20_000)
            status = try plane.ask("POST", "/v2/models/other/infer", body).status
        }
        #expect(status == 200)
    }
}
