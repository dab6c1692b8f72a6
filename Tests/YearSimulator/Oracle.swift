internal import Control
internal import Platform
internal import Site

/// Knows from the same samples, by simpler means than Control's own, what must and what must not be.
struct Oracle {
    struct Wrong: Error, CustomStringConvertible {
        let description: String
        init(_ text: String) { description = text }
    }

    private let rules: [Rule]
    private let places: [String: Int]
    /// Since when the samples say so at every look, not knowing included where that is as bad.
    private var heldSince: [MonotonicTime?]
    private var raised: [Bool]
    private var active: [Bool]
    private var version = UInt64.max
    private(set) var listed: [Alarm] = []
    private var isFireActive = false
    private var isInterlocked = false
    /// What the listed alarms demand.
    private var needed = PostureState.normal
    /// When something last spoke against taking work.
    private var lastObstacle: MonotonicTime
    private var arming = ArmingState.disarmed
    private var writes = WriteLedger()
    private var power: PowerFeedStatus?
    private var lastStep: MonotonicTime?
    private let smoke: Int

    /// A raise may wait this long for its cause.
    private static let causeAwaited = Nanoseconds.milliseconds(5001)

    init(_ rules: [Rule], smoke: Int, _ now: Moment) {
        self.rules = rules
        self.smoke = smoke
        var places: [String: Int] = [:]
        for (place, rule) in rules.enumerated() { places[rule.id] = place }
        self.places = places
        heldSince = Array(repeating: nil, count: rules.count)
        raised = Array(repeating: false, count: rules.count)
        active = raised
        lastObstacle = now.monotonic
    }

    /// Killed and started again: readings, delays and device threads are gone, what stood stands.
    mutating func restarted(_ now: Moment) {
        heldSince = Array(repeating: nil, count: rules.count)
        version = .max
        lastObstacle = now.monotonic
        power = nil
        writes.restarted(now.monotonic)
    }

    mutating func judge(_ decisions: Decisions, _ inputs: ControlInputs, _ verdicts: Verdicts, _ now: Moment)
        throws(Wrong)
    {
        try judgeEvents(decisions, verdicts, now)
        refreshList(decisions)
        try judgeConditions(verdicts, now)
        try judgePosture(decisions, verdicts, now)
        try judgeZones(decisions, inputs, verdicts)
        try judgePower(decisions, now)
        try writes.judge(decisions, inputs, interlocked: isInterlocked, now)
        if let deadline = decisions.nextDeadline, deadline <= now.monotonic {
            throw Wrong("Control wants to be stepped again at once: the loop would spin")
        }
        lastStep = now.monotonic
    }

    // MARK: - What must be so

    private mutating func judgeEvents(_ decisions: Decisions, _ verdicts: Verdicts, _ now: Moment) throws(Wrong) {
        for event in decisions.events where event.kind == .alarmRaised || event.kind == .alarmCleared {
            let id = event.evidence.first { $0.name == "alarm" }?.value ?? ""
            if event.kind == .alarmRaised, event.evidence.count < 2 { throw Wrong("\(id) was raised without evidence") }
            if id.hasSuffix(".intrusion"), event.kind == .alarmRaised,
                decisions.arming == .disarmed || decisions.arming == .exiting
            {
                throw Wrong("\(id) was raised while \(decisions.arming.rawValue)")
            }
            guard let place = places[id] else { continue }  // the feed's, the zones'
            if event.kind == .alarmRaised {
                // A consequence that outlives its cause is told a second time.
                if raised[place] { continue }
                raised[place] = true
                try judgeRaise(place, verdicts.list[place], now)
            } else {
                raised[place] = false
                switch verdicts.list[place] {
                case .unknown: throw Wrong("\(id) was cleared, and nobody knows")
                case .yes: throw Wrong("\(id) was cleared, and it still holds")
                case .no, .between: break
                }
            }
        }
    }

    private func judgeRaise(_ place: Int, _ verdict: Verdicts.Verdict, _ now: Moment) throws(Wrong) {
        let rule = rules[place]
        switch verdict {
        case .no: throw Wrong("\(rule.id) was raised, and its samples say no")
        case .unknown where !rule.raisesUnknown: throw Wrong("\(rule.id) was raised, and nobody knows")
        case .yes, .between, .unknown: break
        }
        if case .other = rule.test { return }
        guard let since = heldSince[place] else {
            if rule.raiseAfter > .zero { throw Wrong("\(rule.id) was raised at the first look") }
            return
        }
        if now.monotonic - since < rule.raiseAfter { throw Wrong("\(rule.id) was raised before its delay was over") }
        if now.monotonic - since > rule.raiseAfter + Oracle.causeAwaited {
            throw Wrong("\(rule.id) was raised \((now.monotonic - since).seconds) s after it began: too late")
        }
    }

