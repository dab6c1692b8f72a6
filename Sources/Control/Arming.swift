public import Platform
public import Site

/// What a zone's loop says, as the Security room judged it.
public enum ZoneReading: UInt8, Sendable {
    case normal = 0
    case alarm = 1
    case short = 2
    case open = 3
    case fault = 4
}

public struct ZoneInput: Equatable, Sendable {
    public var name: String
    /// Nil: there is no good reading.
    public var reading: ZoneReading?
    /// Goes up with every activation: a door that opened and closed between two looks is not missed.
    public var activations: Double?
    public init(name: String, reading: ZoneReading?, activations: Double? = nil) {
        self.name = name
        self.reading = reading
        self.activations = activations
    }
}

public struct ArmingDecisions: Sendable {
    public var state: ArmingState = .disarmed
    public var events: [EventDraft] = []
    /// One for each of `Arming.conditions`: does it hold? Nil: unknown. The alarm list makes alarms of them.
    public var holding: [Bool?] = []
    /// One for each request.
    public var answers: [ControlAnswer] = []
    /// The zones' status for people, with bypasses.
    public var zones: [ZoneStatus] = []
    /// When something happens although nothing changes: an exit or entry time runs out.
    public var nextDeadline: MonotonicTime?
    /// A zone was opened while in force, which is no event yet and must not be forgotten.
    public var hasNewTrip = false
    public init() {}
}

/// Who may be inside: arming, entry and exit times, bypasses, and what each zone's alarm means now.
public struct Arming: Sendable {
    /// What arming can raise: fixed when the site is loaded, all with the test `.external`.
    public let conditions: [ConditionPlan]
    public internal(set) var state: ArmingState = .disarmed

    let plan: SecurityPlan
    let meanings: [ZoneMeaning]
    var zones: [ZoneMemory]
    /// When the exit or the entry time ends.
    var deadline: MonotonicTime?
    var walkTest: WalkTest?

    /// What is remembered about a zone between two looks.
    struct ZoneMemory {
        var reading: ZoneReading?
        var since = WallTime(milliseconds: 0)
        var activations: Double?
        var bypass: Bypass?
        /// It was opened while in force: an intrusion from `due` on, unless somebody disarms first.
        var trip: Trip?
    }

    struct Bypass {
        let actor: String
        let ends: Moment
    }

    struct Trip {
        let due: MonotonicTime
        /// Raised for at least one look, so that it stands in the list before a closed door ends it.
        var isRaised = false
    }

    /// A technician walks from sensor to sensor; nothing of it is an alarm.
    struct WalkTest {
        let actor: String
        let ends: MonotonicTime
        var seen: Set<Int> = []
    }

    /// A forgotten walk test would leave the container unguarded.
    static let walkTestMax = Nanoseconds.seconds(1800)

    public init(plan: SecurityPlan) {
        self.plan = plan
        var meanings: [ZoneMeaning] = []
        var conditions: [ConditionPlan] = []
        for zone in plan.zones { meanings.append(ZoneMeaning(zone, &conditions)) }
        self.meanings = meanings
        self.conditions = conditions
        zones = plan.zones.map { _ in ZoneMemory() }
    }

    /// `zones` stand in the plan's order.
    public mutating func step(
        zones inputs: [ZoneInput], requests: [(request: ArmingRequest, actor: Actor)], now: Moment
    ) -> ArmingDecisions {
        var decisions = ArmingDecisions()
        let active = look(inputs, now)
        endBypasses(now, &decisions)
        for (request, actor) in requests {
            decisions.answers.append(answer(request, actor, now, &decisions))
        }
        passTime(now, &decisions)
        noticeTrips(active, now, &decisions)
        decisions.holding = Array(repeating: false, count: conditions.count)
        for zone in zones.indices { judge(zone, isActive: active[zone], now, &decisions) }
        decisions.state = state
        decisions.zones = zones.indices.map(status)
        decisions.nextDeadline = nextDeadline
        return decisions
    }

    /// Takes the readings in; which zones are in alarm now, or were since the last look.
    private mutating func look(_ inputs: [ZoneInput], _ now: Moment) -> [Bool] {
        zones.indices.map { index in
            guard index < inputs.count else { return false }
            let input = inputs[index]
            if zones[index].reading != input.reading {
                zones[index].reading = input.reading
                zones[index].since = now.wall
            }
            // After the agent's start the count begins again: only a rise says something.
            let rose = zip(zones[index].activations, input.activations).map { $0 < $1 } ?? false
            if let activations = input.activations { zones[index].activations = activations }
            let isActive = input.reading == .alarm || rose
            if isActive { walkTest?.seen.insert(index) }
            return isActive
        }
    }

    private func zip(_ a: Double?, _ b: Double?) -> (Double, Double)? {
        if let a, let b { (a, b) } else { nil }
    }

