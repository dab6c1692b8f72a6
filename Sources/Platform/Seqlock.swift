public import Synchronization

/// A record of `count` words that one thread (or process) writes and any number read without a lock
/// and without tearing. Every word is atomic, so there is no data race to argue about; the sequence
/// word is odd while a write is under way.
///
/// Inlinable, because the width is a generic parameter: looked up at run time it costs more than the read.
/// The memory belongs to somebody else and outlives this value: a Board, a mapped page.
@safe public struct Seqlock<let count: Int>: @unchecked Sendable {
    /// Words of memory one record takes.
    @inlinable public static var stride: Int { count + 1 }

    @usableFromInline let words: UnsafeMutablePointer<Atomic<UInt64>>

    /// `memory` holds `stride` words, zero at first, and is 8-byte aligned.
    @inlinable public init(at memory: UnsafeMutableRawPointer) {
        unsafe words = memory.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Only the one owner calls this.
    @inlinable public func store(_ payload: InlineArray<count, UInt64>) {
        let sequence = unsafe words[0].load(ordering: .relaxed)
        unsafe words[0].store(sequence &+ 1, ordering: .relaxed)
        atomicMemoryFence(ordering: .releasing)
        for i in 0..<count { unsafe words[i + 1].store(payload[i], ordering: .relaxed) }
        unsafe words[0].store(sequence &+ 2, ordering: .releasing)
    }

    /// A whole record, and how often it was written. Retries while the owner writes; nil when the
    /// owner died in the middle of a write (the sequence stays odd).
    @inlinable public func load() -> (payload: InlineArray<count, UInt64>, version: UInt64)? {
        // A write takes tens of nanoseconds; a million tries is a writer that is gone, not a slow one.
        for _ in 0..<1_000_000 {
            let before = unsafe words[0].load(ordering: .acquiring)
            if before & 1 == 1 { continue }
            var payload = InlineArray<count, UInt64>(repeating: 0)
            for i in 0..<count { payload[i] = unsafe words[i + 1].load(ordering: .relaxed) }
            atomicMemoryFence(ordering: .acquiring)
            if unsafe words[0].load(ordering: .relaxed) == before { return (payload, before / 2) }
        }
        return nil
    }

    /// The first words of the record alone, whole like `load`: a hot path need not copy the rest.
    @inlinable public func loadFirst<let few: Int>() -> InlineArray<few, UInt64>? {
        precondition(few <= count)
        for _ in 0..<1_000_000 {
            let before = unsafe words[0].load(ordering: .acquiring)
            if before & 1 == 1 { continue }
            var payload = InlineArray<few, UInt64>(repeating: 0)
            for i in 0..<few { payload[i] = unsafe words[i + 1].load(ordering: .relaxed) }
            atomicMemoryFence(ordering: .acquiring)
            if unsafe words[0].load(ordering: .relaxed) == before { return payload }
        }
        return nil
    }

    @inlinable public var version: UInt64 { unsafe words[0].load(ordering: .acquiring) / 2 }

    /// An owner that starts again over memory whose last owner died in the middle of a write.
    public func repair() {
        let sequence = unsafe words[0].load(ordering: .relaxed)
        if sequence & 1 == 1 { unsafe words[0].store(sequence &+ 1, ordering: .releasing) }
    }
}
