internal import Platform
internal import Site

/// What the flex agent says, signed: power states and breaches as Control decides them.
final class FlexVoice {
    private let plan: FlexPlan
    private let site: String
    /// Traces of the commands heard lately, by correlation id.
    private var traces: [(correlationID: String, trace: TraceContext)] = []

    init(plan: FlexPlan, site: String) {
        self.plan = plan
        self.site = site
    }

    func remember(_ trace: TraceContext, _ correlationID: String) {
        traces = Array((traces + [(correlationID, trace)]).suffix(64))
    }

    /// Nil when there is no key to sign with: unsigned is worse than silent.
    func powerState(_ feeds: [PowerFeedStatus], isPeriodic: Bool, key: SigningKey, at now: Moment) -> OutgoingMessage? {
        var writer = ByteWriter(capacity: 2048)
        writer.beginObject()
        writer.field("snapshot_time", now.wall.rfc3339)
        writer.beginObject("feeds")
        for feed in feeds { write(feed, isPeriodic: isPeriodic, into: &writer) }
        writer.endObject()
        writer.endObject()
        let cause = isPeriodic ? nil : feeds.compactMap { ($0.activeTarget ?? $0.targets.last)?.id }.first
        return envelope(
            "grid.powerstate.status.v1", subject: "powerstate", topic: "powerstate/status", qos: 1, writer.bytes,
            correlationID: cause, key, now)
    }

    private func write(_ feed: PowerFeedStatus, isPeriodic: Bool, into writer: inout ByteWriter) {
        writer.key(string: feed.tag)
        writer.beginObject()
        writer.beginObject("metadata")
        power("power_minimum", feed.minimumWatts, into: &writer)
        power("power_maximum", feed.maximumWatts, into: &writer)
        power("default_constraint", feed.defaultWatts, into: &writer)
        writer.endObject()
        writer.beginArray("targets")
        for target in feed.targets {
            guard let watts = target.watts else { continue }
            writer.beginObject()
            writer.field("active", target == feed.activeTarget)
            power("load_constraint", watts, into: &writer)
            writer.beginObject("interval")
            writer.field("start_time", target.start.rfc3339)
            writer.field("end_time", target.end?.rfc3339)
            writer.endObject()
            writer.beginObject("strategy")
            writer.field("best_effort", target.isBestEffort)
            writer.endObject()
            writer.field("correlation_id", FlexVoice.uuid(target.id))
            writer.endObject()
        }
        writer.endArray()
        power("calculated_load", feed.calculatedWatts, into: &writer)
        writer.field("in_flight", feed.isRamping)
        writer.field(
            "event", isPeriodic ? PowerFeedStatus.Transition.periodic.rawValue : feed.lastTransition.rawValue)
        writer.field("power_event_start_time", feed.eventStart?.rfc3339)
        writer.field("compliant", feed.isCompliant)
        writer.endObject()
    }

    func breach(_ breach: PowerBreach, key: SigningKey, at now: Moment) -> OutgoingMessage? {
        var writer = ByteWriter(capacity: 1024)
        let targetWatts = breach.target.watts ?? 0
        writer.beginObject()
        writer.field("feed_tag", breach.feed)
        writer.field("status", breach.state.rawValue)
        writer.field("severity", breach.isCritical ? "critical" : "warning")
        writer.beginObject("breach")
        writer.field("breach_id", breach.id)
        writer.field("detected_at", breach.detected.rfc3339)
        if breach.state == .resolved { writer.field("resolved_at", (breach.resolved ?? now.wall).rfc3339) }
        writer.endObject()
        writer.beginObject("target")
        writer.field("correlation_id", FlexVoice.uuid(breach.target.id))
        power("load_constraint", targetWatts, into: &writer)
        writer.endObject()
        power("measured_load", breach.measuredWatts, into: &writer)
        if breach.state != .resolved { writeHints(targetWatts, into: &writer) }
        writer.beginArray("infrastructure_actions")
        if breach.state != .resolved {
            writer.value("SHUTDOWN_NODES")
            if breach.isCritical { writer.value("SHUTDOWN_RACKS") }
        }
        writer.endArray()
        writer.endObject()
        return envelope(
            "grid.powerbreach.alert.v1", subject: "powerbreach", topic: "powerbreach", qos: 2, writer.bytes,
            correlationID: breach.target.id, key, now)
    }

    /// The container knows its own limit best: capped to the target it is compliant.
    private func writeHints(_ targetWatts: Double, into writer: inout ByteWriter) {
        writer.beginArray("shed_hints")
        writer.beginObject()
        writer.field("resource_id", site)
        writer.field("resource_type", "chassis")
        writer.field("action", "power_cap")
        writer.field("priority", 1)
        power("target_power", targetWatts, into: &writer)
        writer.endObject()
        writer.endArray()
    }

    private func power(_ name: StaticString, _ watts: Double, into writer: inout ByteWriter) {
        writer.beginObject(name)
        writer.field("value", watts.isFinite ? max(0, watts) : 0)
        writer.field("unit", "watt")
        writer.endObject()
    }

    private func envelope(
        _ type: String, subject: String, topic: String, qos: Int32, _ data: [UInt8], correlationID: String?,
        _ key: SigningKey, _ now: Moment
    ) -> OutgoingMessage? {
        guard let signed = key.sign(data) else { return nil }
        let trace = TraceContext.next(after: traces.last { $0.correlationID == correlationID }?.trace)
        var writer = ByteWriter(capacity: signed.utf8.count + 512)
        writer.beginObject()
        writer.field("specversion", "1.0.2")
        writer.field("id", UUIDText.make())
        writer.field("source", "//grid/v1/dsx-flex-agent/\(plan.agent)")
        writer.field("type", type)
        writer.field("time", now.wall.rfc3339)
        writer.field("datacontenttype", "application/json")
        writer.field("subject", subject)
        writer.field("traceparent", trace.parent)
        writer.field("tracestate", trace.state)
        writer.field("correlationid", correlationID.map(FlexVoice.uuid))
        writer.field("data", signed)
        writer.endObject()
        return OutgoingMessage(
            topic: "grid/v1/dsx-flex-agent/\(plan.agent)/\(topic)", payload: writer.bytes, qos: qos)
    }

    /// Targets that a technician set have ids of their own making; on the bus an id is a UUID, and the
    /// same text always becomes the same one (version 5 in form, over SHA-256).
    static func uuid(_ id: String) -> String {
        if UUIDText.isWellFormed(id) { return id }
        var bytes = Array(sha256(Array(id.utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x50
        bytes[8] = bytes[8] & 0x3F | 0x80
        return UUIDText.text(bytes)
    }
}
