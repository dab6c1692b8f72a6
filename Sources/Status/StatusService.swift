internal import HTTP
internal import Platform
internal import Site
import Synchronization

/// Answers requests from the newest snapshot. Everything is rendered on the status server's thread,
/// when somebody asks, at most once per snapshot.
final class StatusService: HTTPService {
    let snapshot = Latest<SiteSnapshot?>(nil)
    let events: (any EventSource)?
    let live: LiveStreams
    /// Of the certificate that new clients get.
    let fingerprint = Latest<String?>(nil)
    let counts = Mutex<(@Sendable () -> HTTPCounts)?>(nil)
    private let actions: [String: StatusAction]
    /// Listener index -> may change things. See `StatusRoom`.
    private let doors: [StatusDoor]
    /// Tells the documents of this run from those of the one before.
    private let boot: String
    private let status = Document()
    private let points = Document()
    private let alarms = Document()
    private let metrics = (0..<4).map { _ in Document() }
    private let layout = Mutex<MetricsLayout?>(nil)
    private let machines: Rendered
    private let texts: Rendered
    private let redfish: RedfishService?
    /// Nil without a TLS address: nobody can subscribe.
    let push: RedfishPush?

    init(
        events: (any EventSource)?, actions: [String: StatusAction], doors: [StatusDoor],
        machines: SiteLayout, uuid: String, stateFolder: String, usersPath: String?, watchersMax: Int
    ) throws(SystemError) {
        self.events = events
        self.actions = actions
        self.doors = doors
        boot = randomHex(4)
        var writer = ByteWriter()
        writer.writeLayout(machines)
        self.machines = Rendered(writer.bytes, etag: "\"layout-\(boot)\"")
        writer.clear()
        writer.writeSentences(Catalogue.koreanSentences)
        texts = Rendered(writer.bytes, etag: "\"texts-\(boot)\"")
        live = try LiveStreams(snapshot: snapshot, layout: machines, events: events, watchersMax: watchersMax)
        guard let gate = doors.lazy.compactMap(\.gate).first else {
            redfish = nil
            push = nil
            return
        }
        let subscriptions = Subscriptions(stateFolder: stateFolder)
        let newest = self.snapshot, live = live
        push = try events.map { (events) throws(SystemError) in
            try RedfishPush(subscriptions, events: events) { live.origin($0, newest.value) }
        }
        redfish = RedfishService(
            gate: gate, layout: machines, events: events, uuid: uuid, live: live, subscriptions: subscriptions,
            push: push, usersPath: usersPath)
    }

    func publish(_ snapshot: SiteSnapshot) {
        var snapshot = snapshot
        snapshot.certificateFingerprint = fingerprint.value
        self.snapshot.publish(snapshot)
        live.changed()
        push?.changed()
    }

    // MARK: - Routing

    func handle(_ exchange: Exchange, body: UnsafeRawBufferPointer) {
        let path = exchange.path
        // What a load balancer probes tells nothing worth a password.
        if path == "/healthz" { return health(exchange) }
        if path == "/readyz" { return readiness(exchange) }
        if path.hasPrefix("/redfish"), let redfish, doors[exchange.peer.listener].gate != nil {
            return unsafe redfish.handle(exchange, body, snapshot.value)
        }
        let entry = doors[exchange.peer.listener].entry(exchange)
        if case .refused(let status, let text, let wait) = entry { return turnAway(exchange, status, text, wait) }
        if path.hasPrefix("/v1/actions/") { return unsafe act(exchange, body, entry) }
        guard exchange.method == .get || exchange.method == .head else {
            exchange.responder.answer(405) { response in
                response.field("Allow", "GET, HEAD")
                response.type("application/json")
                response.copy("{\"error\":\"only GET here\"}")
            }
            return
        }
        if path == "/v1/live" || path == "/v1/events" && exchange.wantsEventStream { return watch(exchange) }
        if path == "/" { return showPage(exchange) }
        if path == "/v1/layout" { return json(exchange, machines) }
        if path == "/v1/texts/ko" { return json(exchange, texts) }
        // The version is read before the snapshot: at worst a newer snapshot is rendered twice.
        let version = snapshot.version
        guard let snapshot = snapshot.value else {
            exchange.responder.refuse(503, "starting: nothing has been read yet")
            return
        }
        if path == "/v1/status" {
            json(exchange, status.current(version, boot: boot) { $0.writeStatus(snapshot) })
        } else if path == "/v1/points" {
            showPoints(exchange, version, snapshot)
        } else if path == "/v1/alarms" {
            json(exchange, alarms.current(version, boot: boot) { $0.writeAlarms(snapshot) })
        } else if path == "/v1/events" {
            showEvents(exchange)
        } else if path == "/v1/trends" {
            showTrends(exchange, snapshot)
        } else if path == "/metrics" {
            showMetrics(exchange, version, snapshot)
        } else {
            exchange.responder.refuse(404, "no such path")
        }
    }

