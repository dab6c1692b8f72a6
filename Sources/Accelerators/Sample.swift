internal import Platform
internal import Synchronization

/// What one attribute last read. Plain bytes: a table of them is copied in one go.
struct Sample: Sendable {
    enum Outcome: UInt8, Sendable {
        case notRead
        case number
        case text
        /// `detail` is the state's place in the layout's list, `value` its code.
        case state
        /// Left alone so that the card may sleep.
        case asleep
        /// There is no such file.
        case unsupported
        case malformed
        /// `detail` is the errno.
        case failed
    }

    var value = 0.0
    /// When the card was asked.
    var time = Moment(monotonic: .distantPast, wall: WallTime(milliseconds: 0))
    /// Goes up with every read.
    var sequence: UInt32 = 0
    var outcome = Outcome.notRead
    var isQuarantined = false
    var detail: Int32 = 0

    var isGood: Bool { outcome == .number || outcome == .text || outcome == .state }
}

/// What a card's thread tells the room, and what the room asks of it. The lock is held for a copy; the
/// words beside it are read without one, because the thread may hang in the kernel for ever.
final class StationExchange: Sendable {
    struct Content: Sendable {
        /// Which assignment these samples belong to.
        var generation: UInt64 = 0
        var samples: [Sample] = []
        var texts: [String] = []
        var textVersion: UInt64 = 0
        var sweeps: UInt64 = 0
        /// A held file said that its device is gone: the bus should be looked over at once.
        var sawGone = false
    }

    let content = Mutex(Content())
    /// The thread is inside a call for attribute `index` (or placing files: -1) since then; 0: it is not.
    private let callSince = Atomic<Int64>(0)
    private let callIndex = Atomic<Int>(-1)

    func beginCall(_ index: Int, at now: MonotonicTime) {
        callIndex.store(index, ordering: .relaxed)
        callSince.store(now.nanoseconds, ordering: .releasing)
    }

    func endCalls() { callSince.store(0, ordering: .releasing) }

    /// The call that has gone on for longer than `limit`.
    func stuckCall(at now: MonotonicTime, limit: Nanoseconds) -> (index: Int, lasting: Nanoseconds)? {
        let since = callSince.load(ordering: .acquiring)
        guard since != 0, now.nanoseconds - since > limit.count else { return nil }
        return (callIndex.load(ordering: .relaxed), Nanoseconds(now.nanoseconds - since))
    }
}
