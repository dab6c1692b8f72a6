internal import Platform
internal import Site

/// Points that somebody upstream may ask to change: offered by metadata, asked for on derived topics,
/// judged here by the site file's limits, and then by the guard like any other write. Silence or nonsense
/// sends a point back to its safe value.
final class IntegrationDesk {
    struct Offer {
        let integration: String
        let point: IntegrationPlan.Point
        let metadata: OutgoingMessage
        let topic: String
        /// What was last asked for and passed, and when.
        var asked: (value: Double, at: MonotonicTime)?
        var isSafe = true
    }

    private struct Caller {
        let plan: IntegrationPlan
        let heartbeatTopic: String
        let echoTopic: String
        let metadata: [OutgoingMessage]
        var heard: MonotonicTime?
    }

    enum Heard {
        case request(ControlRequest.Kind, actor: String)
        case refused(EventDraft)
        case echo(OutgoingMessage)
        case nothing
    }

    private var offers: [Offer] = []
    private var callers: [Caller] = []
    private(set) var lastRefusal: String?

    init(site: String, plan: UpstreamPlan, table: PointTable) {
        let book = IdentityBook(site: site, plan: plan, table: table)
        for integration in plan.integrations {
            callers.append(IntegrationDesk.caller(integration, site))
            for point in integration.points {
                offers.append(IntegrationDesk.offer(point, integration.id, site, table, book))
            }
        }
    }

    private static func caller(_ plan: IntegrationPlan, _ site: String) -> Caller {
        let identity = ResolvedIdentity(
            objectID: "\(site)-\(plan.id)", objectName: plan.id, rackLocationName: "", rackLocationID: "",
            genericObjectType: "System")
        func topics(_ pointType: String, _ integration: String?) -> (String, OutgoingMessage) {
            let mapping = ExchangeMapping(objectType: "System", pointType: pointType)
            let rule = ExchangeRule(meaning: .bare, identity: .system)
            let placed = Placement(mapping: mapping, rule: rule, meaning: .unexplained)
            // An integration's id may hold capitals, which point names do not: it is one level of the topic.
            let tail = "System/\(pointType)/\(site)/integrations/\(plan.id)"
            return (
                "BMS/v1/\(integration ?? "PUB")/Value/\(tail)",
                OutgoingMessage(
                    topic: "BMS/v1/PUB/Metadata/\(tail)",
                    payload: placed.metadata(identity, plan.id, integration: integration), retain: true)
            )
        }
        let (heartbeat, heartbeatMetadata) = topics("HeartbeatTimestampIntegration", plan.id)
        let (echo, echoMetadata) = topics("HeartbeatEchoBms", nil)
        return Caller(
            plan: plan, heartbeatTopic: heartbeat, echoTopic: echo, metadata: [heartbeatMetadata, echoMetadata])
    }

    private static func offer(
        _ point: IntegrationPlan.Point, _ integration: String, _ site: String, _ table: PointTable, _ book: IdentityBook
    ) -> Offer {
        let definition = table.id(of: point.name).map { table[$0] } ?? PointDefinition(name: point.name)
        let words = point.name.split(separator: ".").dropFirst().map(String.init)
        var mapping = ExchangeMapping(
            objectType: point.objectType, pointType: point.pointType,
            processArea: words.isEmpty ? [point.name] : words, isSetpoint: true)
        var rule = ExchangeVocabulary.rule(objectType: point.objectType, pointType: point.pointType)
        // Only what the contract lets an integration write; anything else is a generic point.
        if rule?.isWrittenByIntegration != true, point.pointType != "GenericPoint" || rule == nil {
            mapping.objectType = "GenericObject"
            mapping.pointType = "GenericPoint"
            rule = ExchangeVocabulary.rule(objectType: "GenericObject", pointType: "GenericPoint")
        }
        var meaning = PointMeaning.unexplained
        if case .state(let states) = definition.kind {
            meaning.states = states
        } else if case .quantity(let unit?) = rule?.meaning {
            meaning.unit = unit
        } else if definition.unit != .none {
            meaning.unit = definition.unit.rawValue
        }
        let placed = Placement(
            mapping: mapping, rule: rule ?? ExchangeRule(meaning: .free, identity: .equipment, processArea: true),
            meaning: meaning)
        // A level of its own: the point's live value may stand under the same types.
        let tail = ExchangePoint.topicTail(mapping, site, point.name) + "/request"
        let payload = placed.metadata(book.identity(of: point.name), point.name, integration: integration)
        return Offer(
            integration: integration, point: point,
            metadata: OutgoingMessage(topic: "BMS/v1/PUB/Metadata/\(tail)", payload: payload, retain: true),
            topic: "BMS/v1/\(integration)/Value/\(tail)")
    }

    var metadata: [OutgoingMessage] { callers.flatMap(\.metadata) + offers.map(\.metadata) }
    var topics: [(topic: String, qos: Int32)] {
        callers.map { ($0.heartbeatTopic, 0) } + offers.map { ($0.topic, 1) }
    }

    // MARK: - Requests

