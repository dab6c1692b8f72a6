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
        objects("buses", snapshot.buses) { $0.writeBus($1) }
        beginArray("accelerators")
        for card in snapshot.accelerators { card.write(into: &self) }
        endArray()
        objects("zones", snapshot.zones) { $0.writeZone($1) }
        writePower(snapshot)
        writePlanes(snapshot)
        if let fingerprint = snapshot.certificateFingerprint {
            beginObject("tls")
            field("sha256", fingerprint)
            endObject()
        }
        texts("stuck", snapshot.stuck)
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
            texts("drained", posture.drainedAccelerators)
        }
        endObject()
    }

    private mutating func writeBus(_ bus: BusStatus) {
        field("name", bus.name)
        field("address", bus.address)
        field("connected", bus.isConnected)
        field("error", bus.lastError)
        field("requests", bus.requests)
        field("utilisation", bus.utilisation)
        objects("units", bus.units) { writer, unit in
            writer.field("name", unit.name)
            writer.field("unit", unit.unitID)
            writer.field("profile", unit.profile)
            writer.field("state", unit.state.rawValue)
            writer.field("error", unit.lastError)
            writer.field("requests", unit.requests)
            writer.field("timeouts", unit.timeouts)
            writer.field("checksum_errors", unit.checksumErrors)
            writer.field("exceptions", unit.exceptions)
            writer.field("late_replies", unit.lateReplies)
            writer.field("foreign_replies", unit.foreignReplies)
            writer.field("round_trip_ms_p50", Double(unit.roundTripP50.count) / 1e6)
            writer.field("round_trip_ms_p99", Double(unit.roundTripP99.count) / 1e6)
        }
    }

    private mutating func writeZone(_ zone: ZoneStatus) {
        field("name", zone.name)
        field("title", zone.title)
        field("kind", zone.kind)
        field("state", zone.state)
        field("bypassed", zone.isBypassed)
        field("since", zone.since.milliseconds)
        field("reason", zone.reason)
    }

    private mutating func writePlanes(_ snapshot: SiteSnapshot) {
        if let inference = snapshot.inference {
            beginObject("inference")
            field("ready", inference.isReady)
            objects("lanes", inference.lanes) { writer, lane in
                writer.field("model", lane.model)
                writer.field("accelerator", lane.accelerator)
                writer.field("state", lane.state)
                writer.field("reason", lane.reason)
                writer.field("inferences", lane.inferences)
                writer.field("failures", lane.failures)
            }
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
        objects("evidence", evidence) { writer, fact in
            writer.field("name", fact.name)
            writer.field("value", fact.value)
        }
    }
}
