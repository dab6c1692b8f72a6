public import Platform
import Synchronization

/// The readings of the whole container. Each point has one owner thread that writes it; anyone reads
/// it, without a lock and without tearing. A change marks the point and wakes the control loop.
///
/// Memory: 64 bytes per point (one cache line, so that owners do not disturb each other), and 64 more
/// for each point that holds text.
@safe public final class Board: @unchecked Sendable {
    public let points: PointTable
    private let memory: UnsafeMutableRawPointer
    private let textOffsets: [Int]
    /// Zero where only changes are published.
    private let staleAfter: [Nanoseconds]
    /// One bit per point that changed since the control loop last looked.
    private let dirty: [Atomic64]
    private let wakeup: Wakeup?

    private final class Atomic64: Sendable { let bits = Atomic<UInt64>(0) }

    private typealias Slot = Seqlock<7>
    private typealias Text = Seqlock<7>
    /// Bytes of text a point can hold: seven words less the length.
    public static let textBytesMax = 55

    public init(_ points: PointTable, wakeup: Wakeup? = nil) {
        self.points = points
        self.wakeup = wakeup
        staleAfter = points.definitions.map(\.staleAfter)
        var texts = 0
        textOffsets = points.definitions.map { point in
            guard point.kind == .text else { return -1 }
            texts += 1
            return (points.count + texts - 1) * 64
        }
        let byteCount = max(64, (points.count + texts) * 64)
        unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        dirty = (0..<(points.count + 63) / 64).map { _ in Atomic64() }
        for id in points.ids { slot(id).store(Packed(.neverRead).words) }
    }

    deinit { unsafe memory.deallocate() }

    // MARK: - Owners write

    /// A fresh measurement.
    public func publish(_ id: PointID, _ number: Double, at now: Moment) {
        write(id, Packed(number: number, measured: now, quality: .good))
    }

    /// A fresh text; what does not fit is cut at a character.
    public func publish(_ id: PointID, text: String, at now: Moment) {
        let offset = textOffsets[id.index]
        guard offset >= 0 else { return }
        let changed = self.text(id) != text
        unsafe Text(at: memory + offset).store(packText(text))
        write(id, Packed(number: 0, measured: now, quality: .good), textChanged: changed)
    }

    /// No fresh measurement: the last one and its time stay, and the reading says why it is not good.
    public func publish(_ id: PointID, _ quality: Quality, _ reason: Reason, detail: UInt16 = 0) {
        var packed = Packed(words: slot(id).load()?.payload ?? Packed(.neverRead).words)
        packed.quality = quality
        packed.reason = reason
        packed.detail = detail
        write(id, packed)
    }

    private func write(_ id: PointID, _ packed: Packed, textChanged: Bool = false) {
        let slot = slot(id)
        let old = Packed(words: slot.load()?.payload ?? packed.words)
        slot.store(packed.words)
        if textChanged || !packed.saysTheSame(as: old) { mark(id) }
    }

    private func mark(_ id: PointID) {
        let bit = UInt64(1) << UInt64(id.index % 64)
        let before = dirty[id.index / 64].bits.bitwiseOr(bit, ordering: .acquiringAndReleasing).oldValue
        if before & bit == 0 { wakeup?.signal() }
    }

    // MARK: - Anyone reads

    /// The reading as it stands at `now`: a good one that is too old is stale.
    public func reading(_ id: PointID, at now: MonotonicTime) -> Reading {
        guard let words = slot(id).load()?.payload else { return .neverRead }
        let packed = Packed(words: words)
        var reading = packed.reading(text: text(id))
        // Not by way of the definition: a copy of it counts references, thousands of times a second.
        let staleAfter = staleAfter[id.index]
        if reading.quality == .good, staleAfter > .zero, let age = reading.age(at: now), age > staleAfter {
            reading.quality = .stale
        }
        return reading
    }

    public func holdsText(_ id: PointID) -> Bool { textOffsets[id.index] >= 0 }

    /// The same without text, in nanoseconds.
    public func sample(_ id: PointID, at now: MonotonicTime) -> Sample {
        guard let words = slot(id).load()?.payload else { return .neverRead }
        let packed = Packed(words: words)
        var sample = Sample(
            number: packed.number, quality: packed.quality, reason: packed.reason,
            measured: MonotonicTime(nanoseconds: packed.monotonic))
        if sample.quality == .good {
            let staleAfter = staleAfter[id.index]
            if staleAfter > .zero, now - sample.measured > staleAfter { sample.quality = .stale }
        }
        return sample
    }

