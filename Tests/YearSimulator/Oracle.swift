internal import Control
internal import Platform
internal import Site

/// Knows from the same samples, by simpler means than Control's own, what must and what must not be.
struct Oracle {
    struct Wrong: Error, CustomStringConvertible {
        let description: String
        init(_ text: String) { description = text }
    }

    private let conditions: [ConditionPlan]
    /// For each condition, where its points stand among the samples.
    private let slots: [[Int]]
    private let places: [String: Int]
    /// Since when the samples say so at every look; nil: they do not.
    private var heldSince: [MonotonicTime?]
    /// By what the events say: raised and not cleared.
    private var raised: Set<String> = []
    private(set) var listed: [String] = []
    /// Something holds and is not raised yet: its delay must be looked at closely.
    private(set) var isWaiting = false
    private var active: Set<String> = []
    private var version = UInt64.max
    /// Ids of writes that were released, and not finished.
    private var openWrites: Set<UInt64> = []
    private var everWritten: Set<UInt64> = []
    private var energy = 0.0
    private var restartedAt: MonotonicTime?

    /// A raise may wait this long for its cause, and looks are seconds apart.
    private static let patience = Nanoseconds.seconds(8)

    init(_ plant: Plant, _ table: PointTable, _ watched: [PointID]) {
        conditions = plant.site.control.conditions
        var slots: [String: Int] = [:]
        for (slot, id) in watched.enumerated() { slots[table[id].name] = slot }
        self.slots = conditions.map { condition in condition.points.map { slots[$0] ?? -1 } }
        var places: [String: Int] = [:]
        for (place, condition) in conditions.enumerated() { places[condition.id] = place }
        self.places = places
        heldSince = Array(repeating: nil, count: conditions.count)
    }

    mutating func restarted(_ now: Moment) {
        restartedAt = now.monotonic
        heldSince = Array(repeating: nil, count: conditions.count)
        version = .max
    }

    mutating func judge(
        _ decisions: Decisions, _ samples: [Sample], _ requests: [ControlRequest], _ results: [WriteResult],
        _ now: Moment
    ) throws {
        try judgeEvents(decisions, samples, now)
        try judgeList(decisions, samples, now)
        try judgePosture(decisions)
        try judgeWrites(decisions, requests)
        if let deadline = decisions.nextDeadline, deadline <= now.monotonic {
            throw Wrong("Control wants to be stepped again at once: the loop would spin")
        }
        if let feed = decisions.power.first {
            if feed.energyWattHours < energy - 1e-6, restartedAt == nil { throw Wrong("energy flows backwards") }
            energy = feed.energyWattHours
        }
        restartedAt = nil
    }

    // MARK: - Evidence

    private func number(_ slot: Int, _ samples: [Sample]) -> Double? {
        guard slot >= 0, samples[slot].isGood, !samples[slot].number.isNaN else { return nil }
        return samples[slot].number
    }

    /// Does the test hold on these samples alone? Nil: they do not say, or the past decides.
    private func holds(_ place: Int, _ samples: [Sample]) -> Bool? {
        let slots = slots[place]
        switch conditions[place].test {
        case .above(_, let limit, let back):
            guard let number = number(slots[0], samples) else { return nil }
            return number > limit ? true : number <= limit - back ? false : nil
        case .below(_, let limit, let back):
            guard let number = number(slots[0], samples) else { return nil }
            return number < limit ? true : number >= limit + back ? false : nil
        case .states(_, let names):
            return number(slots[0], samples).map { number in names.contains { Double($0) == number } }
        case .apart(_, _, let limit, let back):
            guard let a = number(slots[0], samples), let b = number(slots[1], samples) else { return nil }
            return abs(a - b) > limit ? true : abs(a - b) <= limit - back ? false : nil
        case .absent: return slots.allSatisfy { number($0, samples) == nil }
        case .atLeast, .movesFasterThan, .external: return nil
        }
    }

    private func isKnown(_ place: Int, _ samples: [Sample]) -> Bool {
        slots[place].allSatisfy { number($0, samples) != nil }
    }

