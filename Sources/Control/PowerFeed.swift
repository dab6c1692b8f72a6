internal import Platform
internal import Site

/// One feed: its targets, its ramp, what it draws, its breach.
struct PowerFeed: Sendable {
    let plan: PowerFeedPlan
    private(set) var allowed: Double
    private(set) var measured: Double?
    private(set) var breach: PowerBreach?
    private(set) var isOverLimit: Bool?

    private let meters: [Meter]
    /// In the order in which they were set: where two overlap, the later one counts.
    private var targets: [PowerTarget] = []
    private var active: PowerTarget?
    private var ramp = Ramp.none
    private var lastTransition = PowerFeedStatus.Transition.periodic
    private var eventStart: WallTime?
    private var lastStep: MonotonicTime?
    private var overSince: MonotonicTime?
    private var overLimitSince: MonotonicTime?
    private var due: MonotonicTime?
    private var energyWattHours = 0.0
    private var lastMeasured: Double?

    private enum Ramp: Sendable { case none, down, up }

    /// Meters of class 1 disagree with the grid's by a percent or two: no breach over that.
    private static let breachMargin = 1.02
    /// Over the target by more than this is critical (DSX Flex 1.7).
    private static let criticalFactor = 1.2
    /// Energy is not made up over a longer silence.
    private static let gapMax = Nanoseconds.seconds(60)
    private static let targetsMax = 100

    init(_ plan: PowerFeedPlan, _ slots: inout SampleSlots) {
        self.plan = plan
        meters = plan.meters.map { Meter($0, &slots) }
        allowed = plan.defaultWatts
    }

    /// Held below its default, or over what it may draw.
    var isTight: Bool { active != nil || ramp != .none || allowed < plan.defaultWatts || isOverLimit == true }
    var tightnessKey: String { "feed-\(plan.tag)" + (isOverLimit == true ? ".over" : ".target") }
    var tightness: String {
        if isOverLimit == true {
            return "feed \(plan.tag) draws \(Int(measured ?? 0)) W of \(Int(min(plan.defaultWatts, allowed))) W"
        }
        return "power target on feed \(plan.tag): at most \(Int(active?.watts ?? allowed)) W"
    }

    mutating func set(_ target: PowerTarget, _ now: Moment) {
        if target.watts == nil {
            // Removal: whatever overlaps its interval goes.
            targets.removeAll { old in
                (old.end.map { $0 > target.start } ?? true) && (target.end.map { old.start < $0 } ?? true)
            }
        } else {
            targets.removeAll { $0.id == target.id && $0.start == target.start }
            targets.append(target)
            if targets.count > PowerFeed.targetsMax { targets.removeFirst() }
        }
        lastTransition = .targetSet
    }

    /// A meter says something else than at the last step.
    func isMoved(_ inputs: ControlInputs) -> Bool { Meter.sum(meters, inputs) != measured }

    /// Returns when to step again though nothing moves.
    mutating func step(
        _ inputs: ControlInputs, now: Moment, _ ids: inout BreachIDs, _ decisions: inout Decisions
    ) -> MonotonicTime? {
        due = nil
        let elapsed = lastStep.map { now.monotonic - $0 } ?? .zero
        lastStep = now.monotonic
        measured = Meter.sum(meters, inputs)
        if let watts = measured, let before = lastMeasured, elapsed <= PowerFeed.gapMax {
            energyWattHours += (watts + before) / 2 * elapsed.seconds / 3600
        }
        lastMeasured = measured

        targets.removeAll { $0.end.map { $0 <= now.wall } ?? false }
        active = targets.last { $0.start <= now.wall }
        move(toward: goal(now), elapsed, now, &decisions)
        lookAhead(now)
        judgeLimit(now)
        judgeBreach(now, &ids, &decisions)
        return due
    }

    /// A ramp moves each second; a target begins, ends, or must be ramped down to in time.
    private mutating func lookAhead(_ now: Moment) {
        if ramp != .none { due = earlier(due, now.monotonic + .seconds(1)) }
        for target in targets {
            var moments = [target.start, target.end].compactMap { $0 }
            if let watts = target.watts, watts < allowed {
                let seconds = (allowed - watts) / plan.rampDownWattsPerSecond
                moments.append(WallTime(milliseconds: target.start.milliseconds - Int64(min(seconds, 1e6) * 1000)))
            }
            for moment in moments where moment > now.wall {
                // A millisecond later than by the clock, so that it is not too early by rounding.
                let left = moment.milliseconds - now.wall.milliseconds + 1
                due = earlier(due, now.monotonic + .milliseconds(left))
            }
        }
    }