    /// Goes up with every write to the point.
    public func version(_ id: PointID) -> UInt64 { slot(id).version }

    /// Calls `body` for each point that changed since the last call; for the control loop alone.
    public func takeChanges(_ body: (PointID) -> Void) {
        for (index, word) in dirty.enumerated() {
            if word.bits.load(ordering: .relaxed) == 0 { continue }
            var bits = word.bits.exchange(0, ordering: .acquiringAndReleasing)
            while bits != 0 {
                body(PointID(index * 64 + bits.trailingZeroBitCount))
                bits &= bits &- 1
            }
        }
    }

    // MARK: - Memory

    private func slot(_ id: PointID) -> Slot {
        precondition(id.index >= 0 && id.index < points.count)
        return unsafe Slot(at: memory + id.index * 64)
    }

    private func text(_ id: PointID) -> String? {
        let offset = textOffsets[id.index]
        guard offset >= 0, let words = unsafe Text(at: memory + offset).load()?.payload else { return nil }
        let length = min(Int(words[0] & 0xFF), Board.textBytesMax)
        return unsafe String(unsafeUninitializedCapacity: length) { bytes in
            for i in 0..<length {
                unsafe bytes[i] = UInt8(truncatingIfNeeded: words[(i + 1) / 8] >> UInt64((i + 1) % 8 * 8))
            }
            return length
        }
    }

    private func packText(_ text: String) -> InlineArray<7, UInt64> {
        var kept: [UInt8] = []
        for character in text {
            let bytes = character.utf8
            if kept.count + bytes.count > Board.textBytesMax { break }
            kept.append(contentsOf: bytes)
        }
        kept.insert(UInt8(kept.count), at: 0)
        var words = InlineArray<7, UInt64>(repeating: 0)
        for (i, byte) in kept.enumerated() { words[i / 8] |= UInt64(byte) << UInt64(i % 8 * 8) }
        return words
    }
}

/// A reading as the slot's words: value bits, wall ms, monotonic ns, flags.
private struct Packed {
    var number: Double
    var wall: Int64
    var monotonic: Int64
    var quality: Quality
    var reason: Reason
    var detail: UInt16
    var hasValue: Bool

    init(number: Double, measured: Moment, quality: Quality) {
        self.number = number
        wall = measured.wall.milliseconds
        monotonic = measured.monotonic.nanoseconds
        self.quality = quality
        reason = .none
        detail = 0
        hasValue = true
    }

    init(_ reading: Reading) {
        number = reading.goodNumber ?? 0
        wall = reading.measured?.wall.milliseconds ?? 0
        monotonic = reading.measured?.monotonic.nanoseconds ?? 0
        quality = reading.quality
        reason = reading.reason
        detail = reading.detail
        hasValue = reading.value != nil
    }

    init(words: InlineArray<7, UInt64>) {
        number = Double(bitPattern: words[0])
        wall = Int64(bitPattern: words[1])
        monotonic = Int64(bitPattern: words[2])
        quality = Quality(rawValue: UInt8(truncatingIfNeeded: words[3])) ?? .failed
        reason = Reason(rawValue: UInt16(truncatingIfNeeded: words[3] >> 16)) ?? .none
        detail = UInt16(truncatingIfNeeded: words[3] >> 32)
        hasValue = words[3] >> 63 == 1
    }

    var words: InlineArray<7, UInt64> {
        var words = InlineArray<7, UInt64>(repeating: 0)
        words[0] = number.bitPattern
        words[1] = UInt64(bitPattern: wall)
        words[2] = UInt64(bitPattern: monotonic)
        words[3] =
            UInt64(quality.rawValue) | UInt64(reason.rawValue) << 16 | UInt64(detail) << 32
            | (hasValue ? 1 << 63 : 0)
        return words
    }

    /// Same value and quality: only the time is newer.
    func saysTheSame(as other: Packed) -> Bool {
        number.bitPattern == other.number.bitPattern && quality == other.quality && reason == other.reason
            && detail == other.detail && hasValue == other.hasValue
    }

    func reading(text: String?) -> Reading {
        Reading(
            value: hasValue ? text.map(Value.text) ?? .number(number) : nil,
            measured: hasValue
                ? Moment(
                    monotonic: MonotonicTime(nanoseconds: monotonic), wall: WallTime(milliseconds: wall)) : nil,
            quality: quality, reason: reason, detail: detail)
    }
}
