internal import Platform
internal import Site

/// Conditions through their lives: raised after their delay, cleared after theirs, latched, chattering,
/// shelved, hidden behind their cause. Nothing is raised and nothing is cleared without evidence.
struct AlarmList: Sendable {
    let plans: [ConditionPlan]
    private(set) var list: [Alarm] = []
    /// Goes up whenever `list` differs.
    private(set) var version: UInt64 = 0

    /// One alarm at most for each condition, in the conditions' order.
    var alarms: [Alarm?]
    var states: [ConditionState]
    var flood: FloodGate
    /// Alarms of the last run whose conditions the site file no longer has; told with the next step.
    var forgotten: [(id: String, subject: String)] = []
    let places: [String: Int]

    private let floodPlan: FloodPlan
    private let judges: [ConditionJudge]
    private let simple: [Int]
    private let combined: [Int]
    private let parents: [[Int]]
    private let facts: [[Fact]]
    private var windows: [RateWindow] = []
    private var isListOld = false

    /// How long an alarm that is not critical waits for its cause.
    private static let causeAwaited = Nanoseconds.seconds(5)
    /// A consequence that outlives its cause by this is an alarm of its own.
    private static let orphanAfter = Nanoseconds.seconds(30)

    init(_ plans: [ConditionPlan], flood floodPlan: FloodPlan, _ slots: inout SampleSlots) {
        self.plans = plans
        self.floodPlan = floodPlan
        var places: [String: Int] = [:]
        for (index, plan) in plans.enumerated() where places[plan.id] == nil { places[plan.id] = index }
        self.places = places
        var external = 0
        var judges: [ConditionJudge] = []
        judges.reserveCapacity(plans.count)
        for plan in plans {
            judges.append(ConditionJudge(plan, &slots, &windows, external: &external) { places[$0] })
        }
        self.judges = judges
        let parents = plans.enumerated().map { index, plan in
            plan.dependsOn.flatMap { id -> [Int] in
                guard id.contains("*") else { return places[id].map { [$0] } ?? [] }
                let pattern = NamePattern(id)
                return plans.indices.filter { $0 != index && pattern.matches(plans[$0].id) }
            }
        }
        self.parents = parents
        // Causes before their consequences, so that what comes in one step is told in that order.
        let depths = AlarmList.depths(parents)
        let ordered = judges.indices.sorted { (depths[$0], $0) < (depths[$1], $1) }
        simple = ordered.filter { !judges[$0].isCombined }
        combined = ordered.filter { judges[$0].isCombined }
        facts = plans.map { plan in plan.points.map { Fact($0, &slots) } }
        alarms = Array(repeating: nil, count: plans.count)
        states = Array(repeating: ConditionState(), count: plans.count)
        flood = FloodGate(floodPlan)
    }

    /// How many causes deep each condition stands.
    private static func depths(_ parents: [[Int]]) -> [Int] {
        var depths = Array(repeating: 0, count: parents.count)
        // A chain is never longer than this, and the site file has no rings; a ring here just ends.
        for _ in 0..<8 {
            for index in parents.indices {
                for parent in parents[index] { depths[index] = max(depths[index], min(8, depths[parent] + 1)) }
            }
        }
        return depths
    }

    mutating func step(_ samples: [Sample], external: [Bool?], now: Moment, _ decisions: inout Decisions) {
        tellForgotten(now, &decisions)
        for index in simple {
            let already = states[index].phase != .normal
            let holds = judges[index].holds(
                samples, &windows, external: external, standing: { _ in false }, already: states[index].isStanding)
            // The usual case of two thousand conditions: it does not hold and did not hold.
            if holds == false && !already { continue }
            turn(index, holds, samples, now, &decisions)
        }
        if !combined.isEmpty {
            let standing = states.map(\.isStanding)
            for index in combined {
                let already = states[index].phase != .normal
                let holds = judges[index].holds(
                    samples, &windows, external: external, standing: { standing[$0] }, already: standing[index])
                if holds == false && !already { continue }
                turn(index, holds, samples, now, &decisions)
            }
        }
        unshelveWhatIsDue(now, &decisions)
        sortCauses(samples, now, &decisions)
        decisions.nextDeadline(flood.settle(now, &decisions.events))
        refreshList()
    }

