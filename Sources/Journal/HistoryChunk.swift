internal import Platform
internal import Site

/// Changes of many points within ten seconds, as one run of bytes: a row for each would cost flash four times
/// as much, and an index over them a page for each point at every write.
///
/// Each change: a byte (the quality; 0x80 where the number is whole), the point's number and the time since
/// the chunk's first as variable-length numbers, then, of a good reading, the number: whole ones zigzag in
/// variable length, others as the eight bytes of the double.
struct HistoryChunk {
    private(set) var from: Int64 = 0
    private(set) var to: Int64 = 0
    private(set) var bytes: [UInt8] = []

    private static let span: Int64 = 10_000
    private static let isWhole: UInt8 = 0x80

    var isEmpty: Bool { bytes.isEmpty }

    mutating func clear() { bytes.removeAll(keepingCapacity: true) }

    /// False: it belongs into the next chunk, because of its time (the clock may have jumped, either way).
    mutating func add(point: Int64, _ sample: HistorySample) -> Bool {
        let time = sample.wall.milliseconds
        if isEmpty { (from, to) = (time, time) }
        guard time >= from, time - from < HistoryChunk.span else { return false }
        to = max(to, time)
        let whole = sample.quality == .good ? HistoryChunk.whole(sample.number) : nil
        bytes.append(sample.quality.rawValue | (whole == nil ? 0 : HistoryChunk.isWhole))
        put(UInt64(point))
        put(UInt64(time - from))
        if let whole {
            put(UInt64(bitPattern: whole << 1 ^ whole >> 63))
        } else if sample.quality == .good {
            let bits = sample.number.bitPattern
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: bits >> (UInt64(shift) * 8))) }
        }
        return true
    }

    private static func whole(_ number: Double) -> Int64? {
        guard let whole = Int64(exactly: number), whole.magnitude < 1 << 40, !(number == 0 && number.sign == .minus)
        else { return nil }
        return whole
    }

    private mutating func put(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// The changes of some points in a chunk that began at `start`; what is damaged ends it.
    static func read(
        _ bytes: [UInt8], from start: Int64, of points: Set<UInt64>, _ body: (_ point: UInt64, HistoryChange) -> Void
    ) {
        var at = 0
        func byte() -> UInt8? {
            guard at < bytes.count else { return nil }
            defer { at += 1 }
            return bytes[at]
        }
        func number() -> UInt64? {
            var number: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                guard let next = byte() else { return nil }
                number |= UInt64(next & 0x7F) << shift
                if next < 0x80 { return number }
            }
            return nil
        }
        while let head = byte() {
            guard let owner = number(), let since = number(), let quality = Quality(rawValue: head & 0x7F) else {
                return
            }
            var value: Double?
            if head & isWhole != 0 {
                guard let zigzag = number() else { return }
                value = Double(Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1))
            } else if quality == .good {
                var bits: UInt64 = 0
                for shift in 0..<8 {
                    guard let next = byte() else { return }
                    bits |= UInt64(next) << (UInt64(shift) * 8)
                }
                value = Double(bitPattern: bits)
            }
            guard points.contains(owner) else { continue }
            body(
                owner,
                HistoryChange(
                    time: WallTime(milliseconds: start + Int64(clamping: since)), number: value, quality: quality))
        }
    }
}
