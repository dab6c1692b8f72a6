internal import Site

/// Bytes as they arrived, until a frame has been made of them.
struct ReceiveBuffer {
    /// Four of the longest frames: what does not fit is noise and is dropped with the rest.
    static let capacity = 1040
    private(set) var bytes: [UInt8]

    init() {
        bytes = []
        bytes.reserveCapacity(ReceiveBuffer.capacity)
    }

    var count: Int { bytes.count }
    var room: Int { ReceiveBuffer.capacity - bytes.count }
    mutating func append(_ more: UnsafeRawBufferPointer) { unsafe bytes.append(contentsOf: more) }
    mutating func append(contentsOf more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }
    mutating func drop(_ count: Int) { bytes.removeSubrange(0..<min(count, bytes.count)) }
    mutating func clear() { bytes.removeAll(keepingCapacity: true) }
}

/// What the front of the buffer is, measured against one request.
enum ReplyVerdict: Equatable {
    /// The answer: where its PDU (function byte first) lies, and the length of the whole frame.
    case answer(pdu: Range<Int>, frame: Int)
    case exception(code: UInt8, frame: Int)
    /// A whole frame that answers something else. `isOurs`: of this unit.
    case other(frame: Int, isOurs: Bool)
    /// Of our unit, function and length, and its checksum is wrong.
    case badChecksum(frame: Int)
    case needsMore
    /// Not Modbus, or no longer in step: nothing that follows can be trusted.
    case broken
}

/// Modbus/TCP: a header with a transaction number, the length and the unit.
enum TCPReply {
    static let headerLength = 7

    static func judge(_ bytes: Span<UInt8>, transaction: UInt16, unit: UInt8, _ request: RequestPDU) -> ReplyVerdict {
        guard bytes.count >= headerLength else {
            // What is there already must look like a header.
            if bytes.count >= 4, bytes[2] != 0 || bytes[3] != 0 { return .broken }
            return .needsMore
        }
        let length = Int(bytes[4]) << 8 | Int(bytes[5])
        // Unit and function at least, 254 bytes at most: anything else is not Modbus.
        guard bytes[2] == 0, bytes[3] == 0, length >= 3, length <= 254 else { return .broken }
        let frame = 6 + length
        guard bytes.count >= frame else { return .needsMore }
        let answered = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        guard answered == transaction else { return .other(frame: frame, isOurs: bytes[6] == unit) }
        guard bytes[6] == unit else { return .other(frame: frame, isOurs: false) }
        let pdu = headerLength..<frame
        if bytes[7] == request.function | 0x80, pdu.count == 2 { return .exception(code: bytes[8], frame: frame) }
        if request.isAnswered(by: bytes.extracting(pdu)) { return .answer(pdu: pdu, frame: frame) }
        // Our number on something that we did not ask for: this server cannot be followed any more.
        return .broken
    }
}

/// Serial frames: unit, PDU, CRC; no number and no length.
enum RTUReply {
    /// Longest serial frame (MODBUS over Serial Line V1.02, 2.5.1).
    static let frameMax = 256

    static func judge(_ bytes: Span<UInt8>, unit: UInt8, _ request: RequestPDU) -> ReplyVerdict {
        guard bytes.count >= 5 else { return .needsMore }
        guard let length = frameLength(bytes) else { return .broken }
        guard bytes.count >= length else { return .needsMore }
        let body = bytes.extracting(0..<length - 2)
        let sum = UInt16(bytes[length - 2]) | UInt16(bytes[length - 1]) << 8
        let pdu = 1..<length - 2
        guard modbusCRC(body) == sum else {
            let looksLikeOurs = bytes[0] == unit && bytes[1] & 0x7F == request.function
            return looksLikeOurs ? .badChecksum(frame: length) : .broken
        }
        guard bytes[0] == unit else { return .other(frame: length, isOurs: false) }
        if bytes[1] == request.function | 0x80, length == 5 { return .exception(code: bytes[2], frame: length) }
        if request.isAnswered(by: bytes.extracting(pdu)) { return .answer(pdu: pdu, frame: length) }
        return .other(frame: length, isOurs: true)
    }

    /// Noise in front may promise a long frame that never comes, while the answer already stands behind it:
    /// where the answer begins, or 0.
    static func start(of request: RequestPDU, unit: UInt8, in bytes: Span<UInt8>) -> Int {
        guard bytes.count > 5, judge(bytes, unit: unit, request) == .needsMore else { return 0 }
        if bytes[0] == unit, bytes[1] == request.function,
            request.replyLength.map({ frameLength(bytes) == $0 + 3 }) ?? true
        {
            return 0  // it may become the answer
        }
        for skip in 1...(bytes.count - 5) {
            switch judge(bytes.extracting(skip..<bytes.count), unit: unit, request) {
            case .answer, .exception: return skip
            default: continue
            }
        }
        return 0
    }

    /// The length of the reply frame that begins here, as its function says; nil: no reply begins so.
    static func frameLength(_ bytes: Span<UInt8>) -> Int? {
        switch bytes[1] {
        case 1, 2, 3, 4:
            let count = Int(bytes[2])
            return count >= 1 && count <= 250 ? 5 + count : nil
        case 5, 6, 15, 16: return 8
        case 43: return identificationLength(bytes)
        case 0x81...0x84, 0x85, 0x86, 0x8F, 0x90, 0xAB: return 5
        default: return nil
        }
    }

    /// FC43/14: unit, 43, 14, code, conformity, more, next, count, then (id, length, text) each, CRC.
    private static func identificationLength(_ bytes: Span<UInt8>) -> Int? {
        guard bytes[2] == 14 else { return nil }
        var at = 8
        guard bytes.count >= at else { return RTUReply.frameMax }
        for _ in 0..<Int(bytes[7]) {
            guard bytes.count >= at + 2 else { return RTUReply.frameMax }
            at += 2 + Int(bytes[at + 1])
        }
        return at + 2 <= RTUReply.frameMax ? at + 2 : nil
    }
}
