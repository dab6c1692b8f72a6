internal import Platform

/// The words of the page by the names that its script calls them; Korean comes from the catalogue.
enum PageTexts {
    static let json: String = {
        var writer = ByteWriter()
        writer.beginObject()
        for (language, name) in [(Language.english, "en"), (.korean, "ko")] {
            writer.key(string: name)
            writer.beginObject()
            for (key, text) in english {
                writer.key(string: key)
                writer.value(Catalogue.text(text, [], language))
            }
            writer.endObject()
        }
        writer.endObject()
        return writer.text
    }()

    static let english: KeyValuePairs<String, String> = [
        "live": "live", "lost": "connection lost, trying again", "starting": "starting", "health": "Health",
        "ok": "ok", "degraded": "degraded", "fault": "fault", "posture": "Posture", "normal": "normal",
        "conserve": "conserve", "drain": "drain", "stop": "stop", "seal": "seal", "arming": "Security",
        "disarmed": "disarmed", "stay": "armed, somebody inside", "away": "armed", "exiting": "exit delay",
        "entering": "entry delay", "alarms": "Alarms", "no-alarms": "No alarm stands.", "ack": "Acknowledge",
        "acked": "acknowledged by", "cleared": "cleared", "events": "Events", "trends": "Last hour",
        "points": "All values", "filter": "filter, such as ups1.*", "supply": "Supply", "backup": "Backup",
        "distribution": "Distribution", "transfer": "Transfer", "coolant": "Coolant and air", "mains": "Mains",
        "on": "on", "off": "off", "stopped": "stopped", "running": "running",
        "present": "present", "missing": "missing", "on-battery": "on battery", "inferences": "inferences made",
        "door-open": "stands open", "mimic": "The container", "more": "more: use the filter", "kind-ups": "UPS",
        "kind-meter": "meter", "kind-pdu": "distribution", "kind-genset": "generator",
        "kind-ats": "transfer switch", "kind-battery": "battery", "kind-crac": "air cooling",
        "kind-chiller": "chiller", "kind-cdu": "coolant unit", "kind-sensor": "sensor",
        "kind-inverter": "inverter", "kind-rectifier": "power shelf", "kind-rear-door": "rear door",
        "kind-heat-exchanger": "heat exchanger", "kind-other": "machine", "load": "Accelerators",
        "lanes": "Inference", "cooling": "Cooling", "climate": "Climate", "doors": "Doors and sensors",
        "none": "none", "online": "online", "offline": "does not answer", "dormant": "dormant",
        "unread": "not read yet", "readonly": "This address is read-only; use https and your password.",
        "failed": "Refused", "theme": "light or dark", "language": "한국어", "name": "Name", "value": "Value",
        "quality": "Quality", "age": "Age", "good": "good", "stale": "stale", "invalid": "invalid",
        "unverified": "unverified",
        "unsupported": "unsupported", "broken": "failed", "upstream": "Upstream", "connected": "connected",
        "disconnected": "not connected", "behind": "events behind", "journal": "Journal", "durable": "durable",
        "memory-only": "memory only", "alarm": "alarm", "short": "shorted", "open": "cut",
        "bypassed": "bypassed", "ready": "ready", "absent": "absent", "transitional": "in transition",
        "unknown": "unknown", "info": "info", "notice": "notice", "warning": "warning", "major": "major",
        "critical": "critical", "tls": "Certificate fingerprint",
    ]
}
