internal import Platform
internal import Site

/// What each feed may draw, now and on the way to the next target; who is over it; and what that
/// leaves for the accelerators.
struct PowerBudget: Sendable {
    /// For each feed: over its limit, and in breach of a target. Judged here, alarms like any other.
    let conditions: [ConditionPlan]
    private(set) var holding: [Bool?] = []
    private(set) var status: [PowerFeedStatus] = []
    private(set) var demand: PostureKeeper.Demand?

    private var feeds: [PowerFeed]
    private let itMeters: [Meter]
    private var ids: BreachIDs
    private var lastIT: Double?
    private var nextLook = MonotonicTime.distantPast
    private var deadline: MonotonicTime?

    init(
        _ plans: [PowerFeedPlan], _ effectiveness: PowerUsageEffectivenessPlan?, _ slots: inout SampleSlots,
        seed: UInt64, now: Moment
    ) {
        feeds = plans.map { PowerFeed($0, &slots) }
        itMeters = (effectiveness?.itMeters ?? []).map { Meter($0, &slots) }
        ids = BreachIDs(seed: seed)
        conditions = plans.flatMap { plan in
            [
                ConditionPlan(
                    id: "feed-\(plan.tag).over-limit", test: .external, severity: .major,
                    subject: "feed-\(plan.tag).power", text: "feed \(plan.tag) draws more than it may",
                    clearAfter: .seconds(10)),
                ConditionPlan(
                    id: "feed-\(plan.tag).breach", test: .external, severity: .critical,
                    subject: "feed-\(plan.tag).power", text: "feed \(plan.tag) is over its power target",
                    clearAfter: .seconds(10)),
            ]
        }
        holding = Array(repeating: nil, count: conditions.count)
        status = feeds.map(\.status)
    }

    /// True when it judged anew: somebody asked, a meter moved, or its time has come.
    mutating func step(_ inputs: ControlInputs, _ requests: [ControlRequest], now: Moment, _ decisions: inout Decisions)
        -> Bool
    {
        if feeds.isEmpty {
            for request in requests { decisions.answer(request, .refused("this site has no power feeds")) }
            return false
        }
        let it = Meter.sum(itMeters, inputs)
        let isMoved = it != lastIT || feeds.contains { $0.isMoved(inputs) }
        guard isMoved || !requests.isEmpty || now.monotonic >= nextLook else {
            decisions.nextDeadline(deadline)
            return false
        }
        for request in requests { take(request, now, &decisions) }
        lastIT = it
        deadline = nil
        for index in feeds.indices {
            deadline = earlier(deadline, feeds[index].step(inputs, now: now, &ids, &decisions))
            holding[index * 2] = feeds[index].isOverLimit
            holding[index * 2 + 1] = feeds[index].breach.map { $0.state != .resolved } ?? false
        }
        demand = demand(itWatts: it)
        status = feeds.map(\.status)
        decisions.nextDeadline(deadline)
        // Energy is summed up at least each second.
        nextLook = min(deadline ?? .distantFuture, now.monotonic + .seconds(1))
        return true
    }

    /// What the accelerators may draw together, when any feed is held below its default or is over.
    private func demand(itWatts: Double?) -> PostureKeeper.Demand? {
        guard let tight = feeds.first(where: \.isTight) else { return nil }
        let allowed = feeds.reduce(0) { $0 + $1.allowed }
        let measured = feeds.reduce(0) { $0 + ($1.measured ?? $1.allowed) }
        // Cooling and losses take their part first. Without meters for IT, all of it counts as IT.
        let others = max(0, measured - (itWatts ?? measured))
        return PostureKeeper.Demand(
            state: .conserve, reason: tight.tightness, key: tight.tightnessKey, watts: max(0, allowed - others))
    }

