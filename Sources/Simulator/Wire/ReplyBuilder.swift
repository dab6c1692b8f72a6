internal import CLinux
internal import CModbus
internal import Glibc
internal import Platform
internal import Site

/// libmodbus's server side, asked for one reply at a time: it answers into a socket pair, whence the
/// reply is taken, so that what goes out to the client is libmodbus's frame until a fault is put in.
@safe struct ReplyBuilder: ~Copyable {
    enum Framing { case tcp, rtu }

    private let context: OpaquePointer
    private let near: FileDescriptor
    private let far: FileDescriptor
    let framing: Framing

    init(_ framing: Framing) throws(SystemError) {
        var pair: [Int32] = [-1, -1]
        if unsafe socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) < 0 {
            throw SystemError("socketpair", code: errno)
        }
        let made =
            switch framing {
            case .tcp: unsafe modbus_new_tcp("127.0.0.1", 502)
            // Never opened: the context only frames, into the socket pair.
            case .rtu: unsafe modbus_new_rtu("/dev/null", 9600, CChar(UInt8(ascii: "N")), 8, 1)
            }
        guard let made = unsafe made else {
            close(pair[0])
            close(pair[1])
            throw SystemError("modbus_new", code: ENOMEM)
        }
        _ = cl_set_nonblocking(pair[1], true)
        unsafe modbus_set_socket(made, pair[0])
        // libmodbus sleeps for the response timeout before some exceptions: not on our loop.
        unsafe modbus_set_response_timeout(made, 0, 1)
        self.framing = framing
        unsafe context = made
        near = FileDescriptor(owning: pair[0])
        far = FileDescriptor(owning: pair[1])
    }

    deinit {
        unsafe modbus_set_socket(context, -1)
        unsafe modbus_free(context)
    }

    /// Bytes of a frame before its function code.
    var headerLength: Int { framing == .tcp ? 7 : 1 }

    /// The reply to one whole request frame; nil where a real server stays silent (a broadcast).
    borrowing func reply(to request: [UInt8], _ image: RegisterImage) -> [UInt8]? {
        let function = request[headerLength]
        let tables = ReplyBuilder.tables(function)
        var mapping = unsafe modbus_mapping_t()
        let address = request.count >= headerLength + 3 ? word(request, headerLength + 1) : 0
        guard let table = tables, let index = image.runIndex(table, holding: address),
            let run = image.run(table, index)
        else {
            unsafe modbus_reply(context, request, Int32(request.count), &mapping)
            return take()
        }
        let isWrite = function == 5 || function == 6 || function >= 15
        let count = Int32(run.words.count)
        let start = Int32(run.start)
        if table.holdsBits {
            var bits = run.words.map { UInt8(truncatingIfNeeded: $0) }
            unsafe bits.withUnsafeMutableBufferPointer { bits in
                if table == .coil {
                    unsafe (mapping.nb_bits, mapping.start_bits) = (count, start)
                    unsafe mapping.tab_bits = bits.baseAddress
                } else {
                    unsafe (mapping.nb_input_bits, mapping.start_input_bits) = (count, start)
                    unsafe mapping.tab_input_bits = bits.baseAddress
                }
                _ = unsafe modbus_reply(context, request, Int32(request.count), &mapping)
            }
            if isWrite { image.replace(table, index, with: bits.map { UInt16($0) }) }
        } else {
            var words = run.words
            unsafe words.withUnsafeMutableBufferPointer { words in
                if table == .holding {
                    unsafe (mapping.nb_registers, mapping.start_registers) = (count, start)
                    unsafe mapping.tab_registers = words.baseAddress
                } else {
                    unsafe (mapping.nb_input_registers, mapping.start_input_registers) = (count, start)
                    unsafe mapping.tab_input_registers = words.baseAddress
                }
                _ = unsafe modbus_reply(context, request, Int32(request.count), &mapping)
            }
            if isWrite { image.replace(table, index, with: words) }
        }
        return take()
    }

    /// An exception reply, framed by libmodbus.
    borrowing func exception(_ code: UInt8, to request: [UInt8]) -> [UInt8]? {
        unsafe modbus_reply_exception(context, request, UInt32(code))
        return take()
    }

    private borrowing func take() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 300)
        let got = unsafe bytes.withUnsafeMutableBytes { unsafe cl_recv(far.raw, $0.baseAddress, $0.count, 0) }
        return got > 0 ? Array(bytes[..<got]) : nil
    }

    static func tables(_ function: UInt8) -> RegisterTable? {
        switch function {
        case 1, 5, 15: .coil
        case 2: .discrete
        case 3, 6, 16, 22, 23: .holding
        case 4: .input
        default: nil
        }
    }
}

/// Two bytes, high first.
func word(_ bytes: [UInt8], _ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }

/// Modbus RTU's checksum (polynomial 0xA001, start 0xFFFF), low byte first on the wire.
func modbusCRC(_ bytes: some Sequence<UInt8>) -> UInt16 {
    var crc: UInt16 = 0xFFFF
    for byte in bytes {
        crc ^= UInt16(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xA001 : crc >> 1 }
    }
    return crc
}
