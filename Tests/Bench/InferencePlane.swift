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

    static func load(_ port: Int, _ model: String, columns: Int, clients: Int, seconds: Int) throws -> Load {
        let report = try output(
            of: "env",
            [
                "MODEL=\(model)", "COLUMNS_OF_MODEL=\(columns)", "taskset", "-c", "1", "wrk", "-t1", "-c\(clients)",
                "-d\(seconds)s", "--latency", "-s", "Tests/BenchPeers/infer.lua", "http://127.0.0.1:\(port)",
            ])
        var load = Load(count: 0, rate: 0, p50: 0, p99: 0)
        for line in report.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.contains("requests in") { load.count = Double(words[0]) ?? 0 }
            if line.contains("Requests/sec") { load.rate = Double(words[1]) ?? 0 }
            if words.first == "50%" { load.p50 = microseconds(words[1]) }
            if words.first == "99%" { load.p99 = microseconds(words[1]) }
            // A refusal is no answer: it neither counts nor hides.
            if line.contains("Non-2xx") || line.contains("Socket errors") {
                throw Benchmark.Skipped("\(model): \(line.trimmingCharacters(in: .whitespaces))")
            }
        }
        guard load.count > 0 else { throw Benchmark.Skipped("wrk said: \(report)") }
        return load
    }

    private static func microseconds(_ text: Substring) -> Double {
        let number = Double(text.prefix { $0.isNumber || $0 == "." }) ?? 0
        if text.hasSuffix("us") { return number }
        return text.hasSuffix("ms") ? number * 1000 : number * 1e6
    }

    /// What wrk sends with infer.lua: its own fields, the JSON, the tensor.
    static func requestBytes(port: Int, columns: Int) throws -> Int {
        let json =
            #"{"inputs":[{"name":"x","shape":[1,\#(columns)],"datatype":"FP32","parameters":{"binary_data_size":"#
            + #"\#(columns * 4)}}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}"#
        let body = json.utf8.count + columns * 4
        let head =
            "POST /v2/models/x/infer HTTP/1.1\r\nInference-Header-Content-Length: \(json.utf8.count)\r\n"
            + "Host: 127.0.0.1:\(port)\r\nContent-Length: \(body)\r\n\r\n"
        return head.utf8.count + body
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