    // MARK: - One condition's life

    private mutating func turn(
        _ index: Int, _ judged: Bool?, _ samples: [Sample], _ now: Moment, _ decisions: inout Decisions
    ) {
        let plan = plans[index]
        var holds = judged
        if holds == nil, plan.whenUnknown == .raise { holds = true }
        switch (states[index].phase, holds) {
        case (.normal, true?):
            states[index].enter(.raising, now.monotonic)
            fallthrough
        case (.raising, true?):
            var due = states[index].since + plan.raiseAfter
            if let cause = causeOnItsWay(index, after: due), plan.severity < .critical { due = cause }
            if now.monotonic >= due {
                raise(index, isUnknown: judged == nil, samples, now, &decisions)
            } else {
                decisions.nextDeadline(due)
            }
        case (.raising, _): states[index].enter(.normal, now.monotonic)
        case (.standing, false?):
            states[index].enter(.clearing, now.monotonic)
            fallthrough
        case (.clearing, false?):
            let span = states[index].isChattering ? max(plan.clearAfter, floodPlan.chatterWindow) : plan.clearAfter
            let due = states[index].since + span
            if now.monotonic >= due {
                clear(index, samples, now, &decisions)
            } else {
                decisions.nextDeadline(due)
            }
        case (.clearing, _): states[index].enter(.standing, now.monotonic)
        case (.normal, _), (.standing, _): break
        }
    }

    private mutating func raise(
        _ index: Int, isUnknown: Bool, _ samples: [Sample], _ now: Moment, _ decisions: inout Decisions
    ) {
        let plan = plans[index]
        states[index].enter(.standing, now.monotonic)
        let chatters = states[index].countRaise(now.monotonic, floodPlan)
        var text = plan.text
        if let worst = facts[index].first(where: { !$0.isGood(in: samples) }), isUnknown {
            text += " cannot be judged: \(worst.name) \(worst.trouble(in: samples))"
        }
        if chatters {
            text += " (chatters: kept until it is quiet for \(floodPlan.chatterWindow.count / 60_000_000_000) min)"
        }
        var alarm = Alarm(
            id: plan.id, severity: plan.severity, subject: plan.subject, text: text, raised: now.wall)
        alarm.shelvedUntil = states[index].shelfWall
        alarm.consequenceOf = cause(of: index).map { plans[$0].id }
        alarms[index] = alarm
        isListOld = true
        tell(index, alarm, samples, now, &decisions)
    }

    /// The raise as an event. What is shelved, explained by a cause or part of a flood is journalled
    /// too, but quietly.
    private mutating func tell(
        _ index: Int, _ alarm: Alarm, _ samples: [Sample], _ now: Moment, _ decisions: inout Decisions
    ) {
        var evidence = facts[index].map { $0.evidence(in: samples, now: now.monotonic) }
        var severity = alarm.severity
        if let cause = alarm.consequenceOf {
            evidence.append(Evidence("consequence-of", cause))
            severity = .info
        } else if let until = alarm.shelvedUntil {
            evidence.append(Evidence("shelved-until", until.rfc3339))
            severity = .info
        } else if flood.holdsBack(alarm.severity, now, &decisions.events) {
            evidence.append(Evidence("held-back", "alarm flood"))
            severity = .info
        }
        if evidence.isEmpty { evidence.append(Evidence("decided-by", plans[index].id)) }
        if severity != alarm.severity { evidence.append(Evidence("severity", alarm.severity.text)) }
        decisions.events.append(
            EventDraft(
                time: now, kind: .alarmRaised, severity: severity, subject: alarm.subject, text: alarm.text,
                evidence: [Evidence("alarm", alarm.id)] + evidence))
    }

