internal import HTTP
internal import Platform
internal import Site

/// Every call of the protocol but infer: small documents about the server, its models and its memory.
struct HTTPRoutes {
    private let house: InferenceHouse
    init(_ house: InferenceHouse) { self.house = house }

    func handle(_ exchange: Exchange, _ body: UnsafeRawBufferPointer) {
        let responder = exchange.responder
        let words = exchange.path.string.split(separator: "/", omittingEmptySubsequences: true).map {
            decode(String($0))
        }
        do throws(RequestFault) {
            try unsafe route(words, exchange, [UInt8](body), responder)
        } catch { sendFault(responder, error) }
    }

    private func decode(_ word: String) -> String {
        let bytes = Array(word.utf8)
        return unsafe bytes.withUnsafeBytes { unsafe percentDecoded(HeadText($0)) }
    }

    private func route(_ words: [String], _ exchange: Exchange, _ body: [UInt8], _ responder: Responder)
        throws(RequestFault)
    {
        if words == ["metrics"] {
            try only(exchange, .get)
            guard exchange.field("accept")?.string.holds("application/openmetrics-text") == true else {
                return send(responder, MetricsText.render(house), "text/plain; version=0.0.4; charset=utf-8")
            }
            return send(
                responder, MetricsText.openMetrics(house),
                "application/openmetrics-text; version=1.0.0; charset=utf-8")
        }
        if words == ["lanes"] {
            try only(exchange, .get)
            return send(responder, Documents.lanes(house.status.value))
        }
        guard words.first == "v2" else { throw RequestFault(404, "Not Found") }
        let rest = Array(words.dropFirst())
        switch rest.first {
        case nil:
            try only(exchange, .get)
            send(responder, Documents.server)
        case "health": try health(rest, exchange, responder)
        case "models": try models(Array(rest.dropFirst()), exchange, body, responder)
        case "repository": try repository(Array(rest.dropFirst()), exchange, body, responder)
        case "systemsharedmemory": try sharedMemory(Array(rest.dropFirst()), exchange, body, responder)
        case "cudasharedmemory": try cudaMemory(Array(rest.dropFirst()), exchange, responder)
        case "logging":
            let settings = try Settings.logging(exchange.method == .post ? body : nil)
            send(responder, settings)
        case "trace": try trace(Array(rest.dropFirst()), exchange, body, responder)
        default: throw RequestFault(404, "Not Found")
        }
    }

    private func only(_ exchange: Exchange, _ method: Method) throws(RequestFault) {
        if exchange.method == method || method == .get && exchange.method == .head { return }
        throw RequestFault(405, "Method Not Allowed")
    }

    private func send(_ responder: Responder, _ text: [UInt8], _ type: StaticString = "application/json") {
        responder.answer(200) { response in
            response.field("Content-Type", type)
            unsafe text.withUnsafeBytes { unsafe response.copy($0) }
        }
    }

    // MARK: - Health

    private func health(_ words: [String], _ exchange: Exchange, _ responder: Responder) throws(RequestFault) {
        try only(exchange, .get)
        switch words.dropFirst().first {
        case "live": answer(responder, "live", true)
        case "ready": answer(responder, "ready", house.isReady)
        default: throw RequestFault(404, "Not Found")
        }
    }

    private func answer(_ responder: Responder, _ word: StaticString, _ flag: Bool, name: String? = nil) {
        var writer = ByteWriter(capacity: 64)
        writer.beginObject()
        writer.field("name", name)
        writer.field(word, flag)
        writer.endObject()
        responder.answer(flag ? 200 : 400) { response in
            response.type("application/json")
            if !flag, let refusal = house.postureRefusal(), let seconds = refusal.retryAfter {
                response.field("Retry-After", seconds)
            }
            unsafe writer.bytes.withUnsafeBytes { unsafe response.copy($0) }
        }
    }

    // MARK: - Models

    private func models(_ words: [String], _ exchange: Exchange, _ body: [UInt8], _ responder: Responder)
        throws(RequestFault)
    {
        if words == ["stats"] {
            try only(exchange, .get)
            return send(responder, Documents.statistics(house.allModels))
        }
        guard let name = words.first else { throw RequestFault(404, "Not Found") }
        var version: String?
        var call = Array(words.dropFirst())
        if call.first == "versions", call.count >= 2 {
            version = call[1]
            call.removeFirst(2)
        }
        if call.first == "trace" { return try trace(Array(call.dropFirst()), exchange, body, responder) }
        if call == ["infer"] { throw RequestFault(405, "Method Not Allowed") }
        try only(exchange, .get)
        guard let model = house.model(named: name, version: version) else {
            throw RequestFault(
                call == ["ready"] ? 400 : 404,
                "Request for unknown model: '\(cleaned(name))' \(version.map { "version \(cleaned($0)) " } ?? "")is not found"
            )
        }
        switch call {
        case ["ready"]: answer(responder, "ready", model.state == .ready, name: model.name)
        case []: send(responder, Documents.metadata(model, try described(model)))
        case ["config"]: send(responder, Documents.configuration(model, try described(model)))
        case ["stats"]: send(responder, Documents.statistics([model]))
        default: throw RequestFault(404, "Not Found")
        }
    }

    private func described(_ model: ServedModel) throws(RequestFault) -> ModelDescription {
        if let description = model.description { return description }
        throw RequestFault(503, "model '\(model.name)' is not loaded yet", retryAfter: 2)
    }

