internal import Platform
internal import Site

extension AlarmList {
    mutating func remember(_ writer: inout ByteWriter) {
        writer.beginArray("alarms")
        var next = nextRemembered(from: 0)
        while let index = next {
            next = nextRemembered(from: index + 1)
            if fragments[index].isEmpty { fragments[index] = fragment(index) }
            writer.value(rawJSON: fragments[index])
        }
        writer.endArray()
    }

    private func fragment(_ index: Int) -> [UInt8] {
        var writer = ByteWriter(capacity: 512)
        writer.beginObject()
        writer.field("id", plans[index].id)
        if let alarm = alarms[index] {
            writer.field("subject", alarm.subject)
            writer.field("text", alarm.text)
            writer.field("raised", alarm.raised.milliseconds)
            if let cleared = alarm.cleared { writer.field("cleared", cleared.milliseconds) }
            writer.field("acknowledged-by", alarm.acknowledgedBy)
            writer.field("consequence-of", alarm.consequenceOf)
        }
        if let shelf = states[index].shelfWall { writer.field("shelved-until", shelf.milliseconds) }
        writer.endObject()
        return writer.bytes
    }

    /// What stood when the agent ended still stands until the readings say otherwise.
    mutating func recall(_ json: JSON, now: Moment) {
        for item in json["alarms"]?.array ?? [] {
            guard let id = item["id"]?.string else { continue }
            guard let index = places[id] else {
                if item["raised"] != nil { forgotten.append((id, item["subject"]?.string ?? id)) }
                continue
            }
            if let until = item["shelved-until"]?.number {
                // The clock may have jumped meanwhile: never longer than a shelf may last.
                let left = min(max(0, until - Double(now.wall.milliseconds)), 86_400_000)
                let end = now.advanced(by: .milliseconds(Int64(left)))
                shelve(index, until: end)
            }
            guard let raised = item["raised"]?.number else { continue }
            var alarm = Alarm(
                id: id, severity: plans[index].severity, subject: plans[index].subject,
                text: item["text"]?.string ?? plans[index].text, raised: WallTime(milliseconds: Int64(raised)))
            alarm.cleared = item["cleared"]?.number.map { WallTime(milliseconds: Int64($0)) }
            alarm.acknowledgedBy = item["acknowledged-by"]?.string
            alarm.consequenceOf = item["consequence-of"]?.string
            alarm.shelvedUntil = states[index].shelfWall
            put(index, alarm)
            if alarm.isActive { enter(index, .standing, now.monotonic) }
        }
        refreshList()
    }

    /// Conditions that the site file no longer has: their alarms end, and the journal says why.
    mutating func tellForgotten(_ now: Moment, _ decisions: inout Decisions) {
        for (id, subject) in forgotten {
            decisions.events.append(
                EventDraft(
                    time: now, kind: .alarmCleared, severity: .notice, subject: subject,
                    text: "over: the site file no longer has the condition '\(id)'", evidence: [Evidence("alarm", id)]))
        }
        forgotten.removeAll()
    }
}