    /// Does an alarm of this zone count now?
    func isInForce(_ zone: Int) -> Bool {
        if zones[zone].bypass != nil || walkTest != nil { return false }
        if !meanings[zone].dependsOnArming { return true }
        switch state {
        case .away, .entering: return true
        case .stay: return plan.zones[zone].isInForceInStay
        case .disarmed, .exiting: return false
        }
    }

    // MARK: - Time and trips

    private mutating func passTime(_ now: Moment, _ decisions: inout ArmingDecisions) {
        if let walk = walkTest, now.monotonic >= walk.ends { endWalkTest("its time is over", nil, now, &decisions) }
        guard let due = deadline, now.monotonic >= due else { return }
        deadline = nil
        switch state {
        case .exiting: change(to: .away, "armed away: the exit time is over", nil, now, &decisions)
        case .entering:
            // Nobody disarmed. The trips that began it fall due by themselves.
            change(to: .away, "the entry time is over and nobody disarmed", nil, now, &decisions, .major)
        case .disarmed, .stay, .away: break
        }
    }

    private mutating func noticeTrips(_ active: [Bool], _ now: Moment, _ decisions: inout ArmingDecisions) {
        for zone in zones.indices {
            guard meanings[zone].dependsOnArming, isInForce(zone) else {
                zones[zone].trip = nil
                continue
            }
            guard active[zone], zones[zone].trip == nil else { continue }
            zones[zone].trip = Trip(due: now.monotonic + delay(of: zone, now, &decisions))
            decisions.hasNewTrip = true
        }
    }

    /// How long this zone's opening may still be somebody who belongs here.
    private mutating func delay(of zone: Int, _ now: Moment, _ decisions: inout ArmingDecisions) -> Nanoseconds {
        let entry = plan.zones[zone].entryDelay
        if entry > .zero, state != .entering {
            deadline = now.monotonic + entry
            let title = plan.zones[zone].title
            change(
                to: .entering, "\(title) opened: disarm within \(Int(entry.seconds)) s", nil, now, &decisions, .notice)
            return entry
        }
        // On the way in other sensors see the same person: local first, reported after the grace.
        if state == .entering {
            return max(.zero, min((deadline ?? now.monotonic) - now.monotonic, plan.arming.entryGrace))
        }
        return .zero
    }

    private mutating func judge(
        _ zone: Int, isActive: Bool, _ now: Moment, _ decisions: inout ArmingDecisions
    ) {
        let reading = zones[zone].reading
        let meaning = meanings[zone]
        let isBypassed = zones[zone].bypass != nil
        decisions.holding[meaning.fault] = reading.map { $0 == .fault && !isBypassed }
        if let tamper = meaning.tamper, tamper != meaning.alarm {
            decisions.holding[tamper] = known(reading) { isInForceAsTamper(zone) && ($0 == .short || $0 == .open) }
        }
        if meaning.dependsOnArming {
            decisions.holding[meaning.alarm] = holdsTrip(zone, isActive, now)
        } else {
            let isCut = meaning.tamper == meaning.alarm && (reading == .short || reading == .open)
            decisions.holding[meaning.alarm] =
                isActive && isInForce(zone) ? true : known(reading) { _ in isInForce(zone) && isCut }
        }
    }

    /// A cut or shorted loop counts whatever the arming.
    private func isInForceAsTamper(_ zone: Int) -> Bool { zones[zone].bypass == nil && walkTest == nil }

    private func known(_ reading: ZoneReading?, _ holds: (ZoneReading) -> Bool) -> Bool? {
        guard let reading, reading != .fault else { return nil }
        return holds(reading)
    }

    private mutating func holdsTrip(_ zone: Int, _ isActive: Bool, _ now: Moment) -> Bool {
        guard let trip = zones[zone].trip, trip.due <= now.monotonic else { return false }
        if trip.isRaised, !isActive, zones[zone].reading == .normal {
            zones[zone].trip = nil
            return false
        }
        zones[zone].trip?.isRaised = true
        return true
    }

    private var nextDeadline: MonotonicTime? {
        var due = deadline ?? .distantFuture
        if let walk = walkTest { due = min(due, walk.ends) }
        for zone in zones {
            if let bypass = zone.bypass { due = min(due, bypass.ends.monotonic) }
            if let trip = zone.trip, !trip.isRaised { due = min(due, trip.due) }
        }
        return due == .distantFuture ? nil : due
    }

    private func status(_ zone: Int) -> ZoneStatus {
        let plan = plan.zones[zone]
        let state: String =
            switch zones[zone].reading {
            case .normal?: "normal"
            case .alarm?: "alarm"
            case .short?: "short"
            case .open?: "open"
            case .fault?, nil: "fault"
            }
        let bypass = zones[zone].bypass
        return ZoneStatus(
            name: plan.name, title: plan.title, kind: plan.kind.rawValue, state: state,
            isBypassed: bypass != nil, since: zones[zone].since,
            reason: bypass.map { "bypassed by \($0.actor) until \($0.ends.wall.rfc3339)" })
    }
}