    private mutating func take(_ request: ControlRequest, _ now: Moment, _ decisions: inout Decisions) {
        guard case .powerTargets(let targets) = request.kind else { return }
        if let answer = fault(in: targets, request.actor, now), let why = answer.refusal {
            decisions.events.append(
                EventDraft(
                    time: now, kind: .commandRefused, severity: .notice, subject: "power", text: why,
                    actor: request.actor.name))
            return decisions.answer(request, answer)
        }
        for target in targets {
            let tags = target.feeds.isEmpty ? feeds.map(\.plan.tag) : target.feeds
            for index in feeds.indices where tags.contains(feeds[index].plan.tag) { feeds[index].set(target, now) }
            decisions.events.append(
                EventDraft(
                    time: now, kind: .powerTarget, severity: .notice,
                    subject: tags.count == 1 ? "feed-\(tags[0])" : "power", text: sentence(target, tags),
                    evidence: [Evidence("target", target.id)], actor: request.actor.name))
        }
        let isRemoval = targets.allSatisfy { $0.watts == nil }
        let done = targets.count == 1 ? "power target set" : "\(targets.count) power targets set"
        decisions.answer(request, .done(isRemoval ? "power targets removed" : done))
    }

    private func fault(in targets: [PowerTarget], _ actor: Actor, _ now: Moment) -> ControlAnswer? {
        if actor.authority == .viewer { return .forbidden("a power target needs more than a viewer's authority") }
        if targets.isEmpty || targets.count > 100 {
            return .refused("found \(targets.count) power targets, expected 1 to 100")
        }
        for target in targets {
            if let tag = target.feeds.first(where: { tag in !feeds.contains { $0.plan.tag == tag } }) {
                return .notFound("no feed '\(tag)'; this site has \(feeds.map(\.plan.tag).joined(separator: ", "))")
            }
            if let watts = target.watts, !(watts >= 0 && watts.isFinite) {
                return .refused("a power target of \(watts) W")
            }
            if let end = target.end, end <= target.start || end < now.wall {
                return .refused(
                    "the power target's interval ends at \(end.rfc3339), before it begins or already over")
            }
        }
        return nil
    }

    private func sentence(_ target: PowerTarget, _ tags: [String]) -> String {
        let feeds = "feed" + (tags.count == 1 ? " " : "s ") + tags.joined(separator: ", ")
        guard let watts = target.watts else { return "\(feeds): power target removed" }
        let until = target.end.map { " until \($0.rfc3339)" } ?? ""
        return "\(feeds): at most \(Int(watts)) W from \(target.start.rfc3339)\(until)"
    }

    // MARK: - Memory

    func remember(_ writer: inout ByteWriter) {
        writer.beginArray("feeds")
        for feed in feeds { feed.remember(&writer) }
        writer.endArray()
    }

    mutating func recall(_ json: JSON) {
        for item in json["feeds"]?.array ?? [] {
            guard let index = feeds.firstIndex(where: { $0.plan.tag == item["tag"]?.string }) else { continue }
            feeds[index].recall(item)
        }
        status = feeds.map(\.status)
    }
}

/// A point that measures power, in watts whatever its unit.
struct Meter: Sendable {
    private let slot: Int
    private let factor: Double

    init(_ name: String, _ slots: inout SampleSlots) {
        slot = slots.slot(name)
        factor = slots.unit(name) == .kilowatts ? 1000 : 1
    }

    func watts(_ inputs: ControlInputs) -> Double? {
        let sample = inputs.sample(slot)
        return sample.isGood && sample.number.isFinite ? sample.number * factor : nil
    }

    /// Nil when there is no meter or one of them is not good: half a sum is a lie.
    static func sum(_ meters: [Meter], _ inputs: ControlInputs) -> Double? {
        if meters.isEmpty { return nil }
        var total = 0.0
        for meter in meters {
            guard let watts = meter.watts(inputs) else { return nil }
            total += watts
        }
        return total
    }
}

/// UUIDs (version 4 in form) from a seed, so that a run replays exactly (SplitMix64).
struct BreachIDs: Sendable {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func make() -> String {
        var bytes: [UInt8] = []
        for word in [next(), next()] {
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> (UInt64(shift) * 8))) }
        }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = hexText(bytes)
        var text = ""
        for (index, character) in hex.enumerated() {
            if [8, 12, 16, 20].contains(index) { text += "-" }
            text.append(character)
        }
        return text
    }
}
