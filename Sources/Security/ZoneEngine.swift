public import Platform
public import Site

/// What is known about a zone.
public enum ZoneVerdict: Equatable, Sendable {
    case state(ZoneState)
    case fault(LineFault)

    public var text: String {
        switch self {
        case .state(let state): state.text
        case .fault: "fault"
        }
    }
}

/// Levels in, zone states out: debounce, supervised pairs, and quiet for a zone that flaps. Pure: the
/// time comes with every call, and a year of it runs in seconds.
public struct ZoneEngine: Sendable {
    public enum Output: Equatable, Sendable {
        /// `was` is nil for the first verdict after the start. `line` moved last.
        case changed(zone: Int, was: ZoneVerdict?, now: ZoneVerdict, line: Int?, at: MonotonicTime)
        /// Activated too often: held in alarm and silent until it has been at rest.
        case quieted(zone: Int, at: MonotonicTime)
        /// At rest again, after this many activations that were counted but not told.
        case heardAgain(zone: Int, untold: UInt64, at: MonotonicTime)
        case activated(zone: Int, total: UInt64, at: MonotonicTime)
    }

    private struct Line {
        let debounce: Nanoseconds
        let zone: Int
        var settled: Bool?
        var fault: LineFault? = LineFault(.notYetRead)
        var pending: (isHigh: Bool, due: MonotonicTime)?
    }

    private struct Zone {
        let plan: ZonePlan
        /// How long a pair must read as shorted or cut: longer than a changeover contact travels.
        let pairSettle: Nanoseconds
        /// What the wires say.
        var verdict: ZoneVerdict?
        /// What the world is told: the same, unless the zone is quieted.
        var shown: ZoneVerdict?
        var pending: (state: ZoneState, due: MonotonicTime)?
        var activations: UInt64 = 0
        /// Times of the latest activations, at most `swinger.count` of them.
        var recent: [MonotonicTime] = []
        /// While quieted: when it will have been at rest long enough, and how much was not told.
        var quiet: (until: MonotonicTime, untold: UInt64)?
    }

    private var lines: [Line]
    private var zones: [Zone]
    public private(set) var outputs: [Output] = []
    private var earliest = MonotonicTime.distantFuture

    public init(_ plan: SecurityPlan) {
        var owner = [Int](repeating: 0, count: plan.lines.count)
        for (index, zone) in plan.zones.enumerated() {
            owner[zone.line] = index
            if let complement = zone.complement { owner[complement] = index }
        }
        lines = plan.lines.enumerated().map { Line(debounce: $1.debounce, zone: owner[$0]) }
        zones = plan.zones.map { zone in
            // 50 ms: a relay's changeover takes 5-20 ms, and chips debounce the two lines apart.
            Zone(plan: zone, pairSettle: max(.milliseconds(50), plan.lines[zone.line].debounce))
        }
    }

    public var nextDeadline: MonotonicTime? { earliest == .distantFuture ? nil : earliest }
    public func verdict(_ zone: Int) -> ZoneVerdict? { zones[zone].shown }
    public func activations(_ zone: Int) -> UInt64 { zones[zone].activations }
    public func isQuieted(_ zone: Int) -> Bool { zones[zone].quiet != nil }
    /// The line's settled level; nil while it cannot be read.
    public func level(_ line: Int) -> Bool? { lines[line].fault == nil ? lines[line].settled : nil }

    public mutating func takeOutputs() -> [Output] {
        defer { outputs.removeAll(keepingCapacity: true) }
        return outputs
    }

    /// A line is at this level since `time`. `isSettled`: it has been debounced already.
    public mutating func move(_ line: Int, isHigh: Bool, isSettled: Bool, at time: MonotonicTime) {
        advance(to: time)
        let isFirst = lines[line].fault != nil
        if !isFirst, lines[line].settled == isHigh {
            lines[line].pending = nil
            return
        }
        // The first reading after a gap is taken as it is: there is nothing to compare it with.
        if isFirst || isSettled || lines[line].debounce == .zero { return settle(line, isHigh, at: time) }
        if lines[line].pending?.isHigh == isHigh { return }
        lines[line].pending = (isHigh, time + lines[line].debounce)
        noteDeadline(time + lines[line].debounce)
    }

    public mutating func fail(_ line: Int, _ fault: LineFault, at time: MonotonicTime) {
        advance(to: time)
        if lines[line].fault == fault { return }
        lines[line].fault = fault
        lines[line].pending = nil
        judge(lines[line].zone, line: line, at: time)
    }

    /// Everything that falls due by `time`, in the order of its moments.
    public mutating func advance(to time: MonotonicTime) {
        while earliest <= time {
            let moment = earliest
            earliest = .distantFuture
            settleDue(by: moment)
            findEarliest()
        }
    }

