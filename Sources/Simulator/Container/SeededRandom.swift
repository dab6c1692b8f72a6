/// SplitMix64: small, fast and the same on every machine, so that a seed tells the whole story.
struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// From 0 up to, not including, 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// About normal (the sum of four uniforms), mean 0, deviation 1, never beyond 3.5.
    mutating func gauss() -> Double { (unit() + unit() + unit() + unit() - 2) * 1.732 }
}

/// A quantity that wanders about its mean and always comes back (Ornstein-Uhlenbeck, clamped).
struct Wander: Sendable {
    private(set) var value: Double
    let mean: Double
    let spread: Double
    let relaxation_s: Double

    init(mean: Double, spread: Double, relaxation_s: Double) {
        value = mean
        self.mean = mean
        self.spread = spread
        self.relaxation_s = relaxation_s
    }

    mutating func advance(_ dt: Double, _ random: inout SeededRandom) {
        let pull = (mean - value) * dt / relaxation_s
        let push = spread * (2 * dt / relaxation_s).squareRoot() * random.gauss()
        value = min(mean + 3 * spread, max(mean - 3 * spread, value + pull + push))
    }
}
