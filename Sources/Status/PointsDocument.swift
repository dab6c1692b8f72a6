internal import Platform
internal import Site

extension ByteWriter {
    /// `/v1/points`, all of them or those that `pattern` names.
    mutating func writePoints(_ snapshot: SiteSnapshot, matching pattern: NameFilter? = nil) {
        beginObject()
        field("time", snapshot.time.wall.milliseconds)
        beginArray("points")
        for (index, point) in snapshot.points.definitions.enumerated() where index < snapshot.readings.count {
            if let pattern, !pattern.matches(point.name) { continue }
            writePoint(point, snapshot.readings[index])
        }
        endArray()
        endObject()
        append("\n")
    }

    mutating func writePoint(_ point: PointDefinition, _ reading: Reading) {
        beginObject()
        field("name", point.name)
        key("value")
        switch reading.shown {
        case .number(let number):
            if let text = point.stateText(of: number) { value(text) } else { value(number) }
        case .text(let text): value(text)
        case nil: null()
        }
        field("unit", point.unit.rawValue)
        field("quality", reading.quality.text)
        if reading.reason != .none { field("reason", reading.reason.text) }
        if let measured = reading.measured {
            field("time", measured.wall.milliseconds)
        } else {
            key("time")
            null()
        }
        if !point.isVerified { field("verified", false) }
        endObject()
    }
}

/// A name with '*' for any run of letters, dots included; whole names only.
struct NameFilter {
    private let pattern: [UInt8]
    init(_ text: String) { pattern = Array(text.utf8) }

    func matches(_ name: String) -> Bool {
        let star = UInt8(ascii: "*")
        return unsafe name.utf8.withContiguousStorageIfAvailable { name -> Bool in
            var at = 0
            var p = 0
            // Where to go back to: behind the last star, with one more letter given to it.
            var starAt = -1
            var retry = 0
            while at < name.count {
                if p < pattern.count, pattern[p] == star {
                    starAt = p
                    retry = at
                    p += 1
                } else if p < pattern.count, unsafe pattern[p] == name[at] {
                    p += 1
                    at += 1
                } else if starAt >= 0 {
                    retry += 1
                    at = retry
                    p = starAt + 1
                } else {
                    return false
                }
            }
            while p < pattern.count, pattern[p] == star { p += 1 }
            return p == pattern.count
        } ?? false
    }
}
