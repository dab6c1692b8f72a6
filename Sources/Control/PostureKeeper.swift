internal import Platform
internal import Site

/// What the container allows its inference: the strictest of what standing alarms and the power budget
/// demand. It rises at once and falls after a hold; before the evidence is in, it drains.
struct PostureKeeper: Sendable {
    private(set) var current: Posture

    private struct Rule: Sendable {
        let alarms: [Int]
        let state: PostureState
        let watts: Double?
    }

    private let hold: Nanoseconds
    private let rules: [Rule]
    private let drains: [(alarm: Int, accelerator: String)]
    private var demanded: (posture: Demand, last: MonotonicTime)?
    private var drained: [String: MonotonicTime] = [:]
    /// Points that a rule's conditions rest on and that were not good yet.
    private var unseen: Set<Int>
    private let graceEnds: MonotonicTime
    private var blindness: Blindness
    private var reasonKey = ""
    /// What the alarms demand, as of this version of their list, and in words where nothing else demands more.
    private var ofAlarms = Strictest()
    private var ofAlarmsAlone = Strictest().sentence
    private var alarmsVersion = UInt64.max

    /// A posture that something asks for, and why. `key` names the cause without its numbers.
    struct Demand: Sendable {
        var state: PostureState
        var reason: String
        var key: String
        var watts: Double?
    }

    init(_ plan: ControlPlan, _ conditions: [ConditionPlan], _ slots: inout SampleSlots, now: Moment) {
        hold = plan.postureHold
        var rules: [Rule] = []
        for (index, condition) in conditions.enumerated() {
            guard let state = condition.posture else { continue }
            rules.append(Rule(alarms: [index], state: state, watts: condition.postureWatts))
        }
        for rule in plan.postureRules {
            let patterns = rule.alarms.map { NamePattern($0) }
            let matching = conditions.indices.filter { index in patterns.contains { $0.matches(conditions[index].id) } }
            rules.append(Rule(alarms: matching, state: rule.state, watts: rule.watts))
        }
        self.rules = rules
        drains = conditions.enumerated().compactMap { index, condition in
            condition.drainsAccelerator.map { (index, $0) }
        }
        var unseen: Set<Int> = []
        for rule in rules {
            for alarm in rule.alarms {
                for point in conditions[alarm].points {
                    let slot = slots.slot(point)
                    if slot >= 0 { unseen.insert(slot) }
                }
            }
        }
        self.unseen = unseen
        blindness = Blindness(conditions, rules.filter { $0.state >= .drain }.flatMap(\.alarms), &slots)
        graceEnds = now.monotonic + plan.startGrace
        current = Posture(state: .drain, reason: "starting: nothing was read yet", since: now.wall)
    }

    mutating func step(
        _ samples: [Sample], _ alarms: AlarmList, _ budget: Demand?, now: Moment, _ decisions: inout Decisions
    ) {
        let wanted = settled(strictest(samples, alarms, budget, now, &decisions), now, &decisions)
        var next = current
        next.state = wanted.state
        next.reason = wanted.reason
        next.watts = wanted.watts
        next.drainedAccelerators = accelerators(alarms, now, &decisions)
        let isTold =
            next.state != current.state || wanted.key != reasonKey
            || next.drainedAccelerators != current.drainedAccelerators
        if next.state != current.state { next.since = now.wall }
        if isTold { tell(next, now, &decisions) }
        reasonKey = wanted.key
        current = next
        decisions.posture = next
        decisions.isStarting = wanted.key == PostureKeeper.startingKey
    }

    private static let startingKey = "starting"

    // MARK: - What is demanded now

    private mutating func strictest(
        _ samples: [Sample], _ alarms: AlarmList, _ budget: Demand?, _ now: Moment, _ decisions: inout Decisions
    ) -> Demand {
        if alarms.version != alarmsVersion {
            alarmsVersion = alarms.version
            ofAlarms = Strictest()
            for rule in rules { consider(rule, alarms) }
            ofAlarmsAlone = ofAlarms.sentence
        }
        let sight = blindness.look(samples, now, isStarting: now.monotonic < graceEnds, &decisions)
        let starting = starting(samples, now, &decisions)
        if budget == nil, sight == nil, starting == nil { return ofAlarmsAlone }
        var strictest = ofAlarms
        if let budget { strictest.consider(budget) }
        if let other = starting ?? sight { strictest.consider(other) }
        return strictest.sentence
    }

