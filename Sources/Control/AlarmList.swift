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
    private(set) var alarms: [Alarm?]
    var states: [ConditionState]
    var flood: FloodGate
    /// Alarms of the last run whose conditions the site file no longer has; told with the next step.
    var forgotten: [(id: String, subject: String)] = []
    let places: [String: Int]

    private let floodPlan: FloodPlan
    private let judges: [ConditionJudge]
    private let manners: [Manner]
    private let parents: [[Int]]
    private let facts: [[Fact]]
    /// What is decided elsewhere, in the external conditions' order, and what to say about it.
    private var external: [Bool?]
    private var details: [String?]
    private let externalPlaces: [Int]
    private var windows: [RateWindow] = []
    private var agenda: ConditionAgenda
    private var standing: NumberSet
    private var present: NumberSet
    /// What is remembered of each alarm, as text; empty: to be written anew. An alarm changes rarely, and all
    /// of them are remembered with every event.
    var fragments: [[UInt8]]
    private var shelved: NumberSet
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
        var count = 0
        var judges: [ConditionJudge] = []
        judges.reserveCapacity(plans.count)
        for plan in plans {
            judges.append(ConditionJudge(plan, &slots, &windows, external: &count) { places[$0] })
        }
        self.judges = judges
        manners = plans.map { Manner($0) }
        let parents = plans.enumerated().map { index, plan in
            plan.dependsOn.flatMap { id -> [Int] in
                guard id.contains("*") else { return places[id].map { [$0] } ?? [] }
                let pattern = NamePattern(id)
                return plans.indices.filter { $0 != index && pattern.matches(plans[$0].id) }
            }
        }
        self.parents = parents
        facts = plans.map { plan in plan.points.map { Fact($0, &slots) } }
        agenda = ConditionAgenda(
            slots: judges.map(\.slots), members: judges.map(\.members), parents: parents,
            slotCount: slots.points.count)
        externalPlaces = judges.indices.filter { judges[$0].external != nil }
        external = Array(repeating: nil, count: count)
        details = Array(repeating: nil, count: count)
        alarms = Array(repeating: nil, count: plans.count)
        states = Array(repeating: ConditionState(), count: plans.count)
        standing = NumberSet(plans.count)
        present = NumberSet(plans.count)
        fragments = Array(repeating: [], count: plans.count)
        shelved = NumberSet(plans.count)
        flood = FloodGate(floodPlan)
    }

    /// What is decided elsewhere, from the `first` external condition on.
    mutating func take(_ holding: [Bool?], details said: [String?] = [], from first: Int) {
        for index in holding.indices where first + index < external.count {
            if index < said.count { details[first + index] = said[index] }
            if external[first + index] == holding[index] { continue }
            external[first + index] = holding[index]
            agenda.mark(externalPlaces[first + index])
        }
    }

    /// `changed`: the slots that are news; nil: all of them.
    mutating func step(_ samples: [Sample], changed: [Int]?, now: Moment, _ decisions: inout Decisions) {
        if !forgotten.isEmpty { tellForgotten(now, &decisions) }
        agenda.begin(changed)
        while let index = agenda.next() {
            let isQuiet = states[index].phase == .normal
            let holds = judges[index].holds(
                samples, &windows, external: external, states: states, already: states[index].isStanding)
            // The usual case of two thousand conditions: it does not hold and did not hold.
            if holds == false && isQuiet { continue }
            turn(index, holds, samples, now, &decisions)
        }
        unshelveWhatIsDue(now, &decisions)
        sortCauses(samples, now, &decisions)
        decisions.nextDeadline(flood.settle(now, &decisions.events))
        refreshList()
    }

    // MARK: - One condition's life

    /// Of a plan what is asked at every turn, without its texts.
    private struct Manner: Sendable {
        let raiseAfter, clearAfter: Nanoseconds
        let isCritical, raisesUnknown: Bool

        init(_ plan: ConditionPlan) {
            (raiseAfter, clearAfter) = (plan.raiseAfter, plan.clearAfter)
            (isCritical, raisesUnknown) = (plan.severity == .critical, plan.whenUnknown == .raise)
        }
    }

    mutating func enter(_ index: Int, _ phase: ConditionState.Phase, _ now: MonotonicTime) {
        let stood = states[index].isStanding
        states[index].enter(phase, now)
        agenda.wait(index, phase == .raising || phase == .clearing)
        guard states[index].isStanding != stood else { return }
        if stood { standing.remove(index) } else { standing.insert(index) }
        agenda.standingChanged(index)
    }

    private mutating func turn(
        _ index: Int, _ judged: Bool?, _ samples: [Sample], _ now: Moment, _ decisions: inout Decisions
    ) {
        let manner = manners[index]
        let holds = judged ?? (manner.raisesUnknown ? true : nil)
        switch (states[index].phase, holds) {
        case (.normal, true?):
            enter(index, .raising, now.monotonic)
            fallthrough
        case (.raising, true?):
            var due = states[index].since + manner.raiseAfter
            if !manner.isCritical, let cause = causeOnItsWay(index, after: due) { due = cause }
            if now.monotonic >= due {
                raise(index, isUnknown: judged == nil, samples, now, &decisions)
            } else {
                decisions.nextDeadline(due)
            }
        case (.raising, _): enter(index, .normal, now.monotonic)
        case (.standing, false?):
            enter(index, .clearing, now.monotonic)
            fallthrough
        case (.clearing, false?):
            let span =
                states[index].isChattering ? max(manner.clearAfter, floodPlan.chatterWindow) : manner.clearAfter
            let due = states[index].since + span
            if now.monotonic >= due {
                clear(index, samples, now, &decisions)
            } else {
                decisions.nextDeadline(due)
            }
        case (.clearing, _): enter(index, .standing, now.monotonic)
        case (.normal, _), (.standing, _): break
        }
    }

    private mutating func raise(
        _ index: Int, isUnknown: Bool, _ samples: [Sample], _ now: Moment, _ decisions: inout Decisions
    ) {
        let plan = plans[index]
        enter(index, .standing, now.monotonic)
        let chatters = states[index].countRaise(now.monotonic, floodPlan)
        var text = plan.text
        if let worst = facts[index].first(where: { !$0.isGood(in: samples) }), isUnknown {
            text += " cannot be judged: \(worst.name) \(worst.trouble(in: samples))"
        }
        if let place = judges[index].external, let detail = details[place] { text += ": \(detail)" }
        if chatters {
            text += " (chatters: kept until it is quiet for \(floodPlan.chatterWindow.count / 60_000_000_000) min)"
        }
        var alarm = Alarm(
            id: plan.id, severity: plan.severity, subject: plan.subject, text: text, raised: now.wall)
        alarm.shelvedUntil = states[index].shelfWall
        alarm.consequenceOf = cause(of: index).map { plans[$0].id }
        put(index, alarm)
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
        enter(index, .normal, now.monotonic)
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
        put(index, plans[index].isLatched && !alarm.isAcknowledged ? alarm : nil)
    }

    // MARK: - Causes

    /// When a cause of this one that is still being confirmed will stand: it is worth waiting for, a
    /// little, so that the consequence is told as one.
    private func causeOnItsWay(_ index: Int, after due: MonotonicTime) -> MonotonicTime? {
        var latest: MonotonicTime?
        for parent in parents[index] where states[parent].phase == .raising {
            let stands = states[parent].since + manners[parent].raiseAfter
            if stands <= due + AlarmList.causeAwaited { latest = max(latest ?? due, stands) }
        }
        return latest
    }

    /// A standing alarm that explains this one.
    private func cause(of index: Int) -> Int? {
        parents[index].first { states[$0].isStanding && alarms[$0]?.consequenceOf != plans[index].id }
    }

    private mutating func sortCauses(_ samples: [Sample], _ now: Moment, _ decisions: inout Decisions) {
        var next = standing.next(from: 0)
        while let index = next {
            next = standing.next(from: index + 1)
            if parents[index].isEmpty { continue }
            guard var alarm = alarms[index] else { continue }
            if let cause = cause(of: index) {
                states[index].orphanSince = nil
                if alarm.consequenceOf == nil {
                    alarm.consequenceOf = plans[cause].id
                    put(index, alarm)
                }
            } else if alarm.consequenceOf != nil {
                let since = states[index].orphanSince ?? now.monotonic
                states[index].orphanSince = since
                if now.monotonic - since >= AlarmList.orphanAfter {
                    alarm.consequenceOf = nil
                    states[index].orphanSince = nil
                    put(index, alarm)
                    tell(index, alarm, samples, now, &decisions)
                } else {
                    decisions.nextDeadline(since + AlarmList.orphanAfter)
                }
            }
        }
    }

    // MARK: - The list

    mutating func put(_ index: Int, _ alarm: Alarm?) {
        alarms[index] = alarm
        if alarm == nil { present.remove(index) } else { present.insert(index) }
        changed(index)
    }

    private mutating func changed(_ index: Int) {
        fragments[index] = []
        isListOld = true
    }

    mutating func refreshList() {
        guard isListOld else { return }
        isListOld = false
        version += 1
        // Places are sorted, not alarms: those are large.
        var order: [(severity: Severity, raised: WallTime, index: Int)] = []
        var next = present.next(from: 0)
        while let index = next {
            next = present.next(from: index + 1)
            if let raised = alarms[index]?.raised { order.append((plans[index].severity, raised, index)) }
        }
        order.sort { a, b in
            if a.severity != b.severity { return a.severity > b.severity }
            return a.raised != b.raised ? a.raised < b.raised : plans[a.index].id < plans[b.index].id
        }
        list = order.compactMap { alarms[$0.index] }
    }

    mutating func shelve(_ index: Int, until end: Moment?) {
        states[index].shelfEnds = end?.monotonic
        states[index].shelfWall = end?.wall
        alarms[index]?.shelvedUntil = end?.wall
        if end == nil { shelved.remove(index) } else { shelved.insert(index) }
        changed(index)
    }

    /// The first condition from `start` on that has something to remember.
    func nextRemembered(from start: Int) -> Int? {
        guard let a = present.next(from: start) else { return shelved.next(from: start) }
        return shelved.next(from: start).map { min(a, $0) } ?? a
    }

    /// The first shelved condition from `start` on.
    func nextShelved(from start: Int) -> Int? { shelved.next(from: start) }

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
