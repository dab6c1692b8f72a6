internal import HTTP
internal import Platform
internal import Site

/// One request to change something of the service itself: accounts, sessions, subscriptions. What belongs to the
/// container is changed through the guard, never here.
struct RedfishChange {
    let service: RedfishService
    let exchange: Exchange
    let actor: Actor
    let path: String
    let parts: [String]
    let snapshot: SiteSnapshot

    /// Answers the request; false when nothing at this path can be changed in this way.
    func run(_ body: UnsafeRawBufferPointer) -> Bool {
        switch (exchange.method, parts.first, parts.count) {
        case (.delete, "SessionService", 3) where parts[1] == "Sessions": deleteSession(parts[2])
        case (.post, "EventService", 2) where parts[1] == "Subscriptions": subscribe(unsafe json(body))
        case (.patch, "EventService", 3) where parts[1] == "Subscriptions":
            changeSubscription(parts[2], unsafe json(body))
        case (.delete, "EventService", 3) where parts[1] == "Subscriptions": unsubscribe(parts[2])
        case (.post, "EventService", 3) where parts[1...] == ["Actions", "EventService.SubmitTestEvent"]:
            submitTest(unsafe json(body))
        case (.post, "AccountService", 2) where parts[1] == "Accounts": createAccount(unsafe json(body))
        case (.patch, "AccountService", 3) where parts[1] == "Accounts": changeAccount(parts[2], unsafe json(body))
        case (.delete, "AccountService", 3) where parts[1] == "Accounts": deleteAccount(parts[2])
        default: return false
        }
        return true
    }

    // MARK: - What all have in common

    private typealias Fields = [(key: String, value: JSON)]

    /// The members of the body, or what is wrong with it.
    private func json(_ body: UnsafeRawBufferPointer) -> Result<Fields, RedfishMessage> {
        // A page of another origin can send a form with the browser's password, not JSON (CORS).
        if unsafe body.isEmpty { return .success([]) }
        guard exchange.field("content-type")?.hasPrefix("application/json") == true else {
            return .failure(.mediaType)
        }
        guard let members = try? unsafe JSON.parse(Array(body), depthMax: 8).object else { return .failure(.malformed) }
        return .success(members)
    }

    private func with(_ body: Result<Fields, RedfishMessage>, _ use: (Fields) throws(RedfishMessage) -> Void) {
        switch body {
        case .failure(let message): service.say(message, exchange)
        case .success(let fields):
            do throws(RedfishMessage) { try use(fields) } catch { service.say(error, exchange) }
        }
    }

    private func text(_ fields: Fields, _ name: String) throws(RedfishMessage) -> String? {
        guard let value = fields.first(where: { $0.key == name })?.value else { return nil }
        guard let text = value.string, text.utf8.count <= 1024 else { throw .propertyValue(name, "given") }
        return text
    }

    private func required(_ fields: Fields, _ name: String) throws(RedfishMessage) -> String {
        guard let text = try text(fields, name) else { throw .propertyMissing(name) }
        return text
    }

    private func only(_ fields: Fields, _ known: Set<String>) throws(RedfishMessage) {
        if let other = fields.first(where: { !known.contains($0.key) && !$0.key.contains("@") }) {
            throw .propertyUnknown(other.key)
        }
    }

    private func require(_ authority: Authority) throws(RedfishMessage) {
        if actor.authority < authority { throw .privilege }
    }

    /// The client changes what it has seen, or says that it does not care.
    private func checkMatch(_ write: (inout RedfishWriter) -> Void) throws(RedfishMessage) {
        guard let wanted = exchange.field("if-match") else { return }
        var writer = RedfishWriter()
        write(&writer)
        let (_, etag) = writer.finish()
        if !(wanted == "*"), !wanted.string.holds(etag) { throw .changed }
    }

    private func done() { exchange.responder.answer(204) { $0.field("OData-Version", "4.0") } }

    // MARK: - Sessions

    private func deleteSession(_ id: String) {
        guard let session = service.gate.sessions.first(where: { $0.id == id }) else {
            return service.say(.missing(path), exchange)
        }
        guard session.actor.name == actor.name || actor.authority == .engineer else {
            return service.say(.privilege, exchange)
        }
        service.gate.close(id)
        done()
    }

    // MARK: - Subscriptions

