internal import Platform
internal import Site

extension ByteWriter {
    /// `/v1/status`: additions only, never a change of meaning.
    mutating func writeStatus(_ snapshot: SiteSnapshot) {
        beginObject()
        field("site", snapshot.site)
        field("title", snapshot.title)
        field("version", snapshot.version)
        field("time", snapshot.time.wall.milliseconds)
        field("health", SiteHealth(snapshot).text)
        writePosture(snapshot.posture)
        field("arming", snapshot.arming.rawValue)
        let active = snapshot.alarms.filter(\.isActive)
        beginObject("alarms")
        field("active", active.count)
        field("unacknowledged", snapshot.alarms.filter { !$0.isAcknowledged }.count)
        if let worst = active.map(\.severity).max() { field("worst", worst.text) }
        endObject()
        beginArray("buses")
        for bus in snapshot.buses { writeBus(bus) }
        endArray()
        beginArray("accelerators")
        for card in snapshot.accelerators { card.write(into: &self) }
        endArray()
        beginArray("zones")
        for zone in snapshot.zones { writeZone(zone) }
        endArray()
        writePower(snapshot)
        writePlanes(snapshot)
        beginArray("stuck")
        for name in snapshot.stuck { value(name) }
        endArray()
        endObject()
        append("\n")
    }

    private mutating func writePosture(_ posture: Posture) {
        beginObject("posture")
        field("state", posture.state.text)
        field("reason", posture.reason)
        field("since", posture.since.milliseconds)
        field("watts", posture.watts)
        if !posture.drainedAccelerators.isEmpty {
            beginArray("drained")
            for name in posture.drainedAccelerators { value(name) }
            endArray()
        }
        endObject()
    }

    private mutating func writeBus(_ bus: BusStatus) {
        beginObject()
        field("name", bus.name)
        field("address", bus.address)
        field("connected", bus.isConnected)
        field("error", bus.lastError)
        field("requests", bus.requests)
        field("utilisation", bus.utilisation)
        beginArray("units")
        for unit in bus.units {
            beginObject()
            field("name", unit.name)
            field("unit", unit.unitID)
            field("profile", unit.profile)
            field("state", unit.state.rawValue)
            field("error", unit.lastError)
            field("requests", unit.requests)
            field("timeouts", unit.timeouts)
            field("checksum_errors", unit.checksumErrors)
            field("exceptions", unit.exceptions)
            field("late_replies", unit.lateReplies)
            field("foreign_replies", unit.foreignReplies)
            field("round_trip_ms_p50", Double(unit.roundTripP50.count) / 1e6)
            field("round_trip_ms_p99", Double(unit.roundTripP99.count) / 1e6)
            endObject()
        }
        endArray()
        endObject()
    }

    private mutating func writeZone(_ zone: ZoneStatus) {
        beginObject()
        field("name", zone.name)
        field("title", zone.title)
        field("kind", zone.kind)
        field("state", zone.state)
        field("bypassed", zone.isBypassed)
        field("since", zone.since.milliseconds)
        field("reason", zone.reason)
        endObject()
    }

    private mutating func writePlanes(_ snapshot: SiteSnapshot) {
        if let inference = snapshot.inference {
            beginObject("inference")
            field("ready", inference.isReady)
            beginArray("lanes")
            for lane in inference.lanes {
                beginObject()
                field("model", lane.model)
                field("accelerator", lane.accelerator)
                field("state", lane.state)
                field("reason", lane.reason)
                field("inferences", lane.inferences)
                field("failures", lane.failures)
                endObject()
            }
            endArray()
            endObject()
        }
        if let upstream = snapshot.upstream {
            beginObject("upstream")
            field("broker", upstream.broker)
            field("connected", upstream.isConnected)
            field("error", upstream.lastError)
            field("behind", upstream.eventsBehind)
            if let oldest = upstream.oldestUnsent { field("oldest", oldest.milliseconds) }
            field("events_sent", upstream.eventsSent)
            field("values_sent", upstream.valuesSent)
            field("events_lost", upstream.eventsLost)
            field("messages_dropped", upstream.messagesDropped)
            field("backfill_minutes", UInt64(upstream.backfillMinutes))
            field("last_refusal", upstream.lastRefusal)
            field("trouble", upstream.trouble)
            endObject()
        }
        if let journal = snapshot.journal {
            beginObject("journal")
            field("durable", journal.isDurable)
            field("error", journal.lastError)
            field("sequence", journal.lastSequence)
            field("bytes", journal.bytes)
            field("dropped", journal.dropped)
            if journal.droppedReadings > 0 { field("dropped_readings", journal.droppedReadings) }
            endObject()
        }
    }

    mutating func writeEvidence(_ evidence: [Evidence]) {
        beginArray("evidence")
        for fact in evidence {
            beginObject()
            field("name", fact.name)
            field("value", fact.value)
            endObject()
        }
        endArray()
    }
}
