internal import Platform
internal import Profiles
internal import Site

/// `infer models|send|bench`: is this lane right, and how fast.
enum InferCommands {
    static let all = [models, send, bench]

    private static let socketText = """
        Asks the inference plane on its Unix socket: the one in the site file, or --socket.
        """

    static let models = Command(
        "infer", "models", summary: "The models: state, lanes, what they did and how fast",
        discussion: socketText + " Exit code: 0 every model is ready, 1 one is not."
    ) { invocation in
        answer(invocation) { (client) throws(AgentClient.Fault) in
            let index = try client.postJSON("/v2/repository/index", Array("{}".utf8)).array ?? []
            let statistics = try client.getJSON("/v2/models/stats")["model_stats"]?.array ?? []
            let isHealthy = index.allSatisfy { $0["state"]?.string == "READY" }
            if invocation.wantsJSON {
                invocation.console.json { writer in
                    writer.beginObject()
                    writer.key("models")
                    writer.value(json: .array(index))
                    writer.key("statistics")
                    writer.value(json: .array(statistics))
                    writer.endObject()
                }
            } else {
                show(index, statistics, invocation.console)
            }
            return isHealthy ? .healthy : .finding
        }
    }

    private static func show(_ index: [JSON], _ statistics: [JSON], _ console: Console) {
        let rows: [[Console.Cell]] = index.map { model in
            let name = model["name"]?.string ?? "", state = model["state"]?.string ?? ""
            let known = statistics.first { $0["name"]?.string == name }
            let lanes = (known?["lanes"]?.array ?? []).map { lane in
                (lane["name"]?.string ?? "") + (lane["ready"]?.bool == true ? "" : " (down)")
            }
            let success = known?["inference_stats"]?["success"]
            let count = success?["count"]?.number ?? 0
            let mean = count > 0 ? (success?["ns"]?.number ?? 0) / count / 1e6 : 0
            let failed = known?["inference_stats"]?["fail"]?["count"]?.integer ?? 0
            return [
                .init(name, .strong), .init(model["version"]?.string ?? ""),
                .init(state.lowercased(), state == "READY" ? .good : .bad), .init(lanes.joined(separator: ", ")),
                .init("\(known?["inference_count"]?.integer ?? 0)"),
                .init("\(failed)", failed > 0 ? .attention : .plain),
                .init(count > 0 ? "\((mean * 1000).rounded() / 1000) ms" : "-"),
                .init(model["reason"]?.string ?? ""),
            ]
        }
        console.table(["model", "version", "state", "lanes", "inferences", "failed", "mean", "reason"], rows)
    }

    static let send = Command(
        "infer", "send", summary: "One request with a known input; the answer, and whether it is the expected one",
        discussion: socketText + """
             Every element of every input is --fill. With --expect the first output must begin with these
            numbers within --tolerance. Example: mdc-agent infer send mlp --fill 1 --expect 0.092009,0.088442
            Exit code: 0 answered (as expected), 2 another answer or a failure.
            """,
        arguments: [.init("MODEL", "the model's name")],
        options: [
            .init("--fill", value: "NUMBER", "Value of every input element (default 1)"),
            .init("--expect", value: "N,N,...", "How the first output must begin"),
            .init("--tolerance", value: "NUMBER", "Allowed difference (default 0.0001)"),
        ]
    ) { invocation in
        let fill: Double, tolerance: Double, wanted: [Double]?
        do throws(Invocation.UsageFault) {
            fill = try numbers("--fill", invocation)?.first ?? 1
            tolerance = try numbers("--tolerance", invocation)?.first ?? 0.0001
            wanted = try numbers("--expect", invocation)
        } catch {
            invocation.console.trouble(error.text)
            return .usage
        }
        return answer(invocation) { (client) throws(AgentClient.Fault) in
            let name = invocation.arguments[0]
            let inputs = try client.getJSON("/v2/models/" + percentEncoded(name))["inputs"]?.array ?? []
            let body = sample(inputs, fill)
            let began = SystemTime.monotonic
            let result = try client.postJSON("/v2/models/" + percentEncoded(name) + "/infer", body)
            let took = SystemTime.monotonic - began
            let got = (result["outputs"]?.array?.first?["data"]?.array ?? []).compactMap(\.number)
            let verdict = wanted.map { wanted in
                got.count >= wanted.count && zip(wanted, got).allSatisfy { ($0 - $1).magnitude <= tolerance }
            }
            if invocation.wantsJSON {
                invocation.console.json { writer in
                    writer.beginObject()
                    writer.field("model", name)
                    writer.field("milliseconds", took.seconds * 1000)
                    if let verdict { writer.field("expected", verdict) }
                    writer.key("answer")
                    writer.value(json: result)
                    writer.endObject()
                }
            } else {
                for output in result["outputs"]?.array ?? [] {
                    let shape = (output["shape"]?.array ?? []).compactMap(\.integer).map(String.init)
                    let shown = (output["data"]?.array ?? []).prefix(16).map(text)
                    let name = output["name"]?.string ?? ""
                    let values = shown.joined(separator: " ")
                    invocation.console.line("\(name) [\(shape.joined(separator: ", "))]  \(values)")
                }
                invocation.console.line("answered in \((took.seconds * 1e6).rounded() / 1000) ms")
                if let verdict {
                    invocation.console.line(
                        invocation.console.inked(verdict ? "as expected" : "NOT as expected", verdict ? .good : .bad))
                }
            }
            return verdict == false ? .fault : .healthy
        }
    }

