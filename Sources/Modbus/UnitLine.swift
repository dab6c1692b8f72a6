internal import Platform
internal import Site

/// What the wire knows of one unit: its pace, its counters, and what it still owes an answer for.
final class UnitLine {
    let unitID: UInt8
    let timeout: Nanoseconds
    let gap: Nanoseconds
    /// After this long without a sign, what was not answered is taken for lost.
    let latest: Nanoseconds
    var nextAllowed = MonotonicTime.distantPast

    var requests: UInt64 = 0
    var timeouts: UInt64 = 0
    var checksumErrors: UInt64 = 0
    var exceptions: UInt64 = 0
    var lateReplies: UInt64 = 0
    var foreignReplies: UInt64 = 0
    var roundTrips = RoundTripHistogram()

    /// Shapes of requests whose answers never came, and may still come. A unit answers in order: the
    /// answer to a later request with another shape proves that none of these is on its way any more.
    private(set) var owed: [ReplyShape] = []
    private(set) var owedSince = MonotonicTime.distantPast

    init(unitID: UInt8, timeout: Nanoseconds, gap: Nanoseconds = .zero, latest: Nanoseconds? = nil) {
        self.unitID = unitID
        self.timeout = timeout
        self.gap = gap
        // Five timeouts: a machine that is slower than that is not polled but wrong. The tests inject
        // delays well beyond one timeout.
        self.latest = latest ?? max(.seconds(5), timeout * 5)
    }

    func owes(_ shape: ReplyShape, at now: MonotonicTime) -> Bool {
        if !owed.isEmpty, now - owedSince > latest { owed.removeAll(keepingCapacity: true) }
        return owed.contains(shape)
    }

    var owesNothing: Bool { owed.isEmpty }
    func owesOnly(_ shape: ReplyShape) -> Bool { owed == [shape] }

    func owesInstead(_ shape: ReplyShape) {
        owed.removeAll(keepingCapacity: true)
        owed.append(shape)
    }

    func noteUnanswered(_ shape: ReplyShape, at now: MonotonicTime) {
        if !owed.contains(shape) { owed.append(shape) }
        owedSince = now
    }

    /// The answer to what was asked last has come, and it is certain that it is that one.
    func noteAnswered() { owed.removeAll(keepingCapacity: true) }
}

/// Round-trip times in logarithmic buckets: enough for p50 and p99, and old ones fade.
struct RoundTripHistogram {
    /// 20 us times 1.25^i: bucket 79 is above 15 minutes.
    private static let first = 20_000.0
    private static let step = 1.25
    private static let inverseLogStep = 1 / log2OfStep
    private static let log2OfStep = 0.321928094887362
    private var buckets = [UInt32](repeating: 0, count: 80)
    private var total: UInt32 = 0

    mutating func add(_ span: Nanoseconds) {
        let ratio = max(1, Double(span.count) / RoundTripHistogram.first)
        // The exponent of the double is log2 rounded down; its fraction makes the rest.
        let log2 = Double(ratio.exponent) + (ratio.significand - 1)
        let index = min(buckets.count - 1, Int(log2 * RoundTripHistogram.inverseLogStep))
        buckets[index] += 1
        total += 1
        if total >= 4096 { fade() }
    }

    private mutating func fade() {
        total = 0
        for i in buckets.indices {
            buckets[i] /= 2
            total += buckets[i]
        }
    }

    /// The upper edge of the bucket that holds the quantile; zero before the first.
    func quantile(_ q: Double) -> Nanoseconds {
        if total == 0 { return .zero }
        var left = UInt32((Double(total) * q).rounded(.up))
        var edge = RoundTripHistogram.first * RoundTripHistogram.step
        for count in buckets {
            if count >= left { break }
            left -= count
            edge *= RoundTripHistogram.step
        }
        return Nanoseconds(Int64(edge))
    }
}
