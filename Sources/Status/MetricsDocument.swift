internal import CLinux
internal import HTTP
internal import Platform
internal import Site

/// The agent's own families. Points come after, from the layout.
extension MetricsWriter {
    /// Names that no point may take.
    static let ownFamilies: Set<String> = {
        let empty = SiteSnapshot(
            site: "", title: "", version: "", time: Moment(monotonic: .distantPast, wall: WallTime(milliseconds: 0)),
            points: PointTable([]), readings: [],
            posture: Posture(state: .stop, reason: "", since: WallTime(milliseconds: 0)))
        var writer = MetricsWriter(ByteWriter(), .openMetrics)
        writer.writeOwn(empty, HTTPCounts())
        let lines = writer.out.text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        return Set(lines.compactMap { $0.split(separator: " ").dropFirst(2).first.map(String.init) })
            .union(["mdc_point_quality"])
    }()

    mutating func writeOwn(_ snapshot: SiteSnapshot, _ http: HTTPCounts) {
        begin("mdc_agent_info", .gauge, "The agent and the container it looks after.")
        sample(("site", snapshot.site), ("version", snapshot.version), value: 1)
        single(
            "mdc_health_state", .gauge, "0 ok, 1 degraded, 2 fault.", value: Double(SiteHealth(snapshot).rawValue))
        single(
            "mdc_snapshot_timestamp_seconds", .gauge, "When what is shown here was true.", unit: "seconds",
            value: Double(snapshot.time.wall.milliseconds) / 1000)
        writePosture(snapshot)
        writeAlarms(snapshot.alarms)
        writeBuses(snapshot.buses)
        writeUnits(snapshot.buses)
        writeZones(snapshot.zones)
        writeAccelerators(snapshot.accelerators)
        writeInference(snapshot.inference)
        writePower(snapshot)
        writeUpstream(snapshot.upstream)
        writeJournal(snapshot.journal)
        writeAgent(snapshot, http)
    }

    private mutating func writePosture(_ snapshot: SiteSnapshot) {
        begin("mdc_posture_state", .gauge, "1 for what the container allows its inference.")
        for state in PostureState.allCases {
            sample(("state", state.text), value: snapshot.posture.state == state ? 1 : 0)
        }
        begin("mdc_posture_budget_watts", .gauge, "What the accelerators may draw, while conserving.", unit: "watts")
        if let watts = snapshot.posture.watts { sample(value: watts) }
        begin("mdc_arming_state", .gauge, "1 for how the container is armed.")
        for state in ArmingState.allCases { sample(("state", state.rawValue), value: snapshot.arming == state ? 1 : 0) }
    }

    private mutating func writeAlarms(_ alarms: [Alarm]) {
        begin("mdc_alarms_active", .gauge, "Alarms that stand, by severity.")
        for severity in Severity.allCases {
            let count = alarms.filter { $0.isActive && $0.severity == severity }.count
            sample(("severity", severity.text), value: Double(count))
        }
        single(
            "mdc_alarms_unacknowledged", .gauge, "Alarms that nobody has acknowledged.",
            value: Double(alarms.filter { !$0.isAcknowledged }.count))
        begin("mdc_alarm_active", .gauge, "1 for each alarm that stands.")
        for alarm in alarms where alarm.isActive {
            sample(("alarm", alarm.id), ("severity", alarm.severity.text), ("subject", alarm.subject), value: 1)
        }
    }

    private mutating func writeBuses(_ buses: [BusStatus]) {
        begin("mdc_bus_connected", .gauge, "1 while the bus or its gateway is reached.")
        for bus in buses { sample(("bus", bus.name), value: bus.isConnected ? 1 : 0) }
        begin("mdc_bus_requests", .counter, "Requests put on the bus.")
        for bus in buses { sample(("bus", bus.name), value: Double(bus.requests)) }
        begin("mdc_bus_utilisation_ratio", .gauge, "Share of time the bus was in use.", unit: "ratio")
        for bus in buses { sample(("bus", bus.name), value: bus.utilisation) }
    }