    private static func text(_ json: JSON) -> String {
        if let number = json.number { return "\((number * 1e6).rounded() / 1e6)" }
        return json.string ?? json.bool.map { "\($0)" } ?? "null"
    }

    /// Finite numbers separated by commas, or a usage fault that names what is none.
    private static func numbers(_ option: String, _ invocation: Invocation) throws(Invocation.UsageFault) -> [Double]? {
        guard let text = invocation[option] else { return nil }
        var numbers: [Double] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = Double(word), number.isFinite else {
                throw Invocation.UsageFault(text: "\(option): found '\(word)', expected a number")
            }
            numbers.append(number)
        }
        return numbers
    }

    /// One row of every input as JSON; free dimensions are one.
    private static func sample(_ inputs: [JSON], _ fill: Double) -> [UInt8] {
        var writer = ByteWriter()
        writer.beginObject()
        writer.beginArray("inputs")
        for input in inputs {
            let shape = (input["shape"]?.array ?? []).map { max(1, $0.integer ?? 1) }
            let type = input["datatype"]?.string ?? ""
            writer.beginObject()
            writer.field("name", input["name"]?.string ?? "")
            writer.field("datatype", type)
            writer.beginArray("shape")
            for size in shape { writer.value(size) }
            writer.endArray()
            writer.beginArray("data")
            for _ in 0..<min(1 << 22, shape.reduce(1) { $0 &* $1 }) {
                switch type {
                case "BYTES": writer.value("\(fill)")
                case "BOOL": writer.value(fill != 0)
                case "FP32", "FP64": writer.value(fill)
                default: writer.value(Int(exactly: fill.rounded(.towardZero)) ?? 0)
                }
            }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    static let bench = Command(
        "infer", "bench", summary: "Requests per second and latency of one model, from this machine",
        discussion: socketText + " A closed loop: each client sends its next request when it has its answer.",
        arguments: [.init("MODEL", "the model's name")],
        options: [
            .init("--clients", value: "N", "Clients at once (default 8)"),
            .init("--seconds", value: "N", "How long (default 5)"),
            .init("--rows", value: "N", "Rows per request (default 1)"),
        ]
    ) { invocation in
        let clients: Int, seconds: Int, rows: Int
        do throws(Invocation.UsageFault) {
            clients = try invocation.integer("--clients", 1...256, default: 8)
            seconds = try invocation.integer("--seconds", 1...600, default: 5)
            rows = try invocation.integer("--rows", 1...1024, default: 1)
        } catch {
            invocation.console.trouble(error.text)
            return .usage
        }
        return answer(invocation) { (client) throws(AgentClient.Fault) in
            let name = invocation.arguments[0]
            let inputs = try client.getJSON("/v2/models/" + percentEncoded(name))["inputs"]?.array ?? []
            guard let request = binary(name, inputs, rows) else {
                throw .refused(status: 422, text: "'\(name)' takes BYTES, or has free dimensions behind the batch")
            }
            do throws(SystemError) {
                let load = try InferenceLoad(.unix(client.socketPath), clients: clients, request: request)
                let result = try load.run(for: .seconds(Int64(seconds)))
                report(result, name, clients, rows, invocation)
                return result.isClean ? .healthy : .finding
            } catch { throw .broken(error.description) }
        }
    }

    private static func binary(_ name: String, _ inputs: [JSON], _ rows: Int) -> [UInt8]? {
        let sizes = [
            "BOOL": 1, "UINT8": 1, "INT8": 1, "UINT16": 2, "INT16": 2, "FP16": 2, "BF16": 2, "UINT32": 4, "INT32": 4,
            "FP32": 4, "UINT64": 8, "INT64": 8, "FP64": 8,
        ]
        var writer = ByteWriter(), total = 0
        writer.beginObject()
        writer.beginArray("inputs")
        for input in inputs {
            var shape = (input["shape"]?.array ?? []).map { $0.integer ?? 0 }
            if shape.first == -1 { shape[0] = rows }
            guard let size = sizes[input["datatype"]?.string ?? ""], shape.allSatisfy({ $0 > 0 }) else { return nil }
            let bytes = shape.reduce(size) { $0 &* $1 }
            total += bytes
            writer.beginObject()
            writer.field("name", input["name"]?.string ?? "")
            writer.field("datatype", input["datatype"]?.string ?? "")
            writer.beginArray("shape")
            for size in shape { writer.value(size) }
            writer.endArray()
            writer.beginObject("parameters")
            writer.field("binary_data_size", bytes)
            writer.endObject()
            writer.endObject()
        }
        writer.endArray()
        writer.beginObject("parameters")
        writer.field("binary_data_output", true)
        writer.endObject()
        writer.endObject()
        guard total <= 64 << 20 else { return nil }
        return InferenceLoad.request(
            model: percentEncoded(name), json: writer.text, payload: [UInt8](repeating: 0, count: total))
    }

    private static func report(
        _ result: InferenceLoad.Result, _ name: String, _ clients: Int, _ rows: Int, _ invocation: Invocation
    ) {
        let refused = result.refusals.values.reduce(0, +)
        if invocation.wantsJSON {
            invocation.console.json { writer in
                writer.beginObject()
                writer.field("model", name)
                writer.field("clients", clients)
                writer.field("rows", rows)
                writer.field("requests", result.requests)
                writer.field("refused", refused)
                writer.field("requestsPerSecond", result.perSecond)
                writer.field("p50Microseconds", Double(result.p50.count) / 1000)
                writer.field("p99Microseconds", Double(result.p99.count) / 1000)
                writer.endObject()
            }
            return
        }
        let console = invocation.console
        console.line("\(Int(result.perSecond)) requests/s, \(Int(result.perSecond) * rows) rows/s, \(clients) clients")
        console.line("p50 \(result.p50.count / 1000) us, p99 \(result.p99.count / 1000) us")
        if refused > 0 {
            let codes = result.refusals.sorted { $0.key < $1.key }.map { "\($0.value) x \($0.key)" }
            console.line(console.inked("refused: " + codes.joined(separator: ", "), .attention))
        }
    }

    // MARK: - The plane's socket

    private static func answer(
        _ invocation: Invocation, _ body: (AgentClient) throws(AgentClient.Fault) -> ExitCode
    ) -> ExitCode {
        let client = AgentClient(socketPath: socketPath(invocation))
        do throws(AgentClient.Fault) { return try body(client) } catch {
            if case .notRunning(let socket) = error {
                invocation.console.trouble(
                    "no inference plane answers on \(socket)",
                    remedy: "start it: systemctl start mdc-inference (or mdc-agent serve)")
                return .agentNotRunning
            }
            return invocation.failed(error)
        }
    }

    private static func socketPath(_ invocation: Invocation) -> String {
        if let told = invocation["--socket"] { return told }
        do throws(SiteFile.Refused) {
            return try SiteFile.load(
                invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder
            ).inference.socketPath
        } catch {
            // The plane may well run on the site file that was: asked where it usually listens, and said so.
            let usual = InferencePlan().socketPath
            invocation.console.trouble(
                error.faults.first.map { "the site file cannot be used: \($0.description)" } ?? "no site file",
                remedy: "asking the usual socket \(usual); --socket names another")
            return usual
        }
    }
}
