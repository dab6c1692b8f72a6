internal import Platform
internal import Site

/// What the room remembers of one attribute: its checks, how long its state has lasted, its point.
struct AttributeRecord {
    var point: PointID?
    let isTemperature: Bool
    let isLink: Bool
    private let rules: [AcceleratorAttribute.Check.Rule]
    private let plausible: ClosedRange<Double>?
    private let isRequired: Bool
    private let stateHealths: [AcceleratorHealth]

    private var sequence: UInt32 = 0
    private var compared: UInt32 = 0
    private var checks: [CheckState]
    private var implausible = FewOfLast()
    /// Below what card and port can do, twice of the last three times.
    private var shortLink = FewOfLast()
    private var state: Int32 = -1
    private var stateSince = MonotonicTime.distantPast
    private(set) var isPlausible = true
    private(set) var isFrozen = false
    /// A number or state that may be believed.
    private(set) var isTrusted = false
    private var hasActiveCheck = false

    init(_ attribute: AcceleratorAttribute) {
        isTemperature = attribute.role == .temperature
        isLink = attribute.role == .linkWidth || attribute.role == .linkSpeed
        rules = attribute.checks.map(\.rule)
        checks = attribute.checks.map { _ in CheckState() }
        plausible = attribute.plausible
        isRequired = attribute.isRequired
        stateHealths = attribute.states.map(\.health)
    }

    /// Why its number is no measurement.
    var trouble: Reason { isPlausible ? (isFrozen ? .frozen : .none) : .outOfRange }

    func isFresh(_ sample: Sample) -> Bool { sample.sequence != sequence }
    mutating func forgetSample() { sequence = 0 }

    mutating func take(_ sample: Sample) {
        sequence = sample.sequence
        guard sample.outcome == .number || sample.outcome == .state else { return isTrusted = false }
        let now = sample.time.monotonic
        if let plausible, sample.outcome == .number {
            isPlausible = plausible.contains(sample.value)
            implausible.note(!isPlausible, count: 3, window: 5)
        }
        isTrusted = isPlausible
        guard isPlausible else { return }
        if state != sample.detail { (state, stateSince) = (sample.detail, now) }
        if checks.isEmpty { return }
        (hasActiveCheck, isFrozen) = (false, false)
        for index in checks.indices {
            checks[index].update(rules[index], sample.value, now)
            guard checks[index].isActive else { continue }
            hasActiveCheck = true
            if case .frozenFor = rules[index] { isFrozen = true }
        }
        if isFrozen { isTrusted = false }
    }

    /// What the link does now against what it could; each reading counts once.
    mutating func compare(_ sample: Sample, with limit: Double) {
        guard sample.sequence != compared else { return }
        compared = sample.sequence
        shortLink.note(sample.value < limit, count: 2, window: 3)
    }

    var isShort: Bool { shortLink.isActive }
    var isImplausible: Bool { implausible.isActive }
    func timeInState(_ now: MonotonicTime) -> Nanoseconds { now - stateSince }
    var activeChecks: [Int] { checks.indices.filter { checks[$0].isActive } }

    /// Something is to be said of it. Also lets pass what rests on time alone.
    mutating func isSuspect(_ sample: Sample, _ now: MonotonicTime) -> Bool {
        if hasActiveCheck {
            for index in checks.indices { checks[index].tick(rules[index], now) }
            hasActiveCheck = checks.contains(where: \.isActive)
            if hasActiveCheck { return true }
        }
        if sample.isQuarantined || isShort || isImplausible { return true }
        if isRequired && !sample.isGood && sample.outcome != .asleep { return true }
        let index = Int(sample.detail)
        return sample.outcome == .state && index < stateHealths.count && stateHealths[index] != .ok
    }
}

/// A bad sign in `count` of the last `window` readings, until as many were good. One byte of history: these
/// stand beside every value of every card.
struct FewOfLast {
    private(set) var isActive = false
    private var history: UInt8 = 0

    mutating func note(_ isBad: Bool, count: Int, window: Int) {
        let mask = UInt8(1 << window) &- 1
        history = (history << 1 | (isBad == isActive ? 0 : 1)) & mask
        // Bits are signs against the present verdict; enough of them turn it over.
        if history.nonzeroBitCount >= count { (isActive, history) = (!isActive, 0) }
    }
}
