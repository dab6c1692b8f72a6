internal import Platform

/// How a machine can break its word. Each is a thing that real devices, gateways and cables do.
enum Misbehaviour: Equatable, Sendable {
    case mute
    case late(Nanoseconds)
    /// The frame ends in its middle.
    case truncated
    /// The same reply comes twice.
    case duplicate
    /// The reply names another unit.
    case foreignUnit
    /// The reply names another function.
    case wrongFunction
    /// TCP: the reply carries another transaction number.
    case wrongTransaction
    /// RTU: the checksum is wrong. On TCP, which has none, the length field is.
    case badChecksum
    case exception(UInt8)
    /// The reply is right, and one register short or long of what was asked.
    case wrongCount
    /// Noise instead of a frame.
    case garbage
    /// TCP: the connection is closed instead of an answer. RTU: silence.
    case dropped
    /// Writes are acknowledged and forgotten.
    case ignoresWrites

    static let words: [(word: String, Misbehaviour, help: String)] = [
        ("mute", .mute, "does not answer"),
        ("truncated", .truncated, "replies end in their middle"),
        ("duplicate", .duplicate, "every reply comes twice"),
        ("foreign-unit", .foreignUnit, "replies name another unit"),
        ("wrong-function", .wrongFunction, "replies name another function"),
        ("wrong-transaction", .wrongTransaction, "TCP replies carry another transaction number"),
        ("bad-crc", .badChecksum, "RTU: wrong checksum; TCP: wrong length field"),
        ("wrong-count", .wrongCount, "one register fewer than asked for"),
        ("garbage", .garbage, "noise instead of a frame"),
        ("drop", .dropped, "TCP: closes the connection instead of answering"),
        ("busy", .exception(6), "exception 6, server device busy"),
        ("ignore-writes", .ignoresWrites, "acknowledges writes and forgets them"),
    ]

    /// What a seed may throw at a poll; delays are short enough for a million polls.
    static func random(_ random: inout SeededRandom) -> Misbehaviour {
        switch random.next() % 12 {
        case 0: .mute
        case 1: .late(.milliseconds(Int64(random.next() % 400)))
        case 2: .truncated
        case 3: .duplicate
        case 4: .foreignUnit
        case 5: .wrongFunction
        case 6: .wrongTransaction
        case 7: .badChecksum
        case 8: .exception(UInt8(1 + random.next() % 6))
        case 9: .wrongCount
        case 10: .garbage
        default: .dropped
        }
    }

    var text: String {
        switch self {
        case .late(let span): "late \(span.wholeMilliseconds)ms"
        case .exception(6): "busy"
        case .exception(let code): "exception \(code)"
        default: Misbehaviour.words.first { $0.1 == self }?.word ?? "faulty"
        }
    }
}

/// What leaves for the client: frames with their delays, and whether the connection goes too.
struct Delivery: Equatable, Sendable {
    var frames: [(delay: Nanoseconds, bytes: [UInt8])] = []
    var closes = false

    static func == (a: Delivery, b: Delivery) -> Bool {
        a.closes == b.closes && a.frames.count == b.frames.count
            && zip(a.frames, b.frames).allSatisfy { $0.delay == $1.delay && $0.bytes == $1.bytes }
    }
}

extension Delivery {
    /// The good `reply` after the faults in force.
    init(_ reply: [UInt8], _ framing: ReplyBuilder.Framing, _ faults: [Misbehaviour]) {
        if reply.isEmpty {
            closes = framing == .tcp && faults.contains(.dropped)
            return
        }
        var bytes = reply
        var delay = Nanoseconds.zero
        var copies = 1
        var keepsChecksum = true
        let unitAt = framing == .tcp ? 6 : 0
        let functionAt = unitAt + 1
        for fault in faults {
            switch fault {
            case .mute: return
            case .dropped:
                closes = framing == .tcp
                return
            case .late(let span): delay = delay + span
            case .duplicate: copies = 2
            case .foreignUnit: bytes[unitAt] = bytes[unitAt] &+ 1
            case .wrongFunction: bytes[functionAt] = bytes[functionAt] & 0x80 == 0 ? bytes[functionAt] ^ 0x07 : 0x83
            case .wrongTransaction: if framing == .tcp { bytes[1] = bytes[1] &+ 1 }
            case .badChecksum: keepsChecksum = false
            case .wrongCount: Delivery.shorten(&bytes, framing)
            case .garbage: for i in bytes.indices { bytes[i] = UInt8(truncatingIfNeeded: i &* 37 &+ 11) }
            case .truncated, .exception, .ignoresWrites: break
            }
        }
        if framing == .rtu && !faults.contains(.garbage) {
            let crc = modbusCRC(bytes.dropLast(2)) ^ (keepsChecksum ? 0 : 0x0101)
            bytes[bytes.count - 2] = UInt8(truncatingIfNeeded: crc)
            bytes[bytes.count - 1] = UInt8(truncatingIfNeeded: crc >> 8)
        } else if framing == .tcp && !keepsChecksum {
            bytes[5] = bytes[5] &+ 3
        }
        if faults.contains(.truncated) { bytes.removeLast(max(1, bytes.count / 3)) }
        frames = (0..<copies).map { _ in (delay, bytes) }
    }

    /// Takes the last register out of a read reply, and says so consistently: a well-formed lie.
    private static func shorten(_ bytes: inout [UInt8], _ framing: ReplyBuilder.Framing) {
        let countAt = framing == .tcp ? 8 : 2
        let tail = framing == .tcp ? 0 : 2
        guard bytes.count > countAt + 2 + tail, bytes[countAt - 1] == 3 || bytes[countAt - 1] == 4, bytes[countAt] > 2
        else { return }
        bytes.removeSubrange(bytes.count - tail - 2..<bytes.count - tail)
        bytes[countAt] -= 2
        if framing == .tcp { bytes[5] -= 2 }
    }
}
