/// Cuts a client's bytes into request frames. Modbus requests say their own length.
struct RequestFramer {
    let framing: ReplyBuilder.Framing
    private var bytes: [UInt8] = []

    init(_ framing: ReplyBuilder.Framing) { self.framing = framing }

    enum Found: Equatable {
        case frame([UInt8])
        case incomplete
        /// What stands here is no request: TCP closes the connection, RTU waits for silence.
        case nonsense
    }

    mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }
    mutating func clear() { bytes.removeAll(keepingCapacity: true) }
    var isEmpty: Bool { bytes.isEmpty }

    mutating func next() -> Found {
        guard let length = framing == .tcp ? tcpLength() : rtuLength() else { return .nonsense }
        guard length > 0, bytes.count >= length else { return .incomplete }
        let frame = Array(bytes[..<length])
        bytes.removeFirst(length)
        if framing == .rtu {
            let crc = modbusCRC(frame.dropLast(2))
            guard frame[length - 2] == UInt8(truncatingIfNeeded: crc), frame[length - 1] == UInt8(crc >> 8)
            else { return .nonsense }
        }
        return .frame(frame)
    }

    /// Nil: nonsense. Zero: not enough to say.
    private func tcpLength() -> Int? {
        guard bytes.count >= 8 else { return 0 }
        let length = word(bytes, 4)
        // The protocol number is 0, and a request has 2 to 254 bytes from the unit id on.
        guard bytes[2] == 0, bytes[3] == 0, (2...254).contains(length) else { return nil }
        return 6 + length
    }

    private func rtuLength() -> Int? {
        guard bytes.count >= 2 else { return 0 }
        switch bytes[1] {
        case 1...6: return 8
        case 7, 11, 12, 17: return 4
        case 8: return 8
        case 15, 16: return bytes.count >= 7 ? 9 + Int(bytes[6]) : 0
        case 22: return 10
        case 23: return bytes.count >= 11 ? 13 + Int(bytes[10]) : 0
        case 43: return 7
        default: return nil
        }
    }
}