    // MARK: - The ramp

    /// Where the allowance should head: to the active target, and early enough to the next lower one.
    private func goal(_ now: Moment) -> Double {
        var goal = min(active?.watts ?? plan.defaultWatts, plan.maximumWatts)
        for target in targets where target.start > now.wall {
            guard let watts = target.watts, watts < allowed else { continue }
            let seconds = (allowed - watts) / plan.rampDownWattsPerSecond
            let left = Double(target.start.milliseconds - now.wall.milliseconds) / 1000
            if left <= seconds { goal = min(goal, watts) }
        }
        return goal
    }

    private mutating func move(
        toward goal: Double, _ elapsed: Nanoseconds, _ now: Moment, _ decisions: inout Decisions
    ) {
        let wanted: Ramp = goal < allowed ? .down : goal > allowed ? .up : .none
        if wanted != ramp {
            if ramp == .down { tell(.endRampDown, now, &decisions) }
            if ramp == .up { tell(.endRampUp, now, &decisions) }
            if wanted == .down { tell(.startRampDown, now, &decisions) }
            if wanted == .up { tell(.startRampUp, now, &decisions) }
            ramp = wanted
            if wanted == .down, eventStart == nil { eventStart = now.wall }
        }
        switch ramp {
        case .down: allowed = max(goal, allowed - plan.rampDownWattsPerSecond * elapsed.seconds)
        case .up: allowed = min(goal, allowed + plan.rampUpWattsPerSecond * elapsed.seconds)
        case .none: if active == nil, allowed >= plan.defaultWatts { eventStart = nil }
        }
        if allowed == goal, ramp != .none {
            tell(ramp == .down ? .endRampDown : .endRampUp, now, &decisions)
            ramp = .none
        }
    }

    private mutating func tell(
        _ transition: PowerFeedStatus.Transition, _ now: Moment, _ decisions: inout Decisions
    ) {
        lastTransition = transition
        var evidence = [Evidence("transition", transition.rawValue), Evidence("allowed", "\(Int(allowed)) W")]
        if let measured { evidence.append(Evidence("measured", "\(Int(measured)) W")) }
        if let active { evidence.append(Evidence("target", active.id)) }
        let words =
            switch transition {
            case .startRampDown: "allowance begins to fall"
            case .endRampDown: "allowance has fallen to its target"
            case .startRampUp: "allowance begins to rise"
            case .endRampUp: "allowance has risen to its target"
            case .targetSet, .periodic: "power target set"
            }
        decisions.events.append(
            EventDraft(
                time: now, kind: .powerState, severity: .info, subject: "feed-\(plan.tag)",
                text: "feed \(plan.tag): \(words)", evidence: evidence))
    }

    // MARK: - Over it

    private mutating func judgeLimit(_ now: Moment) {
        guard let watts = measured else {
            isOverLimit = nil
            return
        }
        // Back under 95 % before it is over: a load at the limit must not flap.
        let limit = isOverLimit == true ? plan.defaultWatts * 0.95 : plan.defaultWatts
        isOverLimit = PowerFeed.lasts(watts > limit, plan.breachAfter, &overLimitSince, now, &due)
    }

    private mutating func judgeBreach(_ now: Moment, _ ids: inout BreachIDs, _ decisions: inout Decisions) {
        guard let target = active, let limit = target.watts else {
            overSince = nil
            return resolve(now, &decisions)
        }
        guard let watts = measured else { return }  // a breach is neither found nor over without a meter
        let isOver =
            ramp != .down && watts > limit * (breach?.state == .resolved || breach == nil ? PowerFeed.breachMargin : 1)
        let isBreach = PowerFeed.lasts(isOver, plan.breachAfter, &overSince, now, &due)
        if !isOver { return resolve(now, &decisions) }
        guard isBreach else { return }
        let isCritical = watts > limit * PowerFeed.criticalFactor
        if var open = breach, open.state != .resolved {
            open.measuredWatts = watts
            if isCritical, !open.isCritical {
                open.isCritical = true
                open.state = .escalated
                tell(open, now, &decisions)
            }
            breach = open
        } else {
            let new = PowerBreach(
                id: ids.make(), feed: plan.tag, state: .active, isCritical: isCritical, detected: now.wall,
                target: target, measuredWatts: watts)
            breach = new
            tell(new, now, &decisions)
        }
    }