    private func turnAway(_ exchange: Exchange, _ status: Int, _ text: String, _ wait: Int?) {
        exchange.responder.answer(status) { response in
            response.type("application/json")
            if status == 401 { response.field("WWW-Authenticate", "Basic realm=\"mdc-agent\", charset=\"UTF-8\"") }
            if let wait { response.field("Retry-After", wait) }
            response.copy("{\"error\":\"")
            response.copy(text)
            response.copy("\"}")
        }
    }

    private func json(_ exchange: Exchange, _ document: Rendered) {
        if exchange.hasCurrent(document.etag) {
            exchange.responder.answer(304) { $0.field("ETag", document.etag) }
            return
        }
        exchange.responder.answer(200) { response in
            response.type("application/json")
            response.field("ETag", document.etag)
            response.field("Cache-Control", "no-cache")
            response.share(document.bytes)
        }
    }

    private func showPoints(_ exchange: Exchange, _ version: UInt64, _ snapshot: SiteSnapshot) {
        guard let pattern = exchange.query.parameter("match") else {
            return json(exchange, points.current(version, boot: boot) { $0.writePoints(snapshot) })
        }
        var writer = ByteWriter()
        writer.writePoints(snapshot, matching: NameFilter(pattern))
        fresh(exchange, writer.bytes)
    }

    private func showTrends(_ exchange: Exchange, _ snapshot: SiteSnapshot) {
        var writer = ByteWriter()
        live.trends.write(
            snapshot.points, matching: exchange.query.parameter("match").map(NameFilter.init), into: &writer)
        fresh(exchange, writer.bytes)
    }

    private func showPage(_ exchange: Exchange) {
        let isPacked = exchange.takesGzip
        let document = isPacked ? Page.shared.packed : Page.shared.plain
        let isKnown = exchange.hasCurrent(document.etag)
        exchange.responder.answer(isKnown ? 304 : 200) { response in
            response.field("ETag", document.etag)
            response.field("Cache-Control", "no-cache")
            response.field("Vary", "Accept-Encoding")
            if isKnown { return }
            response.field("Content-Type", "text/html; charset=utf-8")
            response.field("Content-Security-Policy", Page.shared.policy)
            response.field("X-Content-Type-Options", "nosniff")
            response.field("Referrer-Policy", "no-referrer")
            if isPacked { response.field("Content-Encoding", "gzip") }
            response.share(document.bytes)
        }
    }

    private func fresh(_ exchange: Exchange, _ bytes: [UInt8]) {
        let shared = SharedBytes(bytes)
        exchange.responder.answer(200) { response in
            response.type("application/json")
            response.field("Cache-Control", "no-store")
            response.share(shared)
        }
    }

    private func showEvents(_ exchange: Exchange) {
        guard let events else {
            exchange.responder.refuse(503, "no journal")
            return
        }
        var since: UInt64?
        var limit = 100
        if let text = exchange.query.parameter("since") {
            guard let number = UInt64(text) else {
                exchange.responder.refuse(400, "since is a sequence number")
                return
            }
            since = number
        }
        if let text = exchange.query.parameter("limit") {
            guard let number = Int(text), (1...1000).contains(number) else {
                exchange.responder.refuse(400, "limit is a number from 1 to 1000")
                return
            }
            limit = number
        }
        var writer = ByteWriter()
        let found = since.map { events.events(since: $0, limit: limit) } ?? events.newest(limit: limit)
        writer.writeEvents(found, since: since ?? 0)
        fresh(exchange, writer.bytes)
    }

    /// Events go on from `Last-Event-ID` (a browser that comes back) or `since`; otherwise from now.
    private func watch(_ exchange: Exchange) {
        if exchange.method == .head {
            exchange.responder.answer(200) { $0.type("text/event-stream") }
            return
        }
        let since =
            exchange.field("last-event-id")?.decimal.map(UInt64.init)
            ?? exchange.query.parameter("since").flatMap { UInt64($0) }
        let wish: LiveStreams.Wish = exchange.path == "/v1/live" ? .everything : .eventsOnly
        if !live.add(exchange.responder, wish, since: since) {
            exchange.responder.refuse(503, "\(live.watchersMax) watchers are served already")
        }
    }

