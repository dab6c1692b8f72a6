public import Platform
public import Site

/// Stands between the lines and the house: what the engine finds goes on the Board, into the status
/// and out as events. Belongs to one thread.
public final class ZoneKeeper: LineListener {
    private let plan: SecurityPlan
    private let board: Board
    private let time: any TimeSource
    private let events: Mailbox<EventDraft>
    public let status: Latest<[ZoneStatus]>
    private var engine: ZoneEngine
    private var zones: [ZoneStatus]
    private let statePoints: [PointID?]
    private let activationPoints: [PointID?]
    private let lostPoint: PointID?

    public private(set) var edgesLostTotal: UInt64 = 0
    /// Lost since it was last said; a storm says so once a second, not once a wake-up.
    private var lostUnsaid: UInt64 = 0
    private var lostSaidAt: MonotonicTime?
    private var hasSaidStart = false
    /// What did not fit into the mailbox yet, oldest first.
    private var unsent: [EventDraft] = []
    private var unsentDropped: UInt64 = 0

    static let lossSaidEvery = Nanoseconds.seconds(1)
    /// Zones are quieted after a few events each, so this is hours of them for a container.
    static let unsentMax = 1024
    static let sendAgainAfter = Nanoseconds.milliseconds(20)

    public init(
        plan: SecurityPlan, board: Board, time: any TimeSource, events: Mailbox<EventDraft>,
        status: Latest<[ZoneStatus]>
    ) {
        self.plan = plan
        self.board = board
        self.time = time
        self.events = events
        self.status = status
        engine = ZoneEngine(plan)
        statePoints = plan.zones.map { board.points.id(of: $0.statePoint) }
        activationPoints = plan.zones.map { board.points.id(of: $0.activationsPoint) }
        lostPoint = board.points.id(of: SecurityPlan.edgesLostPoint)
        let now = time.now().wall
        zones = plan.zones.map { zone in
            ZoneStatus(
                name: zone.name, title: zone.title, kind: zone.kind.rawValue, state: "fault", isBypassed: false,
                since: now, reason: Reason.notYetRead.text)
        }
        status.publish(zones)
        let moment = time.now()
        for id in activationPoints { if let id { board.publish(id, 0, at: moment) } }
        if let lostPoint { board.publish(lostPoint, 0, at: moment) }
    }

    // MARK: - From the lines

    public func lineMoved(_ line: Int, isHigh: Bool, isSettled: Bool, at time: MonotonicTime) {
        engine.move(line, isHigh: isHigh, isSettled: isSettled, at: time)
        if !engine.outputs.isEmpty { tell() }
    }

    public func lineFailed(_ line: Int, _ fault: LineFault) {
        // What only a change of the wiring or of the machine can mend is said with the wiring's own place.
        if fault.reason == .lineMissing || fault.reason == .lineBusy || fault.reason == .noPermission {
            Log.write(
                .warning, "security", "\(plan.lines[line].writtenAt): line \(plan.lines[line].name): \(fault.text)")
        }
        engine.fail(line, fault, at: time.now().monotonic)
        if !engine.outputs.isEmpty { tell() }
    }

    public func edgesLost(_ count: UInt64) {
        edgesLostTotal += count
        lostUnsaid += count
        if let lostPoint { board.publish(lostPoint, Double(edgesLostTotal), at: time.now()) }
        sayLost(time.now())
    }

    // MARK: - By the clock

    public var nextDeadline: MonotonicTime? {
        var due = engine.nextDeadline ?? .distantFuture
        if lostUnsaid > 0, let said = lostSaidAt { due = min(due, said + ZoneKeeper.lossSaidEvery) }
        if !unsent.isEmpty { due = min(due, time.now().monotonic + ZoneKeeper.sendAgainAfter) }
        return due == .distantFuture ? nil : due
    }

    public func tick() {
        let now = time.now()
        engine.advance(to: now.monotonic)
        if !engine.outputs.isEmpty { tell() }
        if lostUnsaid > 0 { sayLost(now) }
        flush()
    }

    // MARK: - To the house

    private func tell() {
        let now = time.now()
        let outputs = engine.takeOutputs()
        // Made before anything is published: who is woken by a reading finds the news of it in the same look.
        let drafts = outputs.map { draft($0, now) }
        var isStatusNew = false
        for (output, draft) in zip(outputs, drafts) {
            switch output {
            case .activated(let zone, let total, let at):
                if let id = activationPoints[zone] { board.publish(id, Double(total), at: moment(at, now)) }
            case .changed(let zone, _, let verdict, _, let at):
                publish(zone, verdict, moment(at, now))
                isStatusNew = true
            case .quieted(let zone, _):
                zones[zone].reason = "flaps: quieted until at rest"
                isStatusNew = true
            case .heardAgain(let zone, _, _):
                zones[zone].reason = nil
                isStatusNew = true
            }
            if let draft { send(draft) }
        }
        if isStatusNew { status.publish(zones) }
        sayStart(now)
    }

    private func draft(_ output: ZoneEngine.Output, _ now: Moment) -> EventDraft? {
        switch output {
        case .activated: nil
        case .changed(let zone, let was, let verdict, let line, let at):
            // How the container was found is said once for all zones, not normal by normal.
            was == nil && verdict == .state(.normal) ? nil : changeDraft(zone, was, verdict, line, at, now)
        case .quieted(let zone, let at): quietedDraft(zone, moment(at, now))
        case .heardAgain(let zone, let untold, let at): heardAgainDraft(zone, untold, moment(at, now))
        }
    }