    private mutating func resolve(_ now: Moment, _ decisions: inout Decisions) {
        guard var open = breach, open.state != .resolved else { return }
        open.state = .resolved
        open.resolved = now.wall
        open.measuredWatts = measured ?? open.measuredWatts
        breach = open
        tell(open, now, &decisions)
    }

    private func tell(_ breach: PowerBreach, _ now: Moment, _ decisions: inout Decisions) {
        let severity: Severity = breach.state == .resolved ? .notice : breach.isCritical ? .critical : .major
        decisions.events.append(
            EventDraft(
                time: now, kind: .powerBreach, severity: severity, subject: "feed-\(plan.tag).power",
                text: "feed \(plan.tag): breach \(breach.state.rawValue), \(Int(breach.measuredWatts)) W of "
                    + "\(Int(breach.target.watts ?? 0)) W",
                evidence: [
                    Evidence("breach", breach.id), Evidence("status", breach.state.rawValue),
                    Evidence("target", breach.target.id), Evidence("measured", "\(Int(breach.measuredWatts)) W"),
                ]))
    }

    /// True once `flag` has held for the feed's patience.
    private static func lasts(
        _ flag: Bool, _ patience: Nanoseconds, _ since: inout MonotonicTime?, _ now: Moment, _ due: inout MonotonicTime?
    ) -> Bool {
        guard flag else {
            since = nil
            return false
        }
        let start = since ?? now.monotonic
        since = start
        if now.monotonic - start >= patience { return true }
        due = earlier(due, start + patience)
        return false
    }
}

extension PowerFeed {
    var status: PowerFeedStatus {
        let calculated = measured.map { min($0, max(allowed, plan.minimumWatts)) } ?? allowed
        return PowerFeedStatus(
            tag: plan.tag, minimumWatts: plan.minimumWatts, maximumWatts: plan.maximumWatts,
            defaultWatts: plan.defaultWatts, targets: targets.sorted { $0.start < $1.start }, activeTarget: active,
            allowedWatts: allowed, calculatedWatts: calculated, measuredWatts: measured, isRamping: ramp != .none,
            lastTransition: lastTransition, eventStart: eventStart,
            isCompliant: active?.watts.map { calculated <= $0 } ?? true, breach: breach,
            energyWattHours: energyWattHours)
    }

    func remember(_ writer: inout ByteWriter) {
        writer.beginObject()
        writer.field("tag", plan.tag)
        writer.field("allowed", allowed)
        writer.field("energy", energyWattHours)
        writer.beginArray("targets")
        for target in targets {
            writer.beginObject()
            writer.field("id", target.id)
            writer.field("start", target.start.milliseconds)
            if let end = target.end { writer.field("end", end.milliseconds) }
            writer.field("watts", target.watts)
            writer.field("best-effort", target.isBestEffort)
            writer.field("actor", target.actor)
            writer.endObject()
        }
        writer.endArray()
        if let breach, breach.state != .resolved {
            writer.beginObject("breach")
            writer.field("id", breach.id)
            writer.field("critical", breach.isCritical)
            writer.field("detected", breach.detected.milliseconds)
            writer.field("target", breach.target.id)
            writer.field("measured", breach.measuredWatts)
            writer.endObject()
        }
        writer.endObject()
    }

    mutating func recall(_ json: JSON) {
        energyWattHours = json["energy"]?.number ?? 0
        allowed = min(json["allowed"]?.number ?? plan.defaultWatts, plan.maximumWatts)
        targets = (json["targets"]?.array ?? []).compactMap { item in
            guard let id = item["id"]?.string, let start = item["start"]?.number else { return nil }
            return PowerTarget(
                id: id, feeds: [plan.tag], start: WallTime(milliseconds: Int64(start)),
                end: item["end"]?.number.map { WallTime(milliseconds: Int64($0)) }, watts: item["watts"]?.number,
                isBestEffort: item["best-effort"]?.bool ?? false, actor: item["actor"]?.string ?? "")
        }
        if let open = json["breach"], let id = open["id"]?.string, let detected = open["detected"]?.number,
            let target = targets.first(where: { $0.id == open["target"]?.string })
        {
            breach = PowerBreach(
                id: id, feed: plan.tag, state: .active, isCritical: open["critical"]?.bool ?? false,
                detected: WallTime(milliseconds: Int64(detected)), target: target,
                measuredWatts: open["measured"]?.number ?? 0)
        }
    }
}
