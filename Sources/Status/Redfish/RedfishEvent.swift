internal import Platform
internal import Site

/// A journal entry as Redfish sends it.
enum RedfishEvent {
    static let schema = "Event.v1_13_0.Event"

    /// "alarm.raised" is MDC.1.0.AlarmRaised: a registry of our own, because the standard ones know no
    /// container.
    static func messageID(_ kind: EventKind) -> String {
        let words = kind.rawValue.split { $0 == "." || $0 == "-" }.map { $0.prefix(1).uppercased() + $0.dropFirst() }
        return "MDC.1.0." + words.joined()
    }

    static func record(_ event: Event, site: String) -> [UInt8] {
        record(
            id: event.id, member: String(event.sequence), time: event.wall, severity: RedfishHealth(event.severity),
            message: "\(event.subject): \(event.text)", messageID: messageID(event.kind), site: site,
            entry: RedfishEquipment.manager + "/LogServices/Journal/Entries/\(event.sequence)")
    }

    static func record(
        id: String, member: String, time: WallTime, severity: RedfishHealth, message: String, messageID: String,
        site: String, entry: String? = nil
    ) -> [UInt8] {
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
        writer.field("@odata.id", "/redfish/v1/Chassis/" + site)
        writer.endObject()
        if let entry {
            writer.beginObject("LogEntry")
            writer.field("@odata.id", entry)
            writer.endObject()
        }
        writer.endObject()
        return writer.bytes
    }

    static func envelope(_ records: [[UInt8]], id: String, context: String) -> [UInt8] {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("@odata.type", "#" + schema)
        writer.field("Id", id)
        writer.field("Name", "Events of the container")
        writer.field("Context", context)
        writer.beginArray("Events")
        for record in records { writer.value(rawJSON: record) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}
