internal import Platform
internal import Site

extension ByteWriter {
    /// `/v1/events`: `next` is what to ask for `since` next time.
    mutating func writeEvents(_ events: [Event], since: UInt64) {
        beginObject()
        beginArray("events")
        for event in events { writeEvent(event) }
        endArray()
        field("next", events.last?.sequence ?? since)
        endObject()
        append("\n")
    }

    mutating func writeEvent(_ event: Event) {
        beginObject()
        field("sequence", event.sequence)
        field("time", event.wall.milliseconds)
        field("kind", event.kind.rawValue)
        field("severity", event.severity.text)
        field("subject", event.subject)
        field("text", event.text)
        writeEvidence(event.evidence)
        field("actor", event.actor)
        field("id", event.id)
        endObject()
    }

    /// `/v1/alarms`: what stands or waits to be acknowledged, worst first.
    mutating func writeAlarms(_ snapshot: SiteSnapshot) {
        let alarms = snapshot.alarms.enumerated().sorted { a, b in
            (a.element.isActive ? 1 : 0, a.element.severity.rawValue, -a.offset)
                > (b.element.isActive ? 1 : 0, b.element.severity.rawValue, -b.offset)
        }
        beginObject()
        field("time", snapshot.time.wall.milliseconds)
        beginArray("alarms")
        for (_, alarm) in alarms {
            beginObject()
            field("id", alarm.id)
            field("severity", alarm.severity.text)
            field("subject", alarm.subject)
            field("text", alarm.text)
            field("active", alarm.isActive)
            field("acknowledged", alarm.isAcknowledged)
            field("raised", alarm.raised.milliseconds)
            if let cleared = alarm.cleared { field("cleared", cleared.milliseconds) }
            field("acknowledged_by", alarm.acknowledgedBy)
            if let until = alarm.shelvedUntil { field("shelved_until", until.milliseconds) }
            field("consequence_of", alarm.consequenceOf)
            endObject()
        }
        endArray()
        endObject()
        append("\n")
    }
}
