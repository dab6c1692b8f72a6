internal import Platform
internal import Site

/// What a check remembers between readings. Fixed size: a card's checks are counted when it is found.
struct CheckState {
    private(set) var isActive = false
    /// For limits: which of the last values (newest in bit 0) were beyond, and which were clearly back.
    private var beyond: UInt64 = 0
    private var back: UInt64 = 0
    /// For counters and movement.
    private var last: Double?
    private var hasMoved = false
    private var changed = MonotonicTime.distantPast
    private var windowStart = MonotonicTime.distantPast
    private var windowRise = 0.0

    private static let window = Nanoseconds.seconds(60)

    /// One fresh value.
    mutating func update(_ rule: AcceleratorAttribute.Check.Rule, _ value: Double, _ now: MonotonicTime) {
        switch rule {
        case .above(let limit, let clear, let count, let window):
            remember(value > limit, isBack: value <= clear, count, window)
        case .below(let limit, let clear, let count, let window):
            remember(value < limit, isBack: value >= clear, count, window)
        case .rises(let perMinute, let hold): rise(value, perMinute, hold, now)
        case .movesWithin(let span), .frozenFor(let span): move(value, span, now)
        }
    }

    /// No value came: what rests on time goes on.
    mutating func tick(_ rule: AcceleratorAttribute.Check.Rule, _ now: MonotonicTime) {
        if case .rises(_, let hold) = rule, isActive, now - changed > hold { isActive = false }
    }

    private mutating func remember(_ isBeyond: Bool, isBack: Bool, _ count: Int, _ window: Int) {
        let mask = window >= 64 ? UInt64.max : (1 << UInt64(window)) - 1
        beyond = (beyond << 1 | (isBeyond ? 1 : 0)) & mask
        back = (back << 1 | (isBack ? 1 : 0)) & mask
        if !isActive {
            if beyond.nonzeroBitCount >= count { (isActive, back) = (true, 0) }
        } else if back.nonzeroBitCount >= count {
            (isActive, beyond) = (false, 0)
        }
    }

    private mutating func rise(_ value: Double, _ perMinute: Double, _ hold: Nanoseconds, _ now: MonotonicTime) {
        defer { last = value }
        if now - windowStart > Self.window { (windowStart, windowRise) = (now, 0) }
        // A counter that went down was reset (a driver reload, a re-enumerated card): a new baseline.
        if let last, value > last { windowRise += value - last }
        if windowRise > perMinute {
            if !isActive || (last ?? value) < value { changed = now }
            isActive = true
        } else if isActive && now - changed > hold {
            isActive = false
        }
    }

    private mutating func move(_ value: Double, _ span: Nanoseconds, _ now: MonotonicTime) {
        if value != last {
            if last != nil { hasMoved = true }
            (last, changed, isActive) = (value, now, false)
        } else if hasMoved && now - changed > span {
            isActive = true
        }
    }
}
