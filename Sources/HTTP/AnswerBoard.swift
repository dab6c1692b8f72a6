internal import Glibc
internal import Platform
import Synchronization

/// Which of a loop's connections got an answer, or more of their stream, from another thread: one bit
/// each and one wake-up for many.
@safe final class AnswerBoard: @unchecked Sendable {
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let wordCount: Int
    let wakeup: Wakeup
    /// The loop's thread, set when it starts; its own answers need no wake-up.
    private let thread = Atomic<UInt>(0)

    /// True while a loop's guest works on the loop's own thread, which only that thread sees: its answers
    /// are marked without a wake-up and taken when it is done.
    var collects = false
    private var collected = 0

    init(slots: Int) throws(SystemError) {
        wordCount = (slots + 63) / 64
        wakeup = try Wakeup()
        unsafe words = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: wordCount)
        for index in 0..<wordCount { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe words.deinitialize(count: wordCount)
        unsafe words.deallocate()
    }

    func adoptCurrentThread() { thread.store(UInt(pthread_self()), ordering: .releasing) }
    var isCurrentThread: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    func mark(_ slot: Int) {
        precondition(slot >= 0 && slot < wordCount * 64)
        let bit = UInt64(1) << UInt64(slot & 63)
        let before = unsafe words[slot >> 6].bitwiseOr(bit, ordering: .acquiringAndReleasing).oldValue
        if isCurrentThread, collects {
            collected += 1
            return
        }
        if before & bit == 0 { wakeup.signal() }
    }

    func takeCollected(_ body: (Int) -> Void) {
        if collected > 0 { takeMarked(body) }
    }

    func take(_ body: (Int) -> Void) {
        wakeup.drain()
        takeMarked(body)
    }

    private func takeMarked(_ body: (Int) -> Void) {
        collected = 0
        for index in 0..<wordCount {
            if unsafe words[index].load(ordering: .relaxed) == 0 { continue }
            var bits = unsafe words[index].exchange(0, ordering: .acquiringAndReleasing)
            while bits != 0 {
                body(index << 6 | bits.trailingZeroBitCount)
                bits &= bits &- 1
            }
        }
    }
}
