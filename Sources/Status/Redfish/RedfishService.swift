internal import HTTP
internal import Platform
internal import Site

/// Redfish (DSP0266) over TLS: a view of the snapshot, and sessions. What it does not offer it does not
/// advertise.
struct RedfishService: Sendable {
    let gate: AccessGate
    let layout: SiteLayout
    let events: (any EventSource)?
    let uuid: String

    func handle(_ exchange: Exchange, _ body: UnsafeRawBufferPointer, _ snapshot: SiteSnapshot?) {
        var path = exchange.path.string
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        if path == "/redfish" { return document(exchange, "{\"v1\":\"/redfish/v1/\"}") }
        if path == "/redfish/v1/odata" { return document(exchange, RedfishService.odata) }
        if path == "/redfish/v1/$metadata" { return metadata(exchange) }
        guard gate.admits(exchange.peer) else { return say(.busy, exchange) }
        guard path.hasPrefix("/redfish/v1") else { return say(.missing(path), exchange) }
        let parts = path.dropFirst("/redfish/v1".count).split(separator: "/").map(String.init)
        let isLogin = exchange.method == .post && parts == ["SessionService", "Sessions"]
        if isLogin { return unsafe logIn(exchange, body) }
        var actor: Actor?
        if !parts.isEmpty {
            switch identify(exchange) {
            case .known(let known): actor = known
            case .later: return say(.busy, exchange)
            case .nobody, .wrong: return say(.unauthorized, exchange)
            }
        }
        if let query = unsupportedQuery(exchange) { return say(.query(query), exchange) }
        if exchange.method == .delete, parts.count == 3, parts[0] == "SessionService", parts[1] == "Sessions", let actor
        {
            return logOut(exchange, parts[2], actor, path)
        }
        guard exchange.method == .get || exchange.method == .head else { return say(.method, exchange) }
        guard let snapshot else { return say(.unavailable, exchange) }
        var writer = RedfishWriter()
        let management = RedfishManagement(snapshot: snapshot, gate: gate, events: events, uuid: uuid)
        let equipment = RedfishEquipment(snapshot: snapshot, layout: layout)
        guard management.write(parts, path, &writer) || equipment.write(parts, path, &writer) else {
            return say(.missing(path), exchange)
        }
        send(exchange, writer, status: 200)
    }

    // MARK: - Who

    private func identify(_ exchange: Exchange) -> AccessGate.Verdict {
        if let token = exchange.field("x-auth-token") {
            return gate.session(token.string).map { .known($0) } ?? .nobody
        }
        if let name = exchange.peer.certificateName { return .known(gate.certificate(name)) }
        guard let authorization = exchange.field("authorization") else { return .nobody }
        return gate.basic(authorization, from: exchange.peer)
    }

    private func logIn(_ exchange: Exchange, _ body: UnsafeRawBufferPointer) {
        guard let json = try? unsafe JSON.parse(Array(body), depthMax: 4), let user = json["UserName"]?.string,
            let password = json["Password"]?.string
        else { return say(.malformed, exchange) }
        switch gate.check(user, password, from: exchange.peer) {
        case .later: say(.busy, exchange)
        case .nobody, .wrong: say(.unauthorized, exchange)
        case .known(let actor):
            guard let (session, token) = gate.open(user, actor) else { return say(.unavailable, exchange) }
            let path = "/redfish/v1/SessionService/Sessions/" + session.id
            var writer = RedfishWriter()
            RedfishManagement.write(session, path, &writer)
            send(exchange, writer, status: 201, token: token, location: path)
        }
    }

    private func logOut(_ exchange: Exchange, _ id: String, _ actor: Actor, _ path: String) {
        guard let session = gate.sessions.first(where: { $0.id == id }) else { return say(.missing(path), exchange) }
        guard session.actor.name == actor.name || actor.authority == .engineer else {
            return say(.privilege, exchange)
        }
        gate.close(id)
        exchange.responder.answer(204) { $0.field("OData-Version", "4.0") }
    }

    /// A parameter that begins with $ changes the meaning of the answer: what is not understood is refused.
    private func unsupportedQuery(_ exchange: Exchange) -> String? {
        for pair in exchange.query.string.split(separator: "&") {
            let name = pair.prefix { $0 != "=" }
            if name.hasPrefix("$") || name.hasPrefix("%24") { return String(name) }
        }
        return nil
    }

    // MARK: - Answers