    private mutating func writeUnits(_ buses: [BusStatus]) {
        func each(_ body: (BusStatus, UnitStatus) -> Void) {
            for bus in buses { for unit in bus.units { body(bus, unit) } }
        }
        begin("mdc_unit_online", .gauge, "1 while the unit answers.")
        each { sample(("bus", $0.name), ("unit", $1.name), value: $1.state == .online ? 1 : 0) }
        let counters: [(String, String, (UnitStatus) -> UInt64)] = [
            ("mdc_unit_requests", "Requests to the unit.", { $0.requests }),
            ("mdc_unit_timeouts", "Requests without an answer in time.", { $0.timeouts }),
            ("mdc_unit_checksum_errors", "Answers with a wrong checksum.", { $0.checksumErrors }),
            ("mdc_unit_exceptions", "Answers that said no.", { $0.exceptions }),
            ("mdc_unit_late_replies", "Answers after their time, dropped.", { $0.lateReplies }),
            ("mdc_unit_foreign_replies", "Answers to something else, dropped.", { $0.foreignReplies }),
        ]
        for (name, help, read) in counters {
            begin(name, .counter, help)
            each { sample(("bus", $0.name), ("unit", $1.name), value: Double(read($1))) }
        }
        begin("mdc_unit_round_trip_median_seconds", .gauge, "Median time to an answer.", unit: "seconds")
        each { sample(("bus", $0.name), ("unit", $1.name), value: $1.roundTripP50.seconds) }
        begin("mdc_unit_round_trip_tail_seconds", .gauge, "99th percentile of the time to an answer.", unit: "seconds")
        each { sample(("bus", $0.name), ("unit", $1.name), value: $1.roundTripP99.seconds) }
    }

    private mutating func writeZones(_ zones: [ZoneStatus]) {
        begin("mdc_zone_normal", .gauge, "1 while the zone is at rest; 0 in alarm, shorted, cut or at fault.")
        for zone in zones {
            sample(("zone", zone.name), ("kind", zone.kind), value: zone.state == "normal" ? 1 : 0)
        }
        begin("mdc_zone_bypassed", .gauge, "1 while somebody has taken the zone out of service.")
        for zone in zones { sample(("zone", zone.name), value: zone.isBypassed ? 1 : 0) }
    }

    private mutating func writeAccelerators(_ cards: [AcceleratorStatus]) {
        begin("mdc_accelerator_info", .gauge, "What sits where.")
        for card in cards {
            sample(
                ("accelerator", card.name), ("vendor", card.vendor), ("model", card.model), ("address", card.address),
                value: 1)
        }
        begin("mdc_accelerator_health", .gauge, "1 for the card's health.")
        for card in cards {
            for health in AcceleratorHealth.allCases {
                sample(
                    ("accelerator", card.name), ("health", health.text), value: card.health == health ? 1 : 0)
            }
        }
        begin("mdc_accelerator_findings", .gauge, "What the agent found wrong with the card.")
        for card in cards { sample(("accelerator", card.name), value: Double(card.findings.count)) }
    }

    private mutating func writeInference(_ inference: InferenceStatus?) {
        begin("mdc_inference_ready", .gauge, "1 while the inference plane takes work.")
        if let inference { sample(value: inference.isReady ? 1 : 0) }
        let lanes = inference?.lanes ?? []
        begin("mdc_lane_ready", .gauge, "1 while the lane takes work.")
        for lane in lanes {
            sample(
                ("model", lane.model), ("accelerator", lane.accelerator ?? ""), value: lane.state == "ready" ? 1 : 0)
        }
        begin("mdc_lane_inferences", .counter, "Inferences answered.")
        for lane in lanes {
            sample(("model", lane.model), ("accelerator", lane.accelerator ?? ""), value: Double(lane.inferences))
        }
        begin("mdc_lane_failures", .counter, "Inferences that failed.")
        for lane in lanes {
            sample(("model", lane.model), ("accelerator", lane.accelerator ?? ""), value: Double(lane.failures))
        }
    }