    private mutating func clear(_ index: Int, _ samples: [Sample], _ now: Moment, _ decisions: inout Decisions) {
        states[index].enter(.normal, now.monotonic)
        states[index].isChattering = false
        states[index].orphanSince = nil
        guard var alarm = alarms[index] else { return }
        decisions.events.append(
            EventDraft(
                time: now, kind: .alarmCleared, severity: .info, subject: alarm.subject,
                text: "over: \(plans[index].text)",
                evidence: [Evidence("alarm", alarm.id)]
                    + facts[index].map { $0.evidence(in: samples, now: now.monotonic) }))
        alarm.cleared = now.wall
        alarm.consequenceOf = nil
        alarms[index] = plans[index].isLatched && !alarm.isAcknowledged ? alarm : nil
        isListOld = true
    }

    // MARK: - Causes

    /// When a cause of this one that is still being confirmed will stand: it is worth waiting for, a
    /// little, so that the consequence is told as one.
    private func causeOnItsWay(_ index: Int, after due: MonotonicTime) -> MonotonicTime? {
        var latest: MonotonicTime?
        for parent in parents[index] where states[parent].phase == .raising {
            let stands = states[parent].since + plans[parent].raiseAfter
            if stands <= due + AlarmList.causeAwaited { latest = max(latest ?? due, stands) }
        }
        return latest
    }

    /// A standing alarm that explains this one.
    private func cause(of index: Int) -> Int? {
        parents[index].first { states[$0].isStanding && alarms[$0]?.consequenceOf != plans[index].id }
    }

    private mutating func sortCauses(_ samples: [Sample], _ now: Moment, _ decisions: inout Decisions) {
        for index in alarms.indices where !parents[index].isEmpty && states[index].isStanding {
            guard var alarm = alarms[index] else { continue }
            if let cause = cause(of: index) {
                states[index].orphanSince = nil
                if alarm.consequenceOf == nil {
                    alarm.consequenceOf = plans[cause].id
                    alarms[index] = alarm
                    isListOld = true
                }
            } else if alarm.consequenceOf != nil {
                let since = states[index].orphanSince ?? now.monotonic
                states[index].orphanSince = since
                if now.monotonic - since >= AlarmList.orphanAfter {
                    alarm.consequenceOf = nil
                    states[index].orphanSince = nil
                    alarms[index] = alarm
                    isListOld = true
                    tell(index, alarm, samples, now, &decisions)
                } else {
                    decisions.nextDeadline(since + AlarmList.orphanAfter)
                }
            }
        }
    }

    // MARK: - The list

    mutating func changed() { isListOld = true }

    mutating func refreshList() {
        guard isListOld else { return }
        isListOld = false
        version += 1
        list = alarms.compactMap { $0 }.sorted { ($1.severity, $0.raised, $0.id) < ($0.severity, $1.raised, $1.id) }
    }

    func isListed(_ index: Int) -> Bool { alarms[index] != nil }
}

/// Where one condition stands.
struct ConditionState: Sendable {
    enum Phase: UInt8, Sendable { case normal, raising, standing, clearing }

    var phase = Phase.normal
    var since = MonotonicTime.distantPast
    var isChattering = false
    var orphanSince: MonotonicTime?
    var shelfEnds: MonotonicTime?
    var shelfWall: WallTime?
    private var raises = 0
    private var firstRaise = MonotonicTime.distantPast

    var isStanding: Bool { phase == .standing || phase == .clearing }

    mutating func enter(_ next: Phase, _ now: MonotonicTime) {
        phase = next
        since = now
    }

    /// True when this raise makes it a chatterer.
    mutating func countRaise(_ now: MonotonicTime, _ plan: FloodPlan) -> Bool {
        if raises == 0 || now - firstRaise > plan.chatterWindow {
            raises = 0
            firstRaise = now
        }
        raises += 1
        guard raises >= plan.chatterCount else { return false }
        raises = 0
        isChattering = true
        return true
    }
}