    /// Nil: not a topic of ours.
    func hear(_ message: IncomingMessage, at now: Moment) -> Heard? {
        if let index = callers.firstIndex(where: { $0.heartbeatTopic == message.topic }) {
            guard let value = IntegrationValue(message.payload), let number = value.number, value.isGood,
                !message.isRetained
            else { return .nothing }
            callers[index].heard = now.monotonic
            return .echo(
                OutgoingMessage(topic: callers[index].echoTopic, payload: IntegrationValue.render(number, now)))
        }
        guard let index = offers.firstIndex(where: { $0.topic == message.topic }) else { return nil }
        let offer = offers[index]
        let actor = "upstream:\(offer.integration)"
        let value: Double
        switch judge(message, offer, now) {
        case .success(let number): value = number
        case .failure(let refusal): return .refused(refuse(refusal.text, offer, actor, now))
        }
        offers[index].asked = (value, now.monotonic)
        offers[index].isSafe = false
        return .request(
            .write(point: offer.point.name, value: value, purpose: "integration \(offer.integration)", hold: nil),
            actor: actor)
    }

    private func judge(_ message: IncomingMessage, _ offer: Offer, _ now: Moment) -> Result<Double, SignedText.Refusal>
    {
        func no(_ text: String) -> Result<Double, SignedText.Refusal> { .failure(SignedText.Refusal(text: text)) }
        if message.isRetained { return no("a retained request may be of any age") }
        guard let value = IntegrationValue(message.payload) else { return no("not a value message") }
        guard isAlive(offer.integration, now) else { return no("its heartbeat is not there") }
        let timeout = callers.first { $0.plan.id == offer.integration }?.plan.heartbeatTimeout ?? .zero
        let off = (value.time.milliseconds - now.wall.milliseconds).magnitude
        if off > UInt64(max(timeout.wholeMilliseconds, 60_000)) { return no("its time is \(off / 1000) s from ours") }
        guard value.isGood, let number = value.number else { return no("the integration calls its own value bad") }
        if number < offer.point.minimum || number > offer.point.maximum {
            return no("\(number) is outside \(offer.point.minimum) to \(offer.point.maximum)")
        }
        if let rate = offer.point.changePerMinuteMax, let asked = offer.asked {
            let minutes = max((now.monotonic - asked.at).seconds / 60, 0)
            if (number - asked.value).magnitude > rate * max(minutes, 1 / 60) {
                return no("\(number) after \(asked.value) is faster than \(rate) per minute")
            }
        }
        return .success(number)
    }

    private func isAlive(_ integration: String, _ now: Moment) -> Bool {
        guard let caller = callers.first(where: { $0.plan.id == integration }), let heard = caller.heard
        else { return false }
        return now.monotonic - heard <= caller.plan.heartbeatTimeout
    }

    private func refuse(_ why: String, _ offer: Offer, _ actor: String, _ now: Moment) -> EventDraft {
        lastRefusal = "\(actor): \(offer.point.name): \(why)"
        return EventDraft(
            time: now, kind: .commandRefused, severity: .warning, subject: offer.point.name,
            text: "request refused: \(why)", actor: actor)
    }

    /// Points whose integration is silent go back to safe, once.
    func overdue(at now: Moment) -> [(ControlRequest.Kind, actor: String)] {
        var requests: [(ControlRequest.Kind, actor: String)] = []
        for index in offers.indices where !offers[index].isSafe && !isAlive(offers[index].integration, now) {
            requests.append(backToSafe(index, "integration \(offers[index].integration) is silent: back to safe"))
        }
        return requests
    }

    /// After a request that was out of range or bad: the point does not keep what a confused asker set.
    func confused(_ topic: String) -> (ControlRequest.Kind, actor: String)? {
        guard let index = offers.firstIndex(where: { $0.topic == topic }), !offers[index].isSafe else { return nil }
        return backToSafe(index, "integration \(offers[index].integration) asks for nonsense: back to safe")
    }

    private func backToSafe(_ index: Int, _ purpose: String) -> (ControlRequest.Kind, actor: String) {
        offers[index].isSafe = true
        offers[index].asked = nil
        let point = offers[index].point
        return (
            .write(point: point.name, value: point.safe, purpose: purpose, hold: nil),
            "upstream:\(offers[index].integration)"
        )
    }
}

/// The payload of a value message from outside: those three members and nothing else.
struct IntegrationValue {
    let number: Double?
    let time: WallTime
    let isGood: Bool

    init?(_ bytes: [UInt8]) {
        guard bytes.count <= 1024, let json = try? JSON.parse(bytes, depthMax: 4), let members = json.object,
            members.count == 3, let value = json["value"], let time = json["timestamp"]?.integer,
            let quality = json["quality"]?.integer
        else { return nil }
        if value != .null, value.number == nil { return nil }
        number = value.number
        self.time = WallTime(milliseconds: Int64(time))
        isGood = quality == 1
    }

    static func render(_ number: Double, _ now: Moment) -> [UInt8] {
        var writer = ByteWriter(capacity: 96)
        writer.beginObject()
        writer.field("value", number)
        writer.field("timestamp", now.wall.milliseconds)
        writer.field("quality", 1)
        writer.endObject()
        return writer.bytes
    }
}
