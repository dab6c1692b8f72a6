internal import HTTP
internal import Platform

/// What each network address has cost lately: a bucket of requests, and its failed log-ins. Of fixed
/// size: the address that was quiet longest makes room.
struct SourceTable {
    struct Source {
        var tokens: Double
        var refilled: MonotonicTime
        var failures = 0
        var lockedUntil = MonotonicTime.distantPast
    }

    static let sourcesMax = 512
    /// A browser with its stream, a scraper and three controllers stay far below.
    static let requestsPerSecond = 100.0
    static let burst = 300.0
    /// This many wrong passwords lock the address out, each further one twice as long.
    static let failuresMax = 5
    static let lockTime = Nanoseconds.seconds(30)
    static let lockTimeMax = Nanoseconds.seconds(900)

    private var sources: [Key: Source] = [:]
    private struct Key: Hashable { let high: UInt64, low: UInt64 }

    init() { sources.reserveCapacity(SourceTable.sourcesMax) }

    /// One IPv6 network of 64 bits is one source: its owner has 2^64 addresses.
    private static func key(_ peer: Peer) -> Key {
        guard case .tcp(let high, let low) = peer.way else { return Key(high: 0, low: 0) }
        return high == 0 ? Key(high: 0, low: low) : Key(high: high, low: 0)
    }

    private mutating func source(_ key: Key, _ now: MonotonicTime) -> Source {
        if let known = sources[key] { return known }
        if sources.count >= SourceTable.sourcesMax,
            let oldest = sources.min(by: { $0.value.refilled < $1.value.refilled })
        {
            sources[oldest.key] = nil
        }
        return Source(tokens: SourceTable.burst, refilled: now)
    }

    /// False when the address asks too much.
    mutating func admit(_ peer: Peer, at now: MonotonicTime) -> Bool {
        let key = SourceTable.key(peer)
        var source = source(key, now)
        let earned = max(0, (now - source.refilled).seconds) * SourceTable.requestsPerSecond
        source.tokens = min(SourceTable.burst, source.tokens + earned)
        source.refilled = now
        let isAdmitted = source.tokens >= 1
        if isAdmitted { source.tokens -= 1 }
        sources[key] = source
        return isAdmitted
    }

    /// How long the address is still locked out.
    func lockedFor(_ peer: Peer, at now: MonotonicTime) -> Nanoseconds {
        guard let source = sources[SourceTable.key(peer)], source.lockedUntil > now else { return .zero }
        return source.lockedUntil - now
    }

    mutating func failed(_ peer: Peer, at now: MonotonicTime) {
        let key = SourceTable.key(peer)
        var source = source(key, now)
        source.failures += 1
        source.refilled = now
        if source.failures >= SourceTable.failuresMax {
            let doublings = min(10, source.failures - SourceTable.failuresMax)
            let span = Nanoseconds(min(SourceTable.lockTimeMax.count, SourceTable.lockTime.count << Int64(doublings)))
            source.lockedUntil = now + span
        }
        sources[key] = source
    }

    mutating func succeeded(_ peer: Peer) { sources[SourceTable.key(peer)]?.failures = 0 }

    var count: Int { sources.count }
}