    private func send(
        _ exchange: Exchange, _ writer: consuming RedfishWriter, status: Int, token: String? = nil,
        location: String? = nil
    ) {
        let schema = writer.schema
        let (bytes, etag) = writer.finish()
        let isKnown = status == 200 && exchange.hasCurrent(etag)
        let shared = SharedBytes(bytes)
        let allow: StaticString =
            switch schema {
            case "SessionCollection": "GET, HEAD, POST"
            case let session where session.hasPrefix("Session.v"): "GET, HEAD, DELETE"
            default: "GET, HEAD"
            }
        exchange.responder.answer(isKnown ? 304 : status) { response in
            common(response)
            response.field("ETag", etag)
            response.field("Allow", allow)
            response.field("Link", "<http://redfish.dmtf.org/schemas/v1/\(schema).json>; rel=describedby")
            if let token { response.field("X-Auth-Token", token) }
            if let location { response.field("Location", location) }
            if isKnown { return }
            response.type("application/json; charset=utf-8")
            response.share(shared)
        }
    }

    private func say(_ message: RedfishMessage, _ exchange: Exchange) {
        var writer = ByteWriter()
        message.write(&writer)
        let shared = SharedBytes(writer.bytes)
        exchange.responder.answer(message.status) { response in
            common(response)
            if message.status == 401 { response.field("WWW-Authenticate", "Basic realm=\"mdc-agent\"") }
            if message.status == 405 { response.field("Allow", "GET, HEAD") }
            if message.status == 429 || message.status == 503 { response.field("Retry-After", 1) }
            response.type("application/json; charset=utf-8")
            response.share(shared)
        }
    }

    private func common(_ response: ResponseWriter) {
        response.field("OData-Version", "4.0")
        response.field("Cache-Control", "no-cache")
    }

    private func document(_ exchange: Exchange, _ text: String) {
        guard exchange.method == .get || exchange.method == .head else { return say(.method, exchange) }
        exchange.responder.answer(200) { response in
            common(response)
            response.field("Allow", "GET, HEAD")
            response.type("application/json; charset=utf-8")
            response.copy(text)
        }
    }

    private func metadata(_ exchange: Exchange) {
        guard exchange.method == .get || exchange.method == .head else { return say(.method, exchange) }
        exchange.responder.answer(200) { response in
            common(response)
            response.field("Allow", "GET, HEAD")
            response.type("application/xml; charset=utf-8")
            response.copy(RedfishService.metadataXML)
        }
    }

    private static let odata: String = {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("@odata.context", "/redfish/v1/$metadata")
        writer.beginArray("value")
        for (name, url) in [
            ("Service", "/redfish/v1/"), ("Chassis", "/redfish/v1/Chassis"), ("Systems", "/redfish/v1/Systems"),
            ("Managers", "/redfish/v1/Managers"), ("Sessions", "/redfish/v1/SessionService/Sessions"),
        ] {
            writer.beginObject()
            writer.field("name", name)
            writer.field("kind", "Singleton")
            writer.field("url", url)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.text
    }()

    /// Each schema this service uses, by file, with the namespaces that its resources name.
    private static let metadataXML: String = {
        let versioned = [
            "ServiceRoot.v1_20_0", "Chassis.v1_28_0", "Sensor.v1_12_0", "ThermalSubsystem.v1_5_0",
            "LeakDetection.v1_2_0", "LeakDetector.v1_6_0", "PowerSubsystem.v1_1_3", "Battery.v1_5_0",
            "PowerEquipment.v1_2_3", "PowerDistribution.v1_6_0", "ThermalEquipment.v1_2_0", "CoolingUnit.v1_5_0",
            "ComputerSystem.v1_27_0", "Processor.v1_22_0", "Manager.v1_24_0", "LogService.v1_9_0",
            "LogEntry.v1_21_0", "SessionService.v1_2_0", "Session.v1_8_0", "AccountService.v1_18_1",
            "ManagerAccount.v1_14_1", "Role.v1_3_3",
        ]
        let collections = [
            "Chassis", "Sensor", "LeakDetector", "Battery", "PowerDistribution", "CoolingUnit", "ComputerSystem",
            "Processor", "Manager", "LogService", "LogEntry", "Session", "ManagerAccount", "Role",
        ].map { $0 + "Collection" }
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<edmx:Edmx xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\" Version=\"4.0\">\n"
        for name in versioned.map({ String($0.prefix { $0 != "." }) }) + collections {
            text += "<edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/\(name)_v1.xml\">"
            text += "<edmx:Include Namespace=\"\(name)\"/>"
            for full in versioned where full.hasPrefix(name + ".") { text += "<edmx:Include Namespace=\"\(full)\"/>" }
            text += "</edmx:Reference>\n"
        }
        text += "<edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/RedfishExtensions_v1.xml\">"
        text += "<edmx:Include Namespace=\"RedfishExtensions.v1_0_0\" Alias=\"Redfish\"/></edmx:Reference>\n"
        text += "<edmx:DataServices><Schema xmlns=\"http://docs.oasis-open.org/odata/ns/edm\" Namespace=\"Service\">"
        text += "<EntityContainer Name=\"Service\" Extends=\"ServiceRoot.v1_20_0.ServiceContainer\"/>"
        text += "</Schema></edmx:DataServices>\n</edmx:Edmx>\n"
        return text
    }()
}
