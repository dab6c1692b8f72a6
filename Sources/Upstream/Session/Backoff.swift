internal import Platform

/// How long to wait before the next attempt: doubling from one second to a minute, each time a random
/// part of it, so that a fleet that lost its broker together does not come back together.
struct Backoff {
    static let first = Nanoseconds.seconds(1)
    static let last = Nanoseconds.seconds(60)

    private var span = Backoff.first
    private var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// Between half and the whole of the span, which then doubles.
    mutating func next(atMost limit: Nanoseconds = Backoff.last) -> Nanoseconds {
        span = min(span, limit)
        let half = span.count / 2
        let wait = Nanoseconds(half + Int64(random.next() % UInt64(half + 1)))
        span = min(span * 2, Backoff.last)
        return wait
    }

    mutating func reset() { span = Backoff.first }
}

/// A small seeded generator (Steele, Lea and Flood 2014); never for secrets.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