    private func subscribe(_ body: Result<Fields, RedfishMessage>) {
        with(body) { (fields) throws(RedfishMessage) in
            try require(.technician)
            try only(
                fields,
                EventFilter.names.union([
                    "Destination", "Protocol", "Context", "HttpHeaders", "VerifyCertificate", "EventFormatType",
                    "SubscriptionType", "DeliveryRetryPolicy", "Name", "EventTypes",
                ]))
            let destination = try required(fields, "Destination")
            guard HTTPPoster.Target(destination) != nil else { throw .propertyValue("Destination", destination) }
            guard try required(fields, "Protocol") == "Redfish" else { throw .propertyValue("Protocol", "given") }
            if let format = try text(fields, "EventFormatType"), format != "Event" {
                throw .propertyValue("EventFormatType", format)
            }
            if let type = try text(fields, "SubscriptionType"), type != "RedfishEvent" {
                throw .propertyValue("SubscriptionType", type)
            }
            let checks = fields.first { $0.key == "VerifyCertificate" }?.value
            if let checks, checks.bool == nil { throw .propertyValue("VerifyCertificate", "given") }
            let subscription = Subscription(
                id: randomHex(8), destination: destination, context: try text(fields, "Context") ?? "",
                headers: try headers(fields), checksCertificate: checks?.bool ?? true, filter: try filter(fields),
                sequence: snapshot.journal?.lastSequence ?? 0)
            do throws(SystemError) {
                guard try service.subscriptions.add(subscription) else { throw SystemError("", "", code: 0) }
            } catch { throw error.code == 0 ? RedfishMessage.full : RedfishMessage.storage(error.reason) }
            let place = RedfishSubscribing.root + "/Subscriptions/" + subscription.id
            var writer = RedfishWriter()
            service.subscribing(snapshot).write(subscription, place, &writer)
            service.send(exchange, writer, status: 201, location: place)
        }
    }

    private func headers(_ fields: Fields) throws(RedfishMessage) -> [Subscription.Header] {
        guard let given = fields.first(where: { $0.key == "HttpHeaders" })?.value else { return [] }
        guard let list = given.array, list.count <= 16 else { throw .propertyValue("HttpHeaders", "given") }
        var out: [Subscription.Header] = []
        for member in list.flatMap({ $0.object ?? [] }) {
            guard let value = member.value.string, value.utf8.count <= 4096, HTTPPoster.isField(member.key, value)
            else {
                throw .propertyValue("HttpHeaders", member.key)
            }
            out.append(.init(name: member.key, value: value))
        }
        return out
    }

    private func filter(_ fields: Fields) throws(RedfishMessage) -> EventFilter {
        func value(_ name: StaticString) -> JSON? { fields.first { $0.key == "\(name)" }?.value }
        var filter = EventFilter()
        for (name, list) in EventFilter.lists {
            guard let given = value(name) else { continue }
            let texts = (given.array ?? []).compactMap { $0.string ?? $0["@odata.id"]?.string }
            guard let count = given.array?.count, count == texts.count, count <= EventFilter.entriesMax else {
                throw .propertyValue("\(name)", "given")
            }
            filter[keyPath: list] = texts
        }
        if let given = value(EventFilter.subordinates) {
            guard let wish = given.bool else { throw .propertyValue("\(EventFilter.subordinates)", "given") }
            filter.includesSubordinates = wish
        }
        let fault = filter.fault { path in service.isResource(path, snapshot) }
        if let fault { throw .propertyValue(fault.name, fault.value) }
        // Deprecated, and all of ours are alerts: who wants other ones would wait for ever.
        if let types = value("EventTypes")?.array, !types.isEmpty, !types.contains(where: { $0.string == "Alert" }) {
            throw .propertyValue("EventTypes", "(without Alert)")
        }
        return filter
    }

    private func changeSubscription(_ id: String, _ body: Result<Fields, RedfishMessage>) {
        with(body) { (fields) throws(RedfishMessage) in
            try require(.technician)
            guard let old = service.subscriptions.find(id) else { throw .missing(path) }
            try only(fields, ["Context", "HttpHeaders", "VerifyCertificate"])
            try checkMatch { service.subscribing(snapshot).write(old, path, &$0) }
            let context = try text(fields, "Context")
            let hasHeaders = fields.contains { $0.key == "HttpHeaders" }
            let fresh = try headers(fields)
            let checks = fields.first { $0.key == "VerifyCertificate" }?.value.bool
            do throws(SystemError) {
                try service.subscriptions.change(id) { subscription in
                    if let context { subscription.context = context }
                    if hasHeaders { subscription.headers = fresh }
                    if let checks { subscription.checksCertificate = checks }
                }
            } catch { throw .storage(error.reason) }
            var writer = RedfishWriter()
            if let changed = service.subscriptions.find(id) {
                service.subscribing(snapshot).write(changed, path, &writer)
            }
            service.send(exchange, writer, status: 200, isAnswerToRead: false)
        }
    }

