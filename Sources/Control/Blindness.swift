internal import Platform
internal import Site

/// Unknown is never well: while what may stop the container cannot be read, it takes nothing new.
struct Blindness: Sendable {
    private let slots: [Int]
    private let names: [String]
    /// Since when each cannot be read; nil while it can.
    private var since: [MonotonicTime?]
    private var wasSeen: [Bool]

    /// A device may be away this long: a gateway that starts again, a line that is plugged over.
    private static let patience = Nanoseconds.seconds(60)

    /// `alarms` are the conditions for which the container drains, stops or seals.
    init(_ conditions: [ConditionPlan], _ alarms: [Int], _ slots: inout SampleSlots) {
        var names: [String] = []
        for index in alarms {
            let condition = conditions[index]
            names += condition.points
            // Zones are judged by arming. A door counts only while armed, and has its own fault alarm.
            if case .external = condition.test, condition.subject.hasPrefix("zone."),
                !condition.id.hasSuffix(".intrusion")
            {
                names.append(condition.subject + ".state")
            }
        }
        let known = Set(names).sorted().map { (name: $0, slot: slots.slot($0)) }.filter { $0.slot >= 0 }
        self.slots = known.map(\.slot)
        self.names = known.map(\.name)
        since = Array(repeating: nil, count: known.count)
        wasSeen = Array(repeating: false, count: known.count)
    }

    mutating func look(_ samples: [Sample], _ now: Moment, isStarting: Bool, _ decisions: inout Decisions)
        -> PostureKeeper.Demand?
    {
        var blind: [Int] = []
        for index in slots.indices {
            let sample = slots[index] < samples.count ? samples[slots[index]] : .neverRead
            // A device that has no such point can say nothing by it.
            if sample.isGood || sample.quality == .unsupported {
                since[index] = nil
                wasSeen[index] = true
                continue
            }
            let start = since[index] ?? now.monotonic
            since[index] = start
            let due = start + Blindness.patience
            if wasSeen[index] ? now.monotonic >= due : !isStarting {
                blind.append(index)
            } else if wasSeen[index] {
                decisions.nextDeadline(due)
            }
        }
        guard let first = blind.first else { return nil }
        let more = blind.count == 1 ? "" : " and \(blind.count - 1) more of what it rests on"
        return PostureKeeper.Demand(
            state: .drain, reason: "\(names[first])\(more) cannot be read", key: "blind")
    }
}
