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
    let live: LiveStreams
    let subscriptions: Subscriptions
    /// Nil where there is no journal to tell of.
    let push: RedfishPush?
    /// Where accounts are kept; nil: nowhere, so that none can be changed.
    let usersPath: String?

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
        let isStream = parts == ["EventService", "SSE"]
        if let query = unsupportedQuery(exchange, except: isStream ? RedfishService.filterName : nil) {
            return say(.query(query), exchange)
        }
        guard let snapshot else { return say(.unavailable, exchange) }
        guard exchange.method == .get || exchange.method == .head else {
            guard let actor else { return say(parts.isEmpty ? .method("GET, HEAD") : .unauthorized, exchange) }
            let change = RedfishChange(
                service: self, exchange: exchange, actor: actor, path: path, parts: parts, snapshot: snapshot)
            if unsafe change.run(body) { return }
            return say(resource(parts, path, snapshot) == nil ? .missing(path) : .method(allow(parts)), exchange)
        }
        if isStream { return stream(exchange, snapshot) }
        guard let writer = resource(parts, path, snapshot) else { return say(.missing(path), exchange) }
        send(exchange, writer, status: 200)
    }

    private func resource(_ parts: [String], _ path: String, _ snapshot: SiteSnapshot) -> RedfishWriter? {
        var writer = RedfishWriter()
        let management = RedfishManagement(
            snapshot: snapshot, gate: gate, layout: layout, events: events, uuid: uuid, offersEvents: push != nil)
        let equipment = RedfishEquipment(snapshot: snapshot, layout: layout)
        let isThere =
            management.write(parts, path, &writer) || equipment.write(parts, path, &writer)
            || subscribing(snapshot).write(parts, path, &writer)
        return isThere ? writer : nil
    }

    func isResource(_ path: String, _ snapshot: SiteSnapshot) -> Bool {
        guard path.hasPrefix("/redfish/v1/") else { return false }
        let parts = path.dropFirst("/redfish/v1".count).split(separator: "/").map(String.init)
        return resource(parts, path, snapshot) != nil
    }

    func subscribing(_ snapshot: SiteSnapshot) -> RedfishSubscribing {
        RedfishSubscribing(snapshot: snapshot, subscriptions: subscriptions, live: live)
    }

    /// Opening the stream is the subscription, closing it ends it.
    private func stream(_ exchange: Exchange, _ snapshot: SiteSnapshot) {
        guard push != nil, exchange.method == .get else { return say(.method("GET"), exchange) }
        let since = exchange.field("last-event-id")?.decimal.map(UInt64.init)
        var filter = EventFilter()
        if unsupportedQuery(exchange, except: nil) != nil {
            let expression = exchange.query.parameter("$filter") ?? exchange.query.parameter("%24filter") ?? ""
            guard let wished = EventFilter(expression: expression),
                wished.fault(isResource: { isResource($0, snapshot) }) == nil
            else { return say(.query(RedfishService.filterName + "=" + expression), exchange) }
            filter = wished
        }
        let wish = LiveStreams.Wish.redfish(
            id: randomHex(8), client: "\(exchange.peer.text):\(exchange.peer.port)", filter: filter)
        if !live.add(exchange.responder, wish, since: since) { say(.full, exchange) }
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

    /// A parameter that begins with $ changes the meaning of the answer: what is not understood is refused.
    private func unsupportedQuery(_ exchange: Exchange, except known: String?) -> String? {
        for pair in exchange.query.string.split(separator: "&") {
            let name = pair.prefix { $0 != "=" }
            let plain = name.hasPrefix("%24") ? "$" + name.dropFirst(3) : String(name)
            if plain.hasPrefix("$"), plain != known { return plain }
        }
        return nil
    }

    private static let filterName = "$filter"

    // MARK: - Answers

    /// `isAnswerToRead`: a client that knows the resource is told so instead of being sent it again.
    func send(
        _ exchange: Exchange, _ writer: consuming RedfishWriter, status: Int, token: String? = nil,
        location: String? = nil, isAnswerToRead: Bool = true
    ) {
        let schema = writer.schema
        let (bytes, etag) = writer.finish()
        let isKnown = isAnswerToRead && status == 200 && exchange.hasCurrent(etag)
        let shared = SharedBytes(bytes)
        let allow = RedfishService.allow(schema)
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

    /// What may be done to a resource of that schema.
    private static func allow(_ schema: String) -> String {
        switch schema.prefix(while: { $0 != "." }) {
        case "SessionCollection", "EventDestinationCollection", "ManagerAccountCollection": "GET, HEAD, POST"
        case "Session": "GET, HEAD, DELETE"
        case "EventDestination", "ManagerAccount": "GET, HEAD, PATCH, DELETE"
        default: "GET, HEAD"
        }
    }

    private func allow(_ parts: [String]) -> String {
        switch (parts.first, parts.count) {
        case ("SessionService", 2),
            ("AccountService", 2) where parts[1] == "Accounts", ("EventService", 2):
            "GET, HEAD, POST"
        case ("SessionService", 3): "GET, HEAD, DELETE"
        case ("AccountService", 3) where parts[1] == "Accounts", ("EventService", 3): "GET, HEAD, PATCH, DELETE"
        default: "GET, HEAD"
        }
    }

    func say(_ message: RedfishMessage, _ exchange: Exchange) {
        var writer = ByteWriter()
        message.write(&writer)
        let shared = SharedBytes(writer.bytes)
        exchange.responder.answer(message.status) { response in
            common(response)
            if message.status == 401 { response.field("WWW-Authenticate", "Basic realm=\"mdc-agent\"") }
            if case .method(let allowed) = message { response.field("Allow", allowed) }
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
        guard exchange.method == .get || exchange.method == .head else { return say(.method("GET, HEAD"), exchange) }
        exchange.responder.answer(200) { response in
            common(response)
            response.field("Allow", "GET, HEAD")
            response.type("application/json; charset=utf-8")
            response.copy(text)
        }
    }

    private func metadata(_ exchange: Exchange) {
        guard exchange.method == .get || exchange.method == .head else { return say(.method("GET, HEAD"), exchange) }
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
            "ComputerSystem.v1_27_0", "Processor.v1_22_0", "ProcessorMetrics.v1_7_0", "Manager.v1_24_0",
            "LogService.v1_9_0",
            "LogEntry.v1_21_0", "SessionService.v1_2_0", "Session.v1_8_0", "AccountService.v1_18_1",
            "ManagerAccount.v1_14_1", "Role.v1_3_3", "EventService.v1_12_0", "EventDestination.v1_16_0",
            "TelemetryService.v1_4_1", "MetricReport.v1_5_2", "MetricReportDefinition.v1_4_7", "Facility.v1_4_2",
            "EnvironmentMetrics.v1_5_0",
        ]
        let collections = [
            "Chassis", "Sensor", "LeakDetector", "Battery", "PowerDistribution", "CoolingUnit", "ComputerSystem",
            "Processor", "Manager", "LogService", "LogEntry", "Session", "ManagerAccount", "Role", "EventDestination",
            "MetricReport", "MetricReportDefinition", "Facility",
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
