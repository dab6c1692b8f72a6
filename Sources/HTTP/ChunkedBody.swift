/// The framing of a chunked body: tells how many bytes of payload come next, and where the body ends.
/// Sizes are bare hexadecimal; extensions and trailers are skipped, and both are bounded.
struct ChunkedBody {
    enum Step: Equatable { case needMore, payload, finished, refused }

    /// A size line with its extension; a trailer line. Longer ones serve nobody.
    static let lineBytesMax = 256
    static let trailersMax = 32

    /// Payload still to come of the chunk that has begun.
    private(set) var remaining = 0
    private var inTrailers = false
    private var trailers = 0
    private var needsLineEnd = false

    mutating func took(_ count: Int) {
        remaining -= count
        if remaining == 0 { needsLineEnd = true }
    }

    /// Reads framing from the front of `bytes`; `consumed` is how many of them it took.
    mutating func advance(_ bytes: HeadText, consumed: inout Int) -> Step {
        consumed = 0
        while true {
            if remaining > 0 { return .payload }
            if needsLineEnd {
                guard bytes.count - consumed >= 2 else {
                    return bytes.count - consumed == 1 && bytes[consumed] != 0x0D ? .refused : .needMore
                }
                guard bytes[consumed] == 0x0D, bytes[consumed + 1] == 0x0A else { return .refused }
                consumed += 2
                needsLineEnd = false
            }
            guard let lineFeed = bytes.firstIndex(of: 0x0A, from: consumed) else {
                return bytes.count - consumed > ChunkedBody.lineBytesMax ? .refused : .needMore
            }
            guard lineFeed > consumed, bytes[lineFeed - 1] == 0x0D,
                lineFeed - 1 - consumed <= ChunkedBody.lineBytesMax
            else { return .refused }
            let line = consumed..<lineFeed - 1
            consumed = lineFeed + 1
            if inTrailers {
                if line.isEmpty { return .finished }
                trailers += 1
                if trailers > ChunkedBody.trailersMax || !isClean(bytes[line]) { return .refused }
                continue
            }
            guard let size = ChunkedBody.size(bytes[line]) else { return .refused }
            if size == 0 { inTrailers = true } else { remaining = size }
        }
    }

    /// One to eight hexadecimal digits, then nothing or ";extension".
    private static func size(_ line: HeadText) -> Int? {
        var size = 0
        var index = 0
        while index < line.count, let digit = hexValue(line[index]) {
            if index == 8 { return nil }
            size = size << 4 | Int(digit)
            index += 1
        }
        guard index > 0 else { return nil }
        if index == line.count { return size }
        guard line[index] == UInt8(ascii: ";") else { return nil }
        for rest in index..<line.count where line[rest] < 0x20 && line[rest] != 0x09 || line[rest] == 0x7F {
            return nil
        }
        return size
    }

    private func isClean(_ line: HeadText) -> Bool {
        for index in 0..<line.count where line[index] < 0x20 && line[index] != 0x09 || line[index] == 0x7F {
            return false
        }
        return true
    }
}