    // MARK: - What must be so

    private mutating func judgeEvents(_ decisions: Decisions, _ samples: [Sample], _ now: Moment) throws {
        for event in decisions.events {
            let id = event.evidence.first { $0.name == "alarm" }?.value ?? ""
            switch event.kind {
            case .alarmRaised:
                if event.evidence.count < 2 { throw Wrong("\(id) was raised without evidence") }
                guard let place = places[id] else { continue }  // the feed's own
                let condition = conditions[place]
                let isUnknown = condition.whenUnknown == .raise && !isKnown(place, samples)
                let isFresh = raised.insert(id).inserted
                if isFresh, holds(place, samples) == false, !isUnknown {
                    throw Wrong("\(id) was raised, and its samples say no")
                }
                if isFresh, let since = heldSince[place], now.monotonic - since < condition.raiseAfter, !isUnknown {
                    throw Wrong("\(id) was raised before its delay was over")
                }
            case .alarmCleared:
                guard let place = places[id] else { continue }
                let condition = conditions[place]
                raised.remove(id)
                if case .atLeast = condition.test { continue }
                if case .absent = condition.test { continue }
                if !isKnown(place, samples) { throw Wrong("\(id) was cleared, and nobody knows") }
                if holds(place, samples) == true { throw Wrong("\(id) was cleared, and it still holds") }
            default: break
            }
        }
    }

    private mutating func judgeList(_ decisions: Decisions, _ samples: [Sample], _ now: Moment) throws {
        if decisions.alarmsVersion != version {
            version = decisions.alarmsVersion
            active = Set(decisions.alarms.filter(\.isActive).map(\.id).filter { places[$0] != nil })
            listed = decisions.alarms.map(\.id)
        }
        if active != raised {
            throw Wrong("the list and the events disagree: \(active.symmetricDifference(raised).sorted())")
        }
        isWaiting = false
        for (place, condition) in conditions.enumerated() {
            guard holds(place, samples) == true else {
                heldSince[place] = nil
                continue
            }
            let since = heldSince[place] ?? now.monotonic
            heldSince[place] = since
            if active.contains(condition.id) { continue }
            isWaiting = true
            if now.monotonic - since > condition.raiseAfter + Oracle.patience {
                throw Wrong("\(condition.id) has held for \((now.monotonic - since).seconds) s and is not in the list")
            }
        }
    }

    private func judgePosture(_ decisions: Decisions) throws {
        for alarm in decisions.alarms {
            guard let place = places[alarm.id], let wanted = conditions[place].posture else { continue }
            if decisions.posture.state < wanted {
                throw Wrong("posture \(decisions.posture.state.text) while \(alarm.id) wants \(wanted.text)")
            }
        }
    }

    private mutating func judgeWrites(_ decisions: Decisions, _ requests: [ControlRequest]) throws {
        for command in decisions.writes {
            if command.point != "crac.setpoint" { throw Wrong("\(command.point) is on no list and was written") }
            if !(18...27).contains(command.value) { throw Wrong("\(command.value) was written, 18 to 27 is allowed") }
            if !everWritten.insert(command.id).inserted { throw Wrong("write \(command.id) was released twice") }
            openWrites.insert(command.id)
            if command.actor != "guard",
                decisions.alarms.contains(where: { $0.id.hasPrefix("device3.") && $0.isActive })
            {
                throw Wrong("a write passed its interlock")
            }
        }
        for event in decisions.events where event.kind == .writeFinished {
            let id = event.evidence.first { $0.name == "write" }.flatMap { UInt64($0.value) } ?? 0
            guard openWrites.remove(id) != nil else { throw Wrong("write \(id) finished twice, or never began") }
        }
        for request in requests {
            guard case .write = request.kind else {
                if !decisions.answers.contains(where: { $0.request.kind == request.kind }) {
                    throw Wrong("a request was not answered")
                }
                continue
            }
        }
        if openWrites.count > 2 { throw Wrong("\(openWrites.count) writes were never accounted for") }
    }
}
