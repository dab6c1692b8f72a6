internal import Platform
internal import Site

/// One condition's test with its points resolved: does it hold? Nil: the readings do not say.
struct ConditionJudge: Sendable {
    /// Numbers alone: what has many is in `list`, so that judging counts no references.
    private enum Test: Sendable {
        case above(slot: Int, limit: Double, clearAt: Double)
        case below(slot: Int, limit: Double, clearAt: Double)
        case states(slot: Int)
        case movesFasterThan(slot: Int, perSecond: Double, window: Int)
        case absent
        case apart(slot: Int, from: Int, limit: Double, clearAt: Double)
        case atLeast(count: Int)
        case external(Int)
    }

    private let test: Test
    /// The codes, the slots or the conditions that the test is about.
    private let list: [Int]

    /// `place` says where among the conditions an id stands; `external` counts the external ones.
    init(
        _ plan: ConditionPlan, _ slots: inout SampleSlots, _ windows: inout [RateWindow], external: inout Int,
        place: (String) -> Int?
    ) {
        var list: [Int] = []
        switch plan.test {
        case .above(let point, let limit, let hysteresis):
            test = .above(slot: slots.slot(point), limit: limit, clearAt: limit - hysteresis)
        case .below(let point, let limit, let hysteresis):
            test = .below(slot: slots.slot(point), limit: limit, clearAt: limit + hysteresis)
        case .states(let point, let names):
            test = .states(slot: slots.slot(point))
            let kind = slots.definition(point)?.kind
            list = names.compactMap { name in
                if case .state(let texts)? = kind, let known = texts.first(where: { $0.text == name }) {
                    return known.code
                }
                return Int(name)
            }
        case .movesFasterThan(let point, let perMinute, let window):
            windows.append(RateWindow(window))
            test = .movesFasterThan(slot: slots.slot(point), perSecond: perMinute / 60, window: windows.count - 1)
        case .absent(let points):
            test = .absent
            list = points.map { slots.slot($0) }
        case .apart(let point, let other, let limit, let hysteresis):
            test = .apart(
                slot: slots.slot(point), from: slots.slot(other), limit: limit, clearAt: limit - hysteresis)
        case .atLeast(let count, let ids):
            test = .atLeast(count: count)
            list = ids.compactMap(place)
        case .external:
            test = .external(external)
            external += 1
        }
        self.list = list
    }

    /// The slots that it reads.
    var slots: [Int] {
        switch test {
        case .above(let slot, _, _), .below(let slot, _, _), .states(let slot), .movesFasterThan(let slot, _, _): [slot]
        case .apart(let slot, let other, _, _): [slot, other]
        case .absent: list
        case .atLeast, .external: []
        }
    }

    /// The conditions that it counts.
    var members: [Int] { if case .atLeast = test { list } else { [] } }

    /// Its place among what is decided elsewhere.
    var external: Int? { if case .external(let place) = test { place } else { nil } }

    @inline(__always)
    func holds(
        _ samples: [Sample], _ windows: inout [RateWindow], external: [Bool?], states: [ConditionState], already: Bool
    ) -> Bool? {
        func number(_ slot: Int) -> Double? {
            guard slot >= 0, slot < samples.count, samples[slot].quality == .good else { return nil }
            let number = samples[slot].number
            return number.isNaN ? nil : number
        }
        switch test {
        case .above(let slot, let limit, let clearAt):
            guard let number = number(slot) else { return nil }
            return already ? number > clearAt : number > limit
        case .below(let slot, let limit, let clearAt):
            guard let number = number(slot) else { return nil }
            return already ? number < clearAt : number < limit
        case .states(let slot):
            guard let number = number(slot) else { return nil }
            return Int(exactly: number).map(list.contains) ?? false
        case .movesFasterThan(let slot, let perSecond, let window):
            guard let number = number(slot) else { return nil }
            return windows[window].rate(after: number, measured: samples[slot].measured).map { $0 > perSecond }
        case .absent: return list.allSatisfy { number($0) == nil }
        case .apart(let slot, let other, let limit, let clearAt):
            guard let a = number(slot), let b = number(other) else { return nil }
            return already ? abs(a - b) > clearAt : abs(a - b) > limit
        case .atLeast(let count): return list.count { states[$0].isStanding } >= count
        case .external(let place): return place < external.count ? external[place] : nil
        }
    }
}

/// How fast a point moves, from eight samples spread over the window: noise between two readings is
/// not a trend.
struct RateWindow: Sendable {
    private static let count = 8
    private let window: Nanoseconds
    private var times: [MonotonicTime] = []
    private var numbers: [Double] = []

    init(_ window: Nanoseconds) {
        self.window = window
        times.reserveCapacity(RateWindow.count + 1)
        numbers.reserveCapacity(RateWindow.count + 1)
    }

    /// Change per second (never negative) over the window; nil until half a window was seen.
    mutating func rate(after number: Double, measured: MonotonicTime) -> Double? {
        if let last = times.last, measured < last { forget() }  // a device that started again
        let spacing = Nanoseconds(window.count / Int64(RateWindow.count))
        if times.last.map({ measured - $0 >= spacing }) ?? true {
            times.append(measured)
            numbers.append(number)
        }
        while let first = times.first, measured - first > window { dropFirst() }
        guard let first = times.first, let start = numbers.first else { return nil }
        let span = measured - first
        guard span.count * 2 >= window.count else { return nil }
        return abs(number - start) / span.seconds
    }

    private mutating func dropFirst() {
        times.removeFirst()
        numbers.removeFirst()
    }

    private mutating func forget() {
        times.removeAll(keepingCapacity: true)
        numbers.removeAll(keepingCapacity: true)
    }
}