    // MARK: - Repository

    private func repository(_ words: [String], _ exchange: Exchange, _ body: [UInt8], _ responder: Responder)
        throws(RequestFault)
    {
        // "/repository/{name}/index" names a repository; there is one.
        if words == ["index"] || words.count == 2 && words[1] == "index" {
            try only(exchange, .post)
            let onlyReady = try parsed(body)?["ready"]?.bool ?? false
            return send(responder, Documents.index(house, onlyReady: onlyReady))
        }
        guard words.count >= 3, words[words.count - 3] == "models" else { throw RequestFault(404, "Not Found") }
        try only(exchange, .post)
        let name = words[words.count - 2]
        let parameters = try parsed(body)?["parameters"]
        switch words[words.count - 1] {
        case "load":
            if let parameters,
                parameters["config"] != nil
                    || parameters.object?.contains(where: { $0.key.hasPrefix("file:") }) == true
            {
                throw RequestFault(
                    501, "models are configured by the files of the models folder, not by their clients")
            }
            try house.load(named: name)
            house.awaitLoad(of: name, responder)
        case "unload":
            try house.unload(named: name)
            send(responder, [])
        default: throw RequestFault(404, "Not Found")
        }
    }

    private func parsed(_ body: [UInt8]) throws(RequestFault) -> JSON? {
        if body.isEmpty { return nil }
        do throws(JSON.Fault) { return try JSON.parse(body, depthMax: 16) } catch {
            throw .invalid("failed to parse the request: \(error)")
        }
    }

    // MARK: - Shared memory

    private func sharedMemory(_ words: [String], _ exchange: Exchange, _ body: [UInt8], _ responder: Responder)
        throws(RequestFault)
    {
        let region = words.first == "region" && words.count == 3 ? words[1] : nil
        switch (region, words.last) {
        case (let region, "status") where region != nil || words.count == 1:
            try only(exchange, .get)
            if let region, !house.regions.regions.contains(where: { $0.name == region }) {
                throw .invalid("Unable to find system shared memory region: '\(cleaned(region))'")
            }
            send(responder, Documents.regions(house.regions.regions.filter { region == nil || $0.name == region }))
        case (let region?, "register"):
            try only(exchange, .post)
            guard let json = try parsed(body), let key = json["key"]?.string, let size = json["byte_size"]?.integer
            else { throw .invalid("a region needs 'key' and 'byte_size'") }
            guard let offset = json["offset"].map({ $0.integer }) ?? 0 else { throw .invalid("malformed 'offset'") }
            guard region.utf8.count <= 128, cleaned(region) == region else { throw .invalid("unusable region name") }
            try house.regions.register(region, key: key, offset: offset, byteCount: size)
            send(responder, [])
        case (let region, "unregister") where region != nil || words.count == 1:
            try only(exchange, .post)
            if let region { house.regions.unregister(region) } else { house.regions.unregisterAll() }
            send(responder, [])
        default: throw RequestFault(404, "Not Found")
        }
    }

    private func cudaMemory(_ words: [String], _ exchange: Exchange, _ responder: Responder) throws(RequestFault) {
        switch words.last {
        case "status": send(responder, Array("[]".utf8))
        case "unregister": send(responder, [])
        case "register": throw RequestFault(501, "CUDA shared memory is not served here")
        default: throw RequestFault(404, "Not Found")
        }
    }

    private func trace(_ words: [String], _ exchange: Exchange, _ body: [UInt8], _ responder: Responder)
        throws(RequestFault)
    {
        guard words == ["setting"] else { throw RequestFault(404, "Not Found") }
        send(responder, try Settings.trace(exchange.method == .post ? body : nil))
    }

    private func cleaned(_ text: String) -> String {
        String(text.prefix(80).map { $0.isASCII && $0 >= " " && $0 != "\"" && $0 != "\\" ? $0 : "?" })
    }
}

/// Triton's trace and log settings: read by its clients at start. Nothing is traced here and logs go
/// to the journal, so the settings say so, and a change of them is refused rather than pretended.
enum Settings {
    static func trace(_ change: [UInt8]?) throws(RequestFault) -> [UInt8] {
        try refuse(change, "tracing is not offered here")
        return Array(
            #"{"trace_level":["OFF"],"trace_rate":"1000","trace_count":"-1","log_frequency":"0","trace_file":"","trace_mode":"triton"}"#
                .utf8)
    }

    static func logging(_ change: [UInt8]?) throws(RequestFault) -> [UInt8] {
        try refuse(change, "log levels are set in the journal's configuration")
        return Array(
            #"{"log_file":"","log_info":true,"log_warning":true,"log_error":true,"log_verbose_level":0,"log_format":"default"}"#
                .utf8)
    }

    /// A request that changes nothing (`{}`) is a question.
    private static func refuse(_ change: [UInt8]?, _ why: String) throws(RequestFault) {
        guard let change, !change.isEmpty else { return }
        let json: JSON
        do throws(JSON.Fault) { json = try JSON.parse(change, depthMax: 8) } catch {
            throw .invalid("failed to parse the request: \(error)")
        }
        // Null resets to the default, which is what holds already.
        if (json.object ?? []).contains(where: { $0.value != .null }) { throw RequestFault(501, why) }
    }
}