    private mutating func settleDue(by moment: MonotonicTime) {
        for index in lines.indices {
            if let pending = lines[index].pending, pending.due <= moment {
                settle(index, pending.isHigh, at: pending.due)
            }
        }
        for index in zones.indices {
            if let pending = zones[index].pending, pending.due <= moment {
                zones[index].pending = nil
                adopt(index, .state(pending.state), line: nil, at: pending.due)
            }
            if let quiet = zones[index].quiet, quiet.until <= moment { endQuiet(index, at: quiet.until) }
        }
    }

    private mutating func noteDeadline(_ due: MonotonicTime) { earliest = min(earliest, due) }

    private mutating func findEarliest() {
        earliest = .distantFuture
        for line in lines { if let pending = line.pending { noteDeadline(pending.due) } }
        for zone in zones {
            if let pending = zone.pending { noteDeadline(pending.due) }
            if let quiet = zone.quiet { noteDeadline(quiet.until) }
        }
    }

    private mutating func settle(_ line: Int, _ isHigh: Bool, at time: MonotonicTime) {
        lines[line].settled = isHigh
        lines[line].fault = nil
        lines[line].pending = nil
        judge(lines[line].zone, line: line, at: time)
    }
}

// MARK: - Judgement

extension ZoneEngine {
    /// What the zone's lines say together.
    private func reading(_ zone: Zone) -> ZoneVerdict {
        let first = lines[zone.plan.line]
        if let fault = first.fault { return .fault(fault) }
        guard let isHigh = first.settled else { return .fault(LineFault(.notYetRead)) }
        let isClosed = isHigh == zone.plan.closedReadsHigh
        guard let complement = zone.plan.complement else {
            return .state(isClosed == zone.plan.isNormallyClosed ? .normal : .alarm)
        }
        let second = lines[complement]
        if let fault = second.fault { return .fault(fault) }
        guard let isSecondHigh = second.settled else { return .fault(LineFault(.notYetRead)) }
        let isSecondClosed = isSecondHigh == zone.plan.closedReadsHigh
        if isClosed == isSecondClosed { return .state(isClosed ? .short : .open) }
        return .state(isClosed == zone.plan.isNormallyClosed ? .normal : .alarm)
    }

    private mutating func judge(_ index: Int, line: Int, at time: MonotonicTime) {
        let new = reading(zones[index])
        // Nothing is known yet about the zone's other line: that is no news.
        if zones[index].verdict == nil, new == .fault(LineFault(.notYetRead)) { return }
        if case .state(let state) = new, state == .short || state == .open, case .state? = zones[index].verdict,
            zones[index].verdict != new
        {
            // The two sides of a changeover contact do not move at once: wait before calling it a cut.
            if zones[index].pending?.state != state {
                zones[index].pending = (state, time + zones[index].pairSettle)
                noteDeadline(time + zones[index].pairSettle)
            }
            return
        }
        zones[index].pending = nil
        if zones[index].verdict != new { adopt(index, new, line: line, at: time) }
    }

    private mutating func adopt(_ index: Int, _ new: ZoneVerdict, line: Int?, at time: MonotonicTime) {
        let isActivation = new == .state(.alarm) && zones[index].verdict != nil
        zones[index].verdict = new
        if isActivation {
            zones[index].activations += 1
            outputs.append(.activated(zone: index, total: zones[index].activations, at: time))
            countForQuiet(index, at: time)
        }
        if zones[index].quiet != nil {
            let until = time + zones[index].plan.swinger.rest
            zones[index].quiet?.until = until
            noteDeadline(until)
        }
        show(index, line: line, at: time)
    }

    private mutating func countForQuiet(_ index: Int, at time: MonotonicTime) {
        if zones[index].quiet != nil {
            zones[index].quiet?.untold += 1
            return
        }
        let swinger = zones[index].plan.swinger
        zones[index].recent.removeAll { time - $0 > swinger.window }
        zones[index].recent.append(time)
        if zones[index].recent.count >= swinger.count {
            zones[index].recent.removeAll(keepingCapacity: true)
            zones[index].quiet = (time + swinger.rest, 0)
            outputs.append(.quieted(zone: index, at: time))
        }
    }

    private mutating func endQuiet(_ index: Int, at time: MonotonicTime) {
        let untold = zones[index].quiet?.untold ?? 0
        zones[index].quiet = nil
        outputs.append(.heardAgain(zone: index, untold: untold, at: time))
        show(index, line: nil, at: time)
    }

    /// A quieted zone is shown in alarm when it is at rest: quiet must never look like safe.
    private mutating func show(_ index: Int, line: Int?, at time: MonotonicTime) {
        guard var new = zones[index].verdict else { return }
        if zones[index].quiet != nil, new == .state(.normal) { new = .state(.alarm) }
        if zones[index].shown == new { return }
        let was = zones[index].shown
        zones[index].shown = new
        outputs.append(.changed(zone: index, was: was, now: new, line: line, at: time))
    }
}
