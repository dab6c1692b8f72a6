public import Platform

/// The posture in one shared page: the site plane writes, the inference plane reads in nanoseconds.
///
/// Layout (512 bytes, little-endian words): a seqlock sequence word, then 0 magic and version,
/// 1 heartbeat (CLOCK_MONOTONIC ns, the same for every process of this boot), 2 state, 3 watts (double
/// bits; NaN: no limit), 4 since (wall ms), 5 lengths (reason, drained list), 6... reason, then the
/// drained accelerators' names separated by blanks.
public struct PosturePage: Sendable {
    public static let byteCount = 512
    private static let words = 63
    private static let magic: UInt64 = 0x4D44_4350_0000_0001  // "MDCP", layout version 1
    private static let textBytesMax = (words - 6) * 8

    private let record: Seqlock<63>

    /// `memory` holds `byteCount` bytes, zero at first, and outlives the page.
    public init(at memory: UnsafeMutableRawPointer) { record = unsafe Seqlock(at: memory) }

    /// The one writer, at every decision and at every heartbeat.
    public func publish(_ posture: Posture, at now: MonotonicTime) {
        var words = InlineArray<63, UInt64>(repeating: 0)
        words[0] = PosturePage.magic
        words[1] = UInt64(bitPattern: now.nanoseconds)
        words[2] = UInt64(posture.state.rawValue)
        words[3] = (posture.watts ?? .nan).bitPattern
        words[4] = UInt64(bitPattern: posture.since.milliseconds)
        // Half the text each, so that a long reason cannot hide a drained accelerator.
        let reason = cut(posture.reason, to: PosturePage.textBytesMax / 2)
        let drained = cut(posture.drainedAccelerators.joined(separator: " "), to: PosturePage.textBytesMax / 2)
        words[5] = UInt64(reason.count) | UInt64(drained.count) << 32
        for (i, byte) in (reason + drained).enumerated() {
            words[6 + i / 8] |= UInt64(byte) << UInt64(i % 8 * 8)
        }
        record.store(words)
    }

    /// After a restart over a page whose writer died in the middle.
    public func repair() { record.repair() }

    /// The hot path: may this request run? No text is touched. A page never written, of another
    /// layout, or not refreshed within `staleAfter` reads as `safe`.
    public func state(at now: MonotonicTime, staleAfter: Nanoseconds, safe: PostureState) -> (
        state: PostureState, watts: Double?
    ) {
        guard let words: InlineArray<4, UInt64> = record.loadFirst(), words[0] == PosturePage.magic,
            now - MonotonicTime(nanoseconds: Int64(bitPattern: words[1])) <= staleAfter,
            let state = PostureState(rawValue: UInt8(truncatingIfNeeded: words[2]))
        else { return (safe, nil) }
        let watts = Double(bitPattern: words[3])
        return (state, watts.isNaN ? nil : watts)
    }

    /// Everything, for answers to people; nil when the page is stale, foreign or never written.
    public func posture(at now: MonotonicTime, staleAfter: Nanoseconds) -> Posture? {
        guard let (words, _) = record.load(), words[0] == PosturePage.magic,
            now - MonotonicTime(nanoseconds: Int64(bitPattern: words[1])) <= staleAfter,
            let state = PostureState(rawValue: UInt8(truncatingIfNeeded: words[2]))
        else { return nil }
        let reasonLength = min(Int(words[5] & 0xFFFF_FFFF), PosturePage.textBytesMax)
        let drainedLength = min(Int(words[5] >> 32), PosturePage.textBytesMax - reasonLength)
        func bytes(_ range: Range<Int>) -> String {
            String(
                decoding: range.map { UInt8(truncatingIfNeeded: words[6 + $0 / 8] >> UInt64($0 % 8 * 8)) },
                as: UTF8.self)
        }
        let watts = Double(bitPattern: words[3])
        return Posture(
            state: state, reason: bytes(0..<reasonLength),
            since: WallTime(milliseconds: Int64(bitPattern: words[4])), watts: watts.isNaN ? nil : watts,
            drainedAccelerators: bytes(reasonLength..<reasonLength + drainedLength).split(separator: " ").map(
                String.init))
    }

    private func cut(_ text: String, to limit: Int) -> [UInt8] {
        var kept: [UInt8] = []
        for character in text {
            if kept.count + character.utf8.count > limit { break }
            kept.append(contentsOf: character.utf8)
        }
        return kept
    }
}