    /// The first alarm of a rule that is listed speaks for it.
    private mutating func consider(_ rule: Rule, _ alarms: AlarmList) {
        for index in rule.alarms {
            guard let alarm = alarms.alarms[index] else { continue }
            let text = alarm.isActive ? alarm.text : alarm.text + " (over, waits to be acknowledged)"
            return ofAlarms.consider(Demand(state: rule.state, reason: text, key: alarm.id, watts: rule.watts))
        }
    }

    /// The strictest of several demands, and how many others there are.
    private struct Strictest: Sendable {
        private var demand = Demand(state: .normal, reason: "nothing stands against it", key: "normal")
        private var others = 0

        mutating func consider(_ other: Demand) {
            if other.state == demand.state, other.state == .conserve {
                // Two reasons to save: the smaller allowance binds.
                demand.watts = [demand.watts, other.watts].compactMap { $0 }.min()
            }
            if other.state > demand.state {
                others = demand.state == .normal ? 0 : others + 1
                demand = other
            } else if other.state > .normal {
                others += 1
            }
        }

        var sentence: Demand {
            var sentence = demand
            if others > 0 { sentence.reason += " (and \(others) more)" }
            return sentence
        }
    }

    /// Nothing is allowed on readings that were never there.
    private mutating func starting(_ samples: [Sample], _ now: Moment, _ decisions: inout Decisions) -> Demand? {
        guard !unseen.isEmpty else { return nil }
        for slot in unseen where samples.indices.contains(slot) && samples[slot].isGood { unseen.remove(slot) }
        if unseen.isEmpty { return nil }
        guard now.monotonic < graceEnds else {
            unseen.removeAll()  // from here on each condition says what not knowing means
            return nil
        }
        decisions.nextDeadline(graceEnds)
        return Demand(
            state: .drain, reason: "starting: \(unseen.count) of the points it rests on were not read yet",
            key: PostureKeeper.startingKey)
    }

    /// Up at once; down only when nothing as strict was demanded for the hold.
    private mutating func settled(_ wanted: Demand, _ now: Moment, _ decisions: inout Decisions) -> Demand {
        guard let (held, last) = demanded, held.state > wanted.state, held.key != PostureKeeper.startingKey else {
            demanded = (wanted, now.monotonic)
            return wanted
        }
        let ends = last + hold
        if now.monotonic >= ends {
            demanded = (wanted, now.monotonic)
            return wanted
        }
        decisions.nextDeadline(ends)
        var kept = held
        kept.reason = "kept for a while after: \(held.reason)"
        return kept
    }

    private mutating func accelerators(_ alarms: AlarmList, _ now: Moment, _ decisions: inout Decisions) -> [String] {
        guard !drains.isEmpty else { return [] }
        for (index, accelerator) in drains where alarms.isListed(index) { drained[accelerator] = now.monotonic }
        if drained.isEmpty { return [] }
        for (accelerator, last) in drained {
            if now.monotonic - last >= hold {
                drained[accelerator] = nil
            } else if last < now.monotonic {
                decisions.nextDeadline(last + hold)
            }
        }
        return drained.keys.sorted()
    }

    private func tell(_ next: Posture, _ now: Moment, _ decisions: inout Decisions) {
        let severity: Severity =
            switch next.state {
            case .normal: .notice
            case .conserve: .warning
            case .drain, .stop: .major
            case .seal: .critical
            }
        var evidence = [Evidence("from", current.state.text), Evidence("to", next.state.text)]
        if let watts = next.watts { evidence.append(Evidence("watts", String(Int(watts)))) }
        if !next.drainedAccelerators.isEmpty {
            evidence.append(Evidence("drained", next.drainedAccelerators.joined(separator: " ")))
        }
        decisions.events.append(
            EventDraft(
                time: now, kind: .postureChanged,
                severity: next.state == current.state ? min(severity, .notice) : severity, subject: "site.posture",
                text: "\(next.state.text): \(next.reason)", evidence: evidence))
    }
}