    private mutating func writePower(_ snapshot: SiteSnapshot) {
        let feeds: [(String, String, (PowerFeedStatus) -> Double?)] = [
            ("mdc_feed_power_watts", "What the feed draws.", { $0.measuredWatts }),
            ("mdc_feed_allowed_watts", "What the feed may draw now, on its ramp.", { $0.allowedWatts }),
            ("mdc_feed_default_watts", "What the feed may draw without a target.", { $0.defaultWatts }),
            ("mdc_feed_maximum_watts", "What the feed can carry.", { $0.maximumWatts }),
        ]
        for (name, help, read) in feeds {
            begin(name, .gauge, help, unit: "watts")
            for feed in snapshot.power { if let watts = read(feed) { sample(("feed", feed.tag), value: watts) } }
        }
        begin("mdc_feed_compliant", .gauge, "1 while the feed keeps to what it may draw.")
        for feed in snapshot.power { sample(("feed", feed.tag), value: feed.isCompliant ? 1 : 0) }
        begin("mdc_feed_energy_joules", .counter, "Energy through the feed.", unit: "joules")
        for feed in snapshot.power { sample(("feed", feed.tag), value: feed.energyWattHours * 3600) }
        begin("mdc_lane_energy_joules", .counter, "Energy that the lane's accelerator has drawn.", unit: "joules")
        for lane in snapshot.energy?.lanes ?? [] {
            sample(("model", lane.model), ("accelerator", lane.accelerator), value: lane.joules)
        }
    }

    private mutating func writeUpstream(_ upstream: UpstreamStatus?) {
        begin("mdc_upstream_connected", .gauge, "1 while the broker is reached.")
        if let upstream { sample(value: upstream.isConnected ? 1 : 0) }
        begin("mdc_upstream_events_behind", .gauge, "Events that the broker has not acknowledged.")
        if let upstream { sample(value: Double(upstream.eventsBehind)) }
        begin("mdc_upstream_events_lost", .counter, "Events that gave way before a broker took them.")
        if let upstream { sample(value: Double(upstream.eventsLost)) }
    }

    private mutating func writeJournal(_ journal: JournalStatus?) {
        begin("mdc_journal_durable", .gauge, "1 while events reach the disk before anyone is told.")
        if let journal { sample(value: journal.isDurable ? 1 : 0) }
        begin("mdc_journal_events", .counter, "Events written since the journal began.")
        if let journal { sample(value: Double(journal.lastSequence)) }
        begin("mdc_journal_size_bytes", .gauge, "What the journal takes on disk.", unit: "bytes")
        if let journal { sample(value: Double(journal.bytes)) }
        begin("mdc_journal_dropped", .counter, "Events or samples lost for want of space.")
        if let journal { sample(value: Double(journal.dropped + journal.droppedReadings)) }
    }

    private mutating func writeAgent(_ snapshot: SiteSnapshot, _ http: HTTPCounts) {
        begin("mdc_thread_stuck", .gauge, "1 for each of the agent's threads that makes no progress.")
        for name in snapshot.stuck { sample(("thread", name), value: 1) }
        single("mdc_control_steps", .counter, "Judgements of the control loop.", value: Double(snapshot.pace.steps))
        single(
            "mdc_control_step_seconds", .counter, "Time they took together.", unit: "seconds",
            value: snapshot.pace.total.seconds)
        single(
            "mdc_control_longest_step_seconds", .gauge, "The longest of them since the start.", unit: "seconds",
            value: snapshot.pace.longest.seconds)
        single(
            "mdc_process_resident_memory_bytes", .gauge, "Memory the agent holds.", unit: "bytes",
            value: Double(cl_resident_bytes()))
        single(
            "mdc_process_cpu_seconds", .counter, "Processor time the agent has used.", unit: "seconds",
            value: Double(cl_process_cpu_ns()) / 1e9)
        single(
            "mdc_http_connections", .gauge, "Clients of the status server.", value: Double(http.connectionsOpen))
        single(
            "mdc_http_connections_accepted", .counter, "Clients taken since the start.",
            value: Double(http.connectionsAccepted))
        begin("mdc_http_answers", .counter, "Answers by class of status.")
        for (index, count) in http.answersByClass.enumerated() {
            sample(("class", "\(index + 1)xx"), value: Double(count))
        }
        begin("mdc_http_refusals", .counter, "Requests that the server itself refused.")
        for (refusal, count) in zip(Refusal.allCases, http.refusals) {
            sample(("reason", refusal.label), value: Double(count))
        }
    }
}
