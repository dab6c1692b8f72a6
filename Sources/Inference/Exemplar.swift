internal import Platform

/// The last request that fell into a bucket of the latency histogram, by the id that its client gave it: from a
/// slow bucket on a dashboard to the request in the client's own log. Of fixed size: noting one allocates nothing.
struct Exemplar {
    /// OpenMetrics gives label names and values 128 characters together.
    static let lettersMax = 64

    private var letters = InlineArray<64, UInt8>(repeating: 0)
    private var count = 0
    private(set) var microseconds: UInt64 = 0
    private(set) var wall_ms: Int64 = 0

    /// Letters that would need escapes are left out.
    mutating func note(_ id: Memory, microseconds: UInt64, wall_ms: Int64) {
        count = 0
        for index in 0..<min(id.count, Exemplar.lettersMax) {
            let byte = id[index]
            guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { continue }
            letters[count] = byte
            count += 1
        }
        self.microseconds = microseconds
        self.wall_ms = wall_ms
    }

    /// " # {request="..."} 0.0012 1795000000.123"; nothing where no request with an id was seen.
    func append(to writer: inout ByteWriter) {
        if count == 0 { return }
        writer.append(" # {request=\"")
        for index in 0..<count { writer.append(letters[index]) }
        writer.append("\"} ")
        writer.append(Double(microseconds) / 1e6)
        writer.append(" ")
        writer.append(Double(wall_ms) / 1000)
    }
}

extension MetricsText {
    /// The same families in OpenMetrics: counters are named without `_total` in their heads, Triton's counters
    /// (which have no such ending) are of unknown type, and the end is said.
    static func openMetrics(_ house: InferenceHouse) -> [UInt8] {
        let text = String(decoding: render(house, withExemplars: true), as: UTF8.self)
        var out = ByteWriter(capacity: 32 << 10)
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# ") {
                let words = line.split(separator: " ", maxSplits: 3)
                let isCounter = words[2].hasSuffix("_total")
                let kind = words[1] == "TYPE" && words[3] == "counter" && !isCounter ? "unknown" : words[3]
                out.append(string: "# \(words[1]) \(isCounter ? words[2].dropLast(6) : words[2]) \(kind)\n")
            } else {
                out.append(string: String(line))
                out.append("\n")
            }
        }
        out.append("# EOF\n")
        return out.bytes
    }
}
