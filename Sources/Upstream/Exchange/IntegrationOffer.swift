internal import Platform
internal import Site

/// A point that an integration may ask to change: its place on the bus, and what stands of its requests.
struct IntegrationOffer {
    /// What the point holds, as far as we had a hand in it.
    enum Hold: Equatable {
        case safe
        case asked
        /// It is to go back to safe, and has not been confirmed to be there; asked for (again) then.
        case returning(dueAt: MonotonicTime)
    }

    let integration: String
    let point: IntegrationPlan.Point
    let metadata: OutgoingMessage
    let topic: String
    var hold = Hold.safe
    /// To go back to safe, since it was last asked for.
    var attempts = 0
    /// What was last asked for and passed, and when.
    var asked: (value: Double, at: MonotonicTime)?
    /// A request of ours is with Control; its answer comes first, or is given up.
    var underWayUntil: MonotonicTime?
    /// The newest that was asked for meanwhile.
    var next: Double?
    /// What stood before the request under way, should it be refused.
    var before: (hold: Hold, asked: (value: Double, at: MonotonicTime)?) = (.safe, nil)

    var actor: String { "upstream:\(integration)" }

    init(
        _ point: IntegrationPlan.Point, _ integration: String, _ site: String, _ table: PointTable, _ book: IdentityBook
    ) {
        let definition = table.id(of: point.name).map { table[$0] } ?? PointDefinition(name: point.name)
        let words = point.name.split(separator: ".").dropFirst().map(String.init)
        var mapping = ExchangeMapping(
            objectType: point.objectType, pointType: point.pointType,
            processArea: words.isEmpty ? [point.name] : words, isSetpoint: true)
        var rule = ExchangeVocabulary.rule(objectType: point.objectType, pointType: point.pointType)
        // Only what the contract lets an integration write; anything else is a generic point. So is a point
        // in another unit than its place has: a number means the same on both sides.
        var fits = rule?.isWrittenByIntegration == true || (rule != nil && point.pointType == "GenericPoint")
        if case .quantity(let unit?) = rule?.meaning, definition.unit != .none, definition.unit.rawValue != unit {
            fits = false
        }
        if !fits {
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
        self.integration = integration
        self.point = point
        metadata = OutgoingMessage(topic: "BMS/v1/PUB/Metadata/\(tail)", payload: payload, retain: true)
        topic = "BMS/v1/\(integration)/Value/\(tail)"
    }
}

/// An integration itself: whether it lives.
struct IntegrationCaller {
    let plan: IntegrationPlan
    let heartbeatTopic: String
    let echoTopic: String
    let metadata: [OutgoingMessage]
    var refusals = RefusalLimit()
    private var beat: Double?
    private var heard: MonotonicTime?

    init(_ plan: IntegrationPlan, _ site: String) {
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
        self.plan = plan
        let (heartbeat, heartbeatMetadata) = topics("HeartbeatTimestampIntegration", plan.id)
        let (echo, echoMetadata) = topics("HeartbeatEchoBms", nil)
        heartbeatTopic = heartbeat
        echoTopic = echo
        metadata = [heartbeatMetadata, echoMetadata]
    }

    /// A heartbeat is a time that moves: a bridge that repeats the last one of a dead integration is none.
    mutating func beats(_ value: Double, at now: MonotonicTime) {
        if value == beat { return }
        beat = value
        heard = now
    }

    func isAlive(at now: MonotonicTime) -> Bool { heard.map { now - $0 <= plan.heartbeatTimeout } ?? false }
}

/// Refusals that are journalled within a minute: a flood of bad requests must not fill the journal.
struct RefusalLimit {
    static let perMinute = 20

    private var since = MonotonicTime.distantPast
    private var count = 0

    /// True once more than that were refused within the running minute.
    mutating func isReached(at now: MonotonicTime) -> Bool {
        if now - since > .seconds(60) { (since, count) = (now, 0) }
        return count >= RefusalLimit.perMinute
    }

    /// Counts one; what is to be added to its text, nil when it is only counted.
    mutating func add(at now: MonotonicTime) -> String? {
        if isReached(at: now) { return nil }
        count += 1
        return count < RefusalLimit.perMinute ? "" : " (further refusals of this minute are only counted)"
    }
}
