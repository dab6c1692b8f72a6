internal import Platform
internal import Site

/// An event as a CloudEvent (1.0, structured JSON). Its id is the journal's, so a repetition is known as one.
struct EventEnvelope {
    let topic: String
    private let source: String
    private var writer = ByteWriter(capacity: 1024)

    init(site: String, plan: EventsUpstreamPlan) {
        topic = plan.topic ?? "mdc/v1/\(site)/events"
        source = "//mdc/\(site)"
    }

    mutating func render(_ event: Event) -> OutgoingMessage {
        writer.clear()
        writer.beginObject()
        writer.field("specversion", "1.0")
        writer.field("id", event.id)
        writer.field("source", source)
        writer.field("type", "mdc.\(event.kind.rawValue).v1")
        writer.field("time", event.wall.rfc3339)
        writer.field("subject", event.subject)
        writer.field("datacontenttype", "application/json")
        writer.field("sequence", event.sequence)
        writer.beginObject("data")
        writer.field("kind", event.kind.rawValue)
        writer.field("severity", event.severity.text)
        writer.field("text", event.text)
        writer.beginObject("evidence")
        var named: Set<String> = []
        for fact in event.evidence where named.insert(fact.name).inserted {
            writer.key(string: fact.name)
            writer.value(fact.value)
        }
        writer.endObject()
        writer.field("actor", event.actor)
        writer.endObject()
        writer.endObject()
        return OutgoingMessage(topic: topic, payload: writer.bytes, qos: 1)
    }
}