    private func publish(_ zone: Int, _ verdict: ZoneVerdict, _ at: Moment) {
        zones[zone].state = verdict.text
        zones[zone].since = at.wall
        switch verdict {
        case .state(let state):
            if !engine.isQuieted(zone) { zones[zone].reason = nil }
            if let id = statePoints[zone] { board.publish(id, Double(state.rawValue), at: at) }
        case .fault(let fault):
            zones[zone].reason = fault.text
            if let id = statePoints[zone] { board.publish(id, .failed, fault.reason) }
        }
    }

    /// The kernel's stamp on both clocks.
    private func moment(_ stamp: MonotonicTime, _ now: Moment) -> Moment { now.advanced(by: stamp - now.monotonic) }

    private func send(_ draft: EventDraft) {
        flush()
        if unsent.isEmpty, events.send(draft) { return }
        if unsent.count < ZoneKeeper.unsentMax { unsent.append(draft) } else { unsentDropped += 1 }
    }

    private func flush() {
        var sent = 0
        while sent < unsent.count, events.send(unsent[sent]) { sent += 1 }
        if sent > 0 { unsent.removeFirst(sent) }
        if unsent.isEmpty, unsentDropped > 0 {
            let dropped = unsentDropped
            unsentDropped = 0
            send(
                EventDraft(
                    time: time.now(), kind: .edgesLost, severity: .major, subject: "security",
                    text: "\(dropped) zone events were dropped: the journal did not take them in time",
                    evidence: [Evidence("dropped", "\(dropped)")]))
        }
    }
}

// MARK: - What is said

extension ZoneKeeper {
    private func changeDraft(
        _ zone: Int, _ was: ZoneVerdict?, _ verdict: ZoneVerdict, _ line: Int?, _ at: MonotonicTime, _ now: Moment
    ) -> EventDraft {
        let zonePlan = plan.zones[zone]
        var text = "\(zonePlan.title): \(verdict.text)"
        if case .fault(let fault) = verdict { text += ", \(fault.text)" }
        if was == nil { text += " (as found at the start)" }
        var evidence = [Evidence("state", verdict.text), Evidence("was", was?.text ?? "unknown")]
        if let line {
            evidence.append(Evidence("line", plan.lines[line].name))
            if let isHigh = engine.level(line) { evidence.append(Evidence("level", isHigh ? "high" : "low")) }
        }
        evidence.append(Evidence("monotonic-ns", "\(at.nanoseconds)"))
        return EventDraft(
            time: moment(at, now), kind: .zoneChanged, severity: severity(zonePlan, verdict), subject: zonePlan.subject,
            text: text, evidence: evidence)
    }

    private func severity(_ zone: ZonePlan, _ verdict: ZoneVerdict) -> Severity {
        switch verdict {
        case .state(.normal): .info
        case .state(.short), .state(.open): .major
        case .fault: zone.is24Hour ? .major : .warning
        case .state(.alarm):
            switch zone.kind {
            case .smoke: .critical
            case .leak, .tamper: .major
            case .mains: .warning
            // What an open door means depends on the arming: Control raises that alarm.
            case .door, .motion, .contact: .notice
            }
        }
    }

    private func quietedDraft(_ zone: Int, _ at: Moment) -> EventDraft {
        let swinger = plan.zones[zone].swinger
        return EventDraft(
            time: at, kind: .zoneChanged, severity: .warning, subject: plan.zones[zone].subject,
            text: "\(plan.zones[zone].title) flaps: \(swinger.count) activations within "
                + "\(Int(swinger.window.seconds)) s; held in alarm and quiet until at rest for "
                + "\(Int(swinger.rest.seconds)) s",
            evidence: [
                Evidence("quieted", "true"), Evidence("activations", "\(engine.activations(zone))"),
                Evidence("line", plan.lines[plan.zones[zone].line].name),
            ])
    }

    private func heardAgainDraft(_ zone: Int, _ untold: UInt64, _ at: Moment) -> EventDraft {
        EventDraft(
            time: at, kind: .zoneChanged, severity: .info, subject: plan.zones[zone].subject,
            text: "\(plan.zones[zone].title) is at rest and heard again; \(untold) activations were not told",
            evidence: [Evidence("quieted", "false"), Evidence("untold", "\(untold)")])
    }

    private func sayLost(_ now: Moment) {
        if let said = lostSaidAt, now.monotonic - said < ZoneKeeper.lossSaidEvery { return }
        send(
            EventDraft(
                time: now, kind: .edgesLost, severity: .warning, subject: "security",
                text: "\(lostUnsaid) edges were lost: the kernel's queue was full; all levels were read again",
                evidence: [Evidence("lost", "\(lostUnsaid)"), Evidence("total", "\(edgesLostTotal)")]))
        lostUnsaid = 0
        lostSaidAt = now.monotonic
    }

    /// Once, when every zone has been read or found unreadable: how the container was found.
    private func sayStart(_ now: Moment) {
        if hasSaidStart || plan.zones.isEmpty { return }
        for zone in plan.zones.indices where engine.verdict(zone) == nil { return }
        hasSaidStart = true
        let others = zones.filter { $0.state != "normal" }
        let summary =
            others.isEmpty ? "all normal" : others.map { "\($0.name) \($0.state)" }.joined(separator: ", ")
        send(
            EventDraft(
                time: now, kind: .zoneChanged, severity: .info, subject: "security",
                text: "\(zones.count) zones read at the start: \(summary)"))
    }
}
