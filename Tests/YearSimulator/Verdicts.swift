internal import Control
internal import Platform
internal import Site

/// A condition in numbers.
struct Rule {
    enum Test {
        case above(Int, Double, Double)
        case below(Int, Double, Double)
        case states(Int)
        case apart(Int, Int, Double, Double)
        case absent
        case other(Int)
    }
    let id: String
    let test: Test
    let slots: [Int]
    let raiseAfter: Nanoseconds
    let raisesUnknown: Bool
    let posture: PostureState

    init(_ plan: ConditionPlan, _ slots: [String: Int]) {
        id = plan.id
        self.slots = plan.points.map { slots[$0] ?? -1 }
        raiseAfter = plan.raiseAfter
        raisesUnknown = plan.whenUnknown == .raise
        let isRuled = plan.id.hasPrefix("device2") && plan.id.hasSuffix(".high")
        posture = max(plan.posture ?? .normal, isRuled ? .conserve : .normal)
        let first = self.slots.first ?? -1
        test =
            switch plan.test {
            case .above(_, let limit, let back): .above(first, limit, back)
            case .below(_, let limit, let back): .below(first, limit, back)
            case .states: .states(first)
            case .apart(_, _, let limit, let back): .apart(first, self.slots[1], limit, back)
            case .absent: .absent
            case .atLeast, .external, .movesFasterThan: .other(first)
            }
    }
}

/// What the samples alone say of every condition; within the hysteresis the past decides.
struct Verdicts {
    enum Verdict { case yes, no, between, unknown }

    let rules: [Rule]
    private(set) var list: [Verdict]
    /// For each slot the rules that read it.
    private let readers: [[Int]]
    /// What the verdicts rest on. Compared anew at each look: what Control is told of changes is not believed.
    private var seen: [Sample]

    init(_ plant: Plant, _ slots: [String: Int]) {
        rules = plant.site.control.conditions.map { Rule($0, slots) }
        var readers = Array(repeating: [Int](), count: slots.count)
        for (place, rule) in rules.enumerated() {
            for slot in Set(rule.slots) where slot >= 0 { readers[slot].append(place) }
        }
        self.readers = readers
        seen = Array(repeating: .neverRead, count: slots.count)
        list = Array(repeating: .unknown, count: rules.count)
        for place in rules.indices { list[place] = verdict(rules[place]) }
    }

    mutating func look(_ samples: [Sample]) {
        for slot in samples.indices {
            let sample = samples[slot]
            if sample.number.bitPattern == seen[slot].number.bitPattern, sample.quality == seen[slot].quality {
                continue
            }
            seen[slot] = sample
            for place in readers[slot] { list[place] = verdict(rules[place]) }
        }
    }

    func number(_ slot: Int) -> Double? {
        guard slot >= 0, seen[slot].isGood, !seen[slot].number.isNaN else { return nil }
        return seen[slot].number
    }

    private func verdict(_ rule: Rule) -> Verdict {
        switch rule.test {
        case .above(let slot, let limit, let back):
            guard let number = number(slot) else { return .unknown }
            return number > limit ? .yes : number <= limit - back ? .no : .between
        case .below(let slot, let limit, let back):
            guard let number = number(slot) else { return .unknown }
            return number < limit ? .yes : number >= limit + back ? .no : .between
        case .states(let slot):
            guard let number = number(slot) else { return .unknown }
            return number == 1 || number == 2 ? .yes : .no
        case .apart(let slot, let other, let limit, let back):
            guard let a = number(slot), let b = number(other) else { return .unknown }
            return abs(a - b) > limit ? .yes : abs(a - b) <= limit - back ? .no : .between
        case .absent: return rule.slots.allSatisfy { number($0) == nil } ? .yes : .no
        case .other(let slot): return slot >= 0 && number(slot) == nil ? .unknown : .between
        }
    }
}