    private func unsubscribe(_ id: String) {
        with(.success([])) { (_) throws(RedfishMessage) in
            try require(.technician)
            do throws(SystemError) {
                let isGone = try service.subscriptions.remove(id) || service.live.closeRedfish(id)
                if isGone { return done() }
            } catch { throw .storage(error.reason) }
            throw .missing(path)
        }
    }

    private func submitTest(_ body: Result<Fields, RedfishMessage>) {
        with(body) { (fields) throws(RedfishMessage) in
            try require(.technician)
            let messageID = try text(fields, "MessageId") ?? RedfishEvent.messageID(RedfishEvent.testKey)
            let message = try text(fields, "Message") ?? "A test event, asked for by \(actor.name)"
            let record = RedfishEvent(
                id: try text(fields, "EventId") ?? randomHex(8), member: "0", time: snapshot.time.wall,
                severity: RedfishHealth(rawValue: try text(fields, "Severity") ?? "OK") ?? .ok, message: message,
                messageID: messageID,
                origin: RedfishEquipment(snapshot: snapshot, layout: service.layout).origin(of: ""))
            service.live.sendOnce(record)
            service.push?.sendOnce(record)
            done()
        }
    }

    // MARK: - Accounts

    private func createAccount(_ body: Result<Fields, RedfishMessage>) {
        with(body) { (fields) throws(RedfishMessage) in
            try require(.engineer)
            try only(fields, ["UserName", "Password", "RoleId", "Enabled", "AccountTypes", "Name"])
            let name = try required(fields, "UserName"), password = try required(fields, "Password")
            guard UserFile.isName(name) else { throw .propertyValue("UserName", name) }
            guard password.utf8.count >= 8 else { throw .propertyValue("Password", "(too short)") }
            let authority = try role(try required(fields, "RoleId"))
            if service.gate.users.contains(where: { $0.name == name }) { throw .exists(name) }
            let user = UserFile.User(name: name, authority: authority, password: PasswordHash.make(password))
            try save { $0.append(user) }
            let place = "/redfish/v1/AccountService/Accounts/" + name
            var writer = RedfishWriter()
            RedfishManagement.write(user, place, &writer)
            service.send(exchange, writer, status: 201, location: place)
        }
    }

    private func role(_ id: String) throws(RedfishMessage) -> Authority {
        for authority in [Authority.viewer, .technician, .engineer] where authority.redfishRole.id == id {
            return authority
        }
        throw .propertyValue("RoleId", id)
    }

    /// Oneself may change one's own password; everything else is an administrator's.
    private func changeAccount(_ name: String, _ body: Result<Fields, RedfishMessage>) {
        with(body) { (fields) throws(RedfishMessage) in
            guard let user = service.gate.users.first(where: { $0.name == name }) else { throw .missing(path) }
            try only(fields, ["Password", "RoleId"])
            let newRole = try text(fields, "RoleId")
            let isOwnPassword = actor.name == name + "@tls" && newRole == nil
            if !isOwnPassword { try require(.engineer) }
            try checkMatch { RedfishManagement.write(user, path, &$0) }
            var changed = user
            if let newRole { changed.authority = try role(newRole) }
            if let password = try text(fields, "Password") {
                guard password.utf8.count >= 8 else { throw .propertyValue("Password", "(too short)") }
                changed.password = PasswordHash.make(password)
            }
            try save { users in
                if let index = users.firstIndex(where: { $0.name == name }) { users[index] = changed }
            }
            var writer = RedfishWriter()
            RedfishManagement.write(changed, path, &writer)
            service.send(exchange, writer, status: 200, isAnswerToRead: false)
        }
    }

    private func deleteAccount(_ name: String) {
        with(.success([])) { (_) throws(RedfishMessage) in
            try require(.engineer)
            guard let user = service.gate.users.first(where: { $0.name == name }) else { throw .missing(path) }
            // The last way in stays.
            guard actor.name != name + "@tls" else { throw .privilege }
            try checkMatch { RedfishManagement.write(user, path, &$0) }
            try save { users in users.removeAll { $0.name == name } }
            done()
        }
    }

    private func save(_ change: (inout [UserFile.User]) -> Void) throws(RedfishMessage) {
        guard let file = service.usersPath else { throw .storage("no file of users is named: status.secure.users") }
        var users = UserFile(users: service.gate.users)
        change(&users.users)
        guard users.users.count <= UserFile.usersMax else { throw .storage("too many users") }
        do throws(SystemError) { try users.write(file) } catch {
            throw .storage("the file of users cannot be written (\(error.reason)): use 'mdc-agent user set'")
        }
        service.gate.replace(users)
    }
}
