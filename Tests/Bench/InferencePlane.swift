import CLinux
import Foundation
import Platform

/// `mdc-agent serve` on processor 0 with the models of Hardware/models and one that stands for a slow
/// device, and what asks it.
final class InferencePlane {
    let port: Int
    private let folder: String
    private let program: RunningProgram

    struct Load {
        var count: Double
        var rate: Double
        var p50: Double
        var p99: Double
    }

    static var library: String {
        ProcessInfo.processInfo.environment["MDC_ONNXRUNTIME"]
            ?? FileManager.default.currentDirectoryPath + "/.deps/onnxruntime/libonnxruntime.so"
    }

    /// The models' folder, made once for a run of the bench.
    static func models() throws -> String {
        let folder = NSTemporaryDirectory() + "mdc-bench-\(getpid())-models"
        if FileManager.default.fileExists(atPath: folder) { return folder }
        guard FileManager.default.fileExists(atPath: library) else {
            throw Benchmark.Skipped("no ONNX Runtime at \(library) (make deps)")
        }
        _ = try output(of: "python3", ["Hardware/models/make", folder])
        let device = """
            engine: delay
            delay: 2ms
            max_batch_size: 1
            queue_size: 32
            inputs: [{name: x, datatype: FP32, shape: [-1, 16]}]
            outputs: [{name: y, datatype: FP32, shape: [-1, 16]}]
            """
        try FileManager.default.createDirectory(atPath: folder + "/device", withIntermediateDirectories: true)
        try device.write(toFile: folder + "/device/model.yaml", atomically: true, encoding: .utf8)
        return folder
    }

    static func freePort() -> Int {
        let socket = unsafe cl_listen_tcp("127.0.0.1", 0, 1)
        defer { close(socket) }
        return Int(cl_local_port(socket))
    }

    init(isolation: String = "process", environment: [String: String] = [:]) throws {
        port = InferencePlane.freePort()
        folder = NSTemporaryDirectory() + "mdc-bench-\(getpid())-\(port)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // Eight clients of 4 MB: a body and its answer lie in one slot of 8 MiB, twice as many are under way.
        let site = """
            site: bench
            inference:
              listen: ["127.0.0.1:\(port)"]
              socket: \(folder)/inference.sock
              ring: \(folder)/ring.sock
              models: \(try InferencePlane.models())
              library: \(InferencePlane.library)
              isolation: \(isolation)
              safe-posture: normal
              pool:
                classes: [{slot: 16k, count: 512}, {slot: 256k, count: 64}, {slot: 9M, count: 20}]
            """
        try site.write(toFile: folder + "/site.yaml", atomically: true, encoding: .utf8)
        var environment = environment
        environment["MDC_MALLOC_COUNT"] = folder + "/mallocs"
        program = try RunningProgram(
            "/usr/bin/taskset",
            [
                "-c", "0", ".build/release/mdc-agent", "serve", "--site", folder + "/site.yaml", "--hardware",
                "Hardware", "--run-dir", folder,
            ], environment: environment)
        try program.wait(for: "ready")
    }

    func stop() {
        program.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: - Load

    func load(_ model: String, columns: Int, clients: Int, seconds: Int = 4) throws -> Load {
        try InferencePlane.load(port, model, columns: columns, clients: clients, seconds: seconds)
    }

    func storm(
        _ model: String, columns: Int, clients: Int, seconds: Int, rate: Double = 0, timeout_us: Int = 0
    ) throws -> Storm {
        try InferencePlane.storm(
            port, model, columns: columns, clients: clients, seconds: seconds, rate: rate, timeout_us: timeout_us)
    }

    static func load(_ port: Int, _ model: String, columns: Int, clients: Int, seconds: Int) throws -> Load {
        let told = try storm(port, model, columns: columns, clients: clients, seconds: seconds)
        // A refusal is no answer: it neither counts nor hides.
        guard told.refused == 0, told.others == 0, told.answered > 0 else {
            throw Benchmark.Skipped("\(model): \(told.refused) refusals, \(told.others) faults")
        }
        return Load(count: told.answered, rate: told.answered / Double(seconds), p50: told.p50, p99: told.p99)
    }

    /// What infer-load tells of clients that each wait for their answer (`rate` 0), or of a crowd that sends
    /// `rate` requests a second whatever becomes of them.
    struct Storm {
        var sent: Double, answered: Double, refused: Double, others: Double
        var refusalP99: Double, p50: Double, p99: Double
    }

    static func storm(
        _ port: Int, _ model: String, columns: Int, clients: Int, seconds: Int, rate: Double = 0, timeout_us: Int = 0
    ) throws -> Storm {
        let told = try output(
            of: "taskset",
            [
                "-c", "1", try loadProgram(), "\(port)", model, "\(columns)", "\(clients)", "\(seconds)", "\(rate)",
                "\(timeout_us)",
            ])
        let n = told.split { " \n".contains($0) }.compactMap { Double($0) }
        guard n.count == 8 else { throw Benchmark.Skipped("infer-load said: \(told)") }
        return Storm(
            sent: n[0], answered: n[1], refused: n[2], others: n[3], refusalP99: n[5], p50: n[6], p99: n[7])
    }

    private static func loadProgram() throws -> String {
        let program = NSTemporaryDirectory() + "mdc-bench-\(getpid())-infer-load"
        return FileManager.default.fileExists(atPath: program) ? program : try InferenceBench.compiled("infer-load")
    }

    /// How long such a request is, head and body.
    static func requestBytes(_ model: String, columns: Int) throws -> Int {
        let told = try output(of: try loadProgram(), ["length", model, "\(columns)"])
        guard let bytes = Int(told.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw Benchmark.Skipped("infer-load said: \(told)")
        }
        return bytes
    }

    func ring(_ model: String) throws -> (p50: Double, p99: Double) {
        let client = try InferenceBench.compiled(
            "ring-client", ["-ISources/CMdcInfer/include", "Sources/CMdcInfer/mdc_infer.c"])
        let told = try output(of: "taskset", ["-c", "1", client, folder + "/ring.sock", model])
        let numbers = told.split { " \n".contains($0) }.compactMap { Double($0) }
        guard numbers.count == 2 else { throw Benchmark.Skipped("ring-client said: \(told)") }
        return (numbers[0], numbers[1])
    }

    // MARK: - What it says of itself

    private func page(_ path: String) -> String {
        (try? output(of: "curl", ["-s", "http://127.0.0.1:\(port)\(path)"])) ?? ""
    }

    func metric(_ name: String) -> Double {
        let line = page("/metrics").split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Double($0.split(separator: " ").last ?? "") } ?? .nan
    }

    func executions(_ model: String) -> Double {
        metric("nv_inference_exec_count{model=\"\(model)\",version=\"1\"}")
    }

    /// Heap allocations so far, where the counter is loaded.
    var allocations: (server: UInt64, lanes: UInt64) {
        var server: UInt64 = 0, lanes: UInt64 = 0
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasPrefix("mallocs.") {
            let data = FileManager.default.contents(atPath: folder + "/" + name) ?? Data()
            let count = data.prefix(8).enumerated().reduce(UInt64(0)) {
                $0 | UInt64($1.element) << UInt64($1.offset * 8)
            }
            if name == "mallocs.\(program.pid)" { server += count } else { lanes += count }
        }
        return (server, lanes)
    }
}
