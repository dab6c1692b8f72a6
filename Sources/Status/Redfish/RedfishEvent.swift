internal import Platform
internal import Site

/// A journal entry as Redfish sends it, and what filters look at.
struct RedfishEvent: Sendable {
    let messageID: String
    let severity: RedfishHealth
    let origin: RedfishOrigin
    /// The record, rendered.
    let json: [UInt8]

    static let schema = "Event.v1_13_0.Event"
    /// A registry of our own, because the standard ones know no container.
    static let registry = "MDC"

    /// What SubmitTestEvent sends unless told otherwise.
    static let testKey = "Test"
    static let keys = Set(EventKind.allCases.map(key) + [testKey])

    /// "alarm.raised" is AlarmRaised.
    private static func key(_ kind: EventKind) -> String {
        kind.rawValue.split { $0 == "." || $0 == "-" }.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    static func messageID(_ key: String) -> String { registry + ".1.0." + key }

    init(_ event: Event, origin: RedfishOrigin) {
        self.init(
            id: event.id, member: String(event.sequence), time: event.wall, severity: RedfishHealth(event.severity),
            message: "\(event.subject): \(event.text)", messageID: RedfishEvent.messageID(RedfishEvent.key(event.kind)),
            origin: origin,
            entry: RedfishEquipment.manager + "/LogServices/Journal/Entries/\(event.sequence)")
    }

    init(
        id: String, member: String, time: WallTime, severity: RedfishHealth, message: String, messageID: String,
        origin: RedfishOrigin, entry: String? = nil
    ) {
        self.messageID = messageID
        self.severity = severity
        self.origin = origin
        var writer = ByteWriter()
        writer.beginObject()
        // EventType is deprecated and required: receivers that look for it exist (nv-redfish issue 193).
        writer.field("EventType", "Alert")
        writer.field("EventId", id)
        writer.field("MemberId", member)
        writer.field("EventTimestamp", time.rfc3339)
        writer.field("MessageSeverity", severity.rawValue)
        writer.field("Message", message)
        writer.field("MessageId", messageID)
        writer.beginObject("OriginOfCondition")
        writer.field("@odata.id", origin.path)
        writer.endObject()
        if let entry {
            writer.beginObject("LogEntry")
            writer.field("@odata.id", entry)
            writer.endObject()
        }
        writer.endObject()
        json = writer.bytes
    }

    static func envelope(_ records: [RedfishEvent], id: String, context: String) -> [UInt8] {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("@odata.type", "#" + schema)
        writer.field("Id", id)
        writer.field("Name", "Events of the container")
        writer.field("Context", context)
        writer.beginArray("Events")
        for record in records { writer.value(rawJSON: record.json) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}