    // MARK: - Probes

    private func health(_ exchange: Exchange) {
        let stuck = snapshot.value?.stuck ?? []
        exchange.responder.answer(stuck.isEmpty ? 200 : 503) { response in
            response.type("application/json")
            response.field("Cache-Control", "no-store")
            response.copy(stuck.isEmpty ? "{\"status\":\"ok\"}\n" : "{\"status\":\"stuck\"}\n")
        }
    }

    /// Ready: the container lets work in.
    private func readiness(_ exchange: Exchange) {
        let posture = snapshot.value?.posture
        let isReady = posture.map { $0.state < .drain } ?? false
        var writer = ByteWriter(capacity: 256)
        writer.beginObject()
        writer.field("ready", isReady)
        writer.field("posture", posture?.state.text)
        writer.field("reason", posture?.reason ?? "starting: nothing has been read yet")
        writer.endObject()
        writer.append("\n")
        let bytes = writer.bytes
        exchange.responder.answer(isReady ? 200 : 503) { response in
            response.type("application/json")
            response.field("Cache-Control", "no-store")
            unsafe bytes.withUnsafeBytes { unsafe response.copy($0) }
        }
    }

    // MARK: - Metrics

    private func showMetrics(_ exchange: Exchange, _ version: UInt64, _ snapshot: SiteSnapshot) {
        let dialect: MetricsDialect = exchange.wantsOpenMetrics ? .openMetrics : .text
        let plain = metrics[dialect.rawValue].current(version, boot: boot) { writer in
            var metrics = MetricsWriter(writer, dialect)
            metrics.writeOwn(snapshot, self.counts.withLock { $0 }?() ?? HTTPCounts())
            writer = metrics.out
            currentLayout(snapshot).write(snapshot.readings, dialect, into: &writer)
            if dialect == .openMetrics { writer.append("# EOF\n") }
        }
        let isPacked = exchange.takesGzip
        let document =
            isPacked
            ? metrics[2 + dialect.rawValue].current(version, boot: boot) { writer in
                writer.append(contentsOf: gzip(plain.bytes.array) ?? [])
            } : plain
        exchange.responder.answer(200) { response in
            if dialect == .openMetrics {
                response.field("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
            } else {
                response.field("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            }
            response.field("Vary", "Accept, Accept-Encoding")
            if isPacked { response.field("Content-Encoding", "gzip") }
            response.share(document.bytes)
        }
    }

    private func currentLayout(_ snapshot: SiteSnapshot) -> MetricsLayout {
        layout.withLock { layout in
            if let layout, layout.isOf(snapshot.points) { return layout }
            let fresh = MetricsLayout(snapshot.points, reserved: MetricsWriter.ownFamilies)
            layout = fresh
            return fresh
        }
    }

    // MARK: - Actions

    private func act(_ exchange: Exchange, _ body: UnsafeRawBufferPointer, _ entry: StatusDoor.Entry) {
        let responder = exchange.responder
        guard exchange.method == .post else {
            responder.answer(405) { response in
                response.field("Allow", "POST")
                response.type("application/json")
                response.copy("{\"error\":\"actions are asked for with POST\"}")
            }
            return
        }
        guard case .actor(let actor) = entry else {
            responder.refuse(403, "this address is read-only: use the agent's socket, or TLS with a user")
            return
        }
        let name = exchange.path["/v1/actions/".utf8.count..<exchange.path.count].string
        guard let action = actions[name] else {
            responder.refuse(404, "no such action: \(actions.keys.sorted().joined(separator: ", "))")
            return
        }
        guard actor.authority > .viewer else {
            responder.refuse(403, "a viewer may look, not act")
            return
        }
        // A page of another origin can send a form, not JSON, without asking first (CORS).
        if exchange.peer.userID == nil, exchange.field("content-type")?.hasPrefix("application/json") != true {
            responder.refuse(415, "the body is application/json")
            return
        }
        let bytes = unsafe Array(body)
        do throws(JSON.Fault) {
            let json: JSON = bytes.isEmpty ? .object([]) : try JSON.parse(bytes, depthMax: 8)
            guard json.object != nil else {
                responder.refuse(400, "the body is a JSON object")
                return
            }
            action(ActionCall(name: name, actor: actor, body: json, responder: responder))
        } catch { responder.refuse(400, error.description) }
    }
}
