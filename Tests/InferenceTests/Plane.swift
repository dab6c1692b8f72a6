import CLinux
import Foundation
import HTTP
import Platform
import Profiles
import Site
import Synchronization
import Testing

@testable import Inference

/// A server on a free port over models of the built-in engines, with lanes in processes of their own.
@safe final class Plane: @unchecked Sendable {
    let folder: URL
    let server: InferenceServer
    let page: PosturePage
    private let memory: UnsafeMutableRawPointer

    init(
        _ models: [String: String], isolation: LaneIsolation = .process,
        waitsForReady: Bool = true, pool: Int32? = nil, change: (inout InferencePlan) -> Void = { _ in }
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
        surroundings.pool = pool
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
        if waitsForReady { #expect(ready.wait(timeout: .now() + 60) == .success) }
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

    func connect() throws -> FileDescriptor {
        let raw = try checked(unsafe cl_connect_tcp("127.0.0.1", server.ports[0], 5000), "connect")
        _ = cl_set_socket_timeout(raw, 60_000)
        return FileDescriptor(owning: raw)
    }

    /// Status and body of one request on a connection of its own.
    func ask(_ method: String, _ path: String, _ body: String = "") throws -> (status: Int, text: String) {
        let socket = try connect()
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

    /// One request on a connection that stays; status and body.
    func exchange(_ socket: borrowing FileDescriptor, _ request: [UInt8]) throws -> (status: Int, body: [UInt8]) {
        unsafe try request.withUnsafeBytes { try unsafe socket.writeAll($0) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let mark = Array("\r\n\r\n".utf8)
        while true {
            if let headEnd = bytes.firstRange(of: mark)?.upperBound {
                let head = String(decoding: bytes[..<headEnd], as: UTF8.self).lowercased()
                let length = head.components(separatedBy: "content-length: ").last.flatMap {
                    Int($0.prefix { $0.isNumber })
                }
                if let length, bytes.count >= headEnd + length {
                    return (Int(head.dropFirst(9).prefix(3)) ?? 0, Array(bytes[headEnd...]))
                }
            }
            let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_recv(socket.raw, $0.baseAddress, $0.count, 0) }
            if got <= 0 { return (0, bytes) }
            bytes += chunk[..<got]
        }
    }

    /// A request of binary tensors for `echo`, as tritonclient writes it.
    static func binary(_ numbers: [Int32], model: String = "echo", id: String = "") -> [UInt8] {
        let payload = numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> Int32($0 * 8)) } }
        let json =
            #"{"id":"\#(id)","inputs":[{"name":"x","shape":[\#(numbers.count / 3),3],"datatype":"INT32","#
            + #""parameters":{"binary_data_size":\#(payload.count)}}],"parameters":{"binary_data_output":true}}"#
        let head =
            "POST /v2/models/\(model)/infer HTTP/1.1\r\nHost: x\r\nContent-Length: \(json.utf8.count + payload.count)\r\n"
            + "Inference-Header-Content-Length: \(json.utf8.count)\r\n\r\n"
        return Array(head.utf8) + Array(json.utf8) + payload
    }

    func echo(_ numbers: [Int]) throws -> (status: Int, text: String) {
        try ask(
            "POST", "/v2/models/echo/infer",
            "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,\(numbers.count)],\"datatype\":\"INT32\",\"data\":\(numbers)}]}")
    }
}

func publish(
    _ state: PostureState, _ page: PosturePage, reason: String = "for the test", drained: [String] = [],
    watts: Double? = nil
) {
    page.publish(
        Posture(
            state: state, reason: reason, since: WallTime(milliseconds: 0), watts: watts, drainedAccelerators: drained),
        at: SystemTime.monotonic)
}

let echoModel = """
    engine: identity
    max_batch_size: 4
    inputs: [{name: x, datatype: INT32, shape: [-1, 3]}]
    outputs: [{name: y, datatype: INT32, shape: [-1, 3]}]
    """

/// Three numbers pass through after 200 ms; one at a time.
let slowModel = """
    engine: delay
    delay: 200ms
    max_batch_size: 1
    warm_up_runs: 0
    inputs: [{name: x, datatype: INT32, shape: [-1, 3]}]
    outputs: [{name: y, datatype: INT32, shape: [-1, 3]}]
    """

/// The first true result; generous, because the machine may be busy.
func eventually(_ what: String, _ check: () throws -> Bool) throws {
    let deadline = SystemTime.monotonic + .seconds(30)
    while try !check() {
        try #require(SystemTime.monotonic < deadline, "\(what) did not come true")
        usleep(10_000)
    }
}

/// splitmix64: the same seed gives the same numbers on every machine.
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
