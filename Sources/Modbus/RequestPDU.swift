internal import Site

/// What is asked of a unit: the part of a frame that is the same on every kind of bus.
enum RequestPDU: Equatable, Sendable {
    case read(RegisterTable, address: Int, count: Int)
    /// FC5: 0xFF00 or 0x0000.
    case writeCoil(address: Int, Bool)
    /// FC6
    case writeRegister(address: Int, UInt16)
    /// FC15
    case writeCoils(address: Int, [Bool])
    /// FC16
    case writeRegisters(address: Int, [UInt16])
    /// FC43/14, "read device identification"; code 1 is the basic texts.
    case identify(code: UInt8, object: UInt8)

    var function: UInt8 {
        switch self {
        case .read(let table, _, _): table.readFunction
        case .writeCoil: 5
        case .writeRegister: 6
        case .writeCoils: 15
        case .writeRegisters: 16
        case .identify: 43
        }
    }

    func append(to bytes: inout [UInt8]) {
        bytes.append(function)
        switch self {
        case .read(_, let address, let count):
            append16(address, to: &bytes)
            append16(count, to: &bytes)
        case .writeCoil(let address, let on):
            append16(address, to: &bytes)
            append16(on ? 0xFF00 : 0, to: &bytes)
        case .writeRegister(let address, let raw):
            append16(address, to: &bytes)
            append16(Int(raw), to: &bytes)
        case .writeCoils(let address, let states):
            append16(address, to: &bytes)
            append16(states.count, to: &bytes)
            var packed = [UInt8](repeating: 0, count: (states.count + 7) / 8)
            for (i, on) in states.enumerated() where on { packed[i / 8] |= 1 << UInt8(i % 8) }
            bytes.append(UInt8(packed.count))
            bytes += packed
        case .writeRegisters(let address, let words):
            append16(address, to: &bytes)
            append16(words.count, to: &bytes)
            bytes.append(UInt8(words.count * 2))
            for word in words { append16(Int(word), to: &bytes) }
        case .identify(let code, let object): bytes += [14, code, object]
        }
    }

    private func append16(_ number: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: number >> 8))
        bytes.append(UInt8(truncatingIfNeeded: number))
    }

    /// Bytes of the PDU that answers it, when that is known before it comes (all but FC43).
    var replyLength: Int? {
        switch self {
        case .read(let table, _, let count): 2 + (table.holdsBits ? (count + 7) / 8 : count * 2)
        case .writeCoil, .writeRegister, .writeCoils, .writeRegisters: 5
        case .identify: nil
        }
    }

    /// Whether a whole PDU (function byte first, no exception) answers this request and no other.
    func isAnswered(by pdu: Span<UInt8>) -> Bool {
        guard pdu.count >= 2, pdu[0] == function else { return false }
        if let length = replyLength, pdu.count != length { return false }
        switch self {
        case .read: return Int(pdu[1]) == pdu.count - 2
        case .writeCoil(let address, let on): return word(pdu, 1) == address && word(pdu, 3) == (on ? 0xFF00 : 0)
        case .writeRegister(let address, let raw): return word(pdu, 1) == address && word(pdu, 3) == Int(raw)
        case .writeCoils(let address, let states): return word(pdu, 1) == address && word(pdu, 3) == states.count
        case .writeRegisters(let address, let words): return word(pdu, 1) == address && word(pdu, 3) == words.count
        case .identify(let code, _): return pdu.count >= 7 && pdu[1] == 14 && pdu[2] == code
        }
    }

    private func word(_ pdu: Span<UInt8>, _ at: Int) -> Int { Int(pdu[at]) << 8 | Int(pdu[at + 1]) }

    /// What a reply is recognised by on a serial line, where frames carry no number.
    var shape: ReplyShape { ReplyShape(function: function, length: replyLength ?? 0) }
}

/// The outside of a reply: two requests with different shapes cannot get each other's answers.
struct ReplyShape: Equatable, Sendable {
    var function: UInt8
    var length: Int
}

/// The CRC of serial frames: polynomial 0xA001, begins as 0xFFFF, low byte first on the wire
/// (MODBUS over Serial Line V1.02, 6.2.2).
func modbusCRC(_ bytes: Span<UInt8>) -> UInt16 {
    var crc: UInt16 = 0xFFFF
    for i in bytes.indices {
        crc = crcTable[Int((crc ^ UInt16(bytes[i])) & 0xFF)] ^ (crc >> 8)
    }
    return crc
}

private let crcTable: [UInt16] = (0..<256).map { index in
    var crc = UInt16(index)
    for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xA001 : crc >> 1 }
    return crc
}