    private mutating func refreshList(_ decisions: Decisions) {
        if decisions.alarmsVersion == version { return }
        version = decisions.alarmsVersion
        for place in active.indices { active[place] = false }
        needed = .normal
        (listed, isFireActive, isInterlocked) = (decisions.alarms, false, false)
        for alarm in decisions.alarms {
            if alarm.isActive, alarm.id.hasPrefix("device3.") { isInterlocked = true }
            if let place = places[alarm.id] {
                active[place] = alarm.isActive
                needed = max(needed, rules[place].posture)
            } else if alarm.id.hasSuffix(".intrusion") {
                needed = .seal
            } else if alarm.id == "zone.smoke.fire" {
                isFireActive = alarm.isActive
                needed = max(needed, .stop)
            }
        }
    }

    private mutating func judgeConditions(_ verdicts: Verdicts, _ now: Moment) throws(Wrong) {
        for place in rules.indices {
            if active[place] != raised[place] { throw Wrong("the list and the events disagree on \(rules[place].id)") }
            let verdict = verdicts.list[place]
            if verdict == .unknown, rules[place].posture >= .drain { lastObstacle = now.monotonic }
            guard verdict == .yes || (verdict == .unknown && rules[place].raisesUnknown) else {
                heldSince[place] = nil
                continue
            }
            let since = heldSince[place] ?? now.monotonic
            heldSince[place] = since
            if !active[place], now.monotonic - since > rules[place].raiseAfter + Oracle.causeAwaited {
                throw Wrong(
                    "\(rules[place].id) has held for \((now.monotonic - since).seconds) s and is not in the list")
            }
        }
    }

    private mutating func judgePosture(_ decisions: Decisions, _ verdicts: Verdicts, _ now: Moment) throws(Wrong) {
        let state = decisions.posture.state
        if state < needed { throw Wrong("posture \(state.text), and an alarm wants \(needed.text)") }
        let isTight = decisions.power.contains {
            $0.activeTarget != nil || $0.allowedWatts < $0.defaultWatts
                || ($0.measuredWatts ?? 0) > $0.defaultWatts * 0.95
        }
        if needed > .normal || isTight || smoke >= 0 && verdicts.number(smoke) == nil { lastObstacle = now.monotonic }
        // Five minutes are more than every hold and patience together.
        if state > .normal, now.monotonic - lastObstacle > .seconds(300) {
            throw Wrong("posture \(state.text) (\(decisions.posture.reason)), and nothing wants it any more")
        }
    }

    private mutating func judgeZones(_ decisions: Decisions, _ inputs: ControlInputs, _ verdicts: Verdicts)
        throws(Wrong)
    {
        if verdicts.number(smoke) == 1,
            !decisions.zones.contains(where: { $0.name == "smoke" && $0.isBypassed }),
            !isFireActive
        {
            throw Wrong("there is smoke, and no fire alarm")
        }
        let mayDisarm = inputs.requests.contains { $0.kind == .arming(.disarm) }
        if arming != .disarmed, decisions.arming == .disarmed, !mayDisarm {
            throw Wrong("disarmed from \(arming.rawValue), and nobody asked")
        }
        arming = decisions.arming
    }

    private mutating func judgePower(_ decisions: Decisions, _ now: Moment) throws(Wrong) {
        guard let feed = decisions.power.first else { throw Wrong("the feed is gone") }
        defer { power = feed }
        if feed.allowedWatts > feed.maximumWatts + 1e-6 { throw Wrong("\(feed.allowedWatts) W are allowed") }
        guard let before = power, let lastStep else { return }
        if feed.energyWattHours < before.energyWattHours - 1e-6 { throw Wrong("energy flows backwards") }
        let seconds = (now.monotonic - lastStep).seconds
        let change = feed.allowedWatts - before.allowedWatts
        // The ramp may have begun up to a second before the last look at it.
        if change > 100 * (seconds + 1) || -change > 500 * (seconds + 1) {
            throw Wrong("the allowance moved by \(change) W in \(seconds) s")
        }
    }
}
