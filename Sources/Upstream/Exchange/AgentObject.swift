internal import Platform
internal import Site

/// The agent itself on the bus: its heartbeat, and whether it is there (also as the last will).
struct AgentObject {
    private let site: String
    let heartbeatTopic: String
    let availableTopic: String
    private let heartbeatMetadata: OutgoingMessage
    private let availableMetadata: OutgoingMessage

    init(site: String) {
        self.site = site
        let agent = ResolvedIdentity(
            objectID: "\(site)-mdc-agent", objectName: "mdc-agent \(site)", rackLocationName: "", rackLocationID: "",
            genericObjectType: "System")
        func point(_ pointType: String, _ name: String, _ states: [StateText]) -> (String, OutgoingMessage) {
            let mapping = ExchangeMapping(objectType: "System", pointType: pointType)
            let rule =
                ExchangeVocabulary.rule(objectType: "System", pointType: pointType)
                ?? ExchangeRule(meaning: .bare, identity: .system)
            let placed = Placement(
                mapping: mapping, rule: rule, meaning: PointMeaning(unit: nil, states: states, factor: 1))
            let tail = ExchangePoint.topicTail(mapping, site, name)
            return (
                "BMS/v1/PUB/Value/" + tail,
                OutgoingMessage(
                    topic: "BMS/v1/PUB/Metadata/" + tail, payload: placed.metadata(agent, name), retain: true)
            )
        }
        (heartbeatTopic, heartbeatMetadata) = point("HeartbeatTimestampBms", "mdc-agent.heartbeat", [])
        (availableTopic, availableMetadata) = point(
            "Available", "mdc-agent.available",
            [StateText(code: 0, text: "Unavailable"), StateText(code: 1, text: "Available")])
    }

    var metadata: [OutgoingMessage] { [heartbeatMetadata, availableMetadata] }

    func heartbeat(at now: WallTime) -> OutgoingMessage {
        OutgoingMessage(topic: heartbeatTopic, payload: value(now.milliseconds, at: now))
    }

    /// As the last will it carries the time of the connection whose end it tells.
    func available(_ isThere: Bool, at now: WallTime) -> OutgoingMessage {
        OutgoingMessage(topic: availableTopic, payload: value(isThere ? 1 : 0, at: now), qos: 1)
    }

    private func value(_ number: Int64, at now: WallTime) -> [UInt8] {
        var writer = ByteWriter(capacity: 96)
        writer.beginObject()
        writer.field("value", number)
        writer.field("timestamp", now.milliseconds)
        writer.field("quality", 1)
        writer.endObject()
        return writer.bytes
    }
}
