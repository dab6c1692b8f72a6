internal import CLinux
internal import Glibc
internal import Platform
internal import Synchronization

/// A TCP connection as a byte channel. poll() throughout: select() aborts the process at descriptor 1,024
/// (libmodbus 3.1.6 uses it), so on TCP the socket is ours from end to end.
final class SocketChannel: ByteChannel {
    private let host: String
    private let port: Int
    private let connectTimeout: Nanoseconds
    /// Readable once the agent stops: ends every wait.
    private let stopDescriptor: Int32
    private var socket: FileDescriptor?
    private var lookup: NameLookup?

    init(host: String, port: Int, connectTimeout: Nanoseconds, stopDescriptor: Int32 = -1) {
        self.stopDescriptor = stopDescriptor
        self.host = host
        self.port = port
        self.connectTimeout = connectTimeout
    }

    private var address: String { "\(host):\(port)" }
    var isOpen: Bool { socket != nil }
    var descriptor: Int32 { socket?.raw ?? -1 }

    func open() throws(ChannelFault) {
        close()
        let deadline = SystemTime.monotonic + connectTimeout
        let numeric = try resolve(by: deadline)
        let left = max(1, (deadline - SystemTime.monotonic).wholeMilliseconds)
        let raw = unsafe cl_connect_tcp_stoppable(numeric, UInt16(port), Int32(left), stopDescriptor)
        guard raw >= 0 else {
            lookup = nil  // the name may mean another machine next time
            switch -raw {
            case ECONNREFUSED: throw .refused(address)
            case ETIMEDOUT, EHOSTUNREACH, ENETUNREACH: throw .timedOut(address)
            default: throw .lost("\(address): \(SystemError.text(of: -raw))")
            }
        }
        // A peer that lost power leaves a half-open connection: the kernel asks after 10 s of silence,
        // every 5 s, three times. (A unit's own timeout notices sooner; this frees the descriptor.)
        _ = cl_set_keepalive(raw, 10, 5, 3)
        socket = FileDescriptor(owning: raw)
    }

    func close() { socket = nil }

    private func resolve(by deadline: MonotonicTime) throws(ChannelFault) -> String {
        var storage = in6_addr()
        if unsafe inet_pton(AF_INET, host, &storage) == 1 || inet_pton(AF_INET6, host, &storage) == 1 { return host }
        let lookup = lookup ?? NameLookup(host)
        self.lookup = lookup
        while true {
            switch lookup.answer {
            case .found(let numeric): return numeric
            case .unknown:
                self.lookup = nil
                throw .nameNotFound(host)
            case .asking:
                // A resolver that hangs keeps its own thread; this one gives up in time and asks again later.
                if SystemTime.monotonic >= deadline { throw .nameNotFound(host) }
                lookup.wait(until: deadline)
            }
        }
    }

    func send(_ bytes: [UInt8]) throws(ChannelFault) {
        guard let raw = socket?.raw else { throw .lost("\(address): not connected") }
        // A request has at most 260 bytes: a socket that cannot take that has a dead peer.
        let sent = unsafe bytes.withUnsafeBytes { unsafe cl_send(raw, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
        if sent != bytes.count { throw .lost("\(address): \(sent < 0 ? SystemError.text(of: Int32(-sent)) : "stuck")") }
    }

    func receive(into buffer: inout ReceiveBuffer, until deadline: MonotonicTime) throws(ChannelFault) -> Int {
        guard let raw = socket?.raw else { throw .lost("\(address): not connected") }
        return try receiveBytes(raw, isSocket: true, into: &buffer, until: deadline, stop: stopDescriptor) { why in
            "\(address): \(why)"
        }
    }

    func receiveNow(into buffer: inout ReceiveBuffer) throws(ChannelFault) -> Int {
        guard let raw = socket?.raw else { throw .lost("\(address): not connected") }
        return try takeBytes(raw, isSocket: true, into: &buffer) { why in "\(address): \(why)" }
    }

    func pause(until deadline: MonotonicTime) { pauseThread(until: deadline, stop: stopDescriptor) }
}

/// Waits for bytes on a descriptor and takes what is there.
func receiveBytes(
    _ raw: Int32, isSocket: Bool, into buffer: inout ReceiveBuffer, until deadline: MonotonicTime, stop: Int32,
    _ words: (String) -> String
) throws(ChannelFault) -> Int {
    while true {
        let wait = (deadline - SystemTime.monotonic).count
        let ready = cl_wait_readable(raw, stop, max(0, wait))
        if ready < 0 { throw .lost(words(SystemError.text(of: -ready))) }
        if ready & 1 == 0 { return 0 }
        let got = try takeBytes(raw, isSocket: isSocket, into: &buffer, words)
        if got > 0 { return got }
    }
}

/// What is there already; 0: nothing.
func takeBytes(
    _ raw: Int32, isSocket: Bool, into buffer: inout ReceiveBuffer, _ words: (String) -> String
) throws(ChannelFault) -> Int {
    let room = buffer.room
    if room == 0 { throw .lost(words("sends without end")) }
    var got = 0
    unsafe withUnsafeTemporaryAllocation(byteCount: ReceiveBuffer.capacity, alignment: 1) { space in
        got =
            isSocket
            ? unsafe cl_recv(raw, space.baseAddress, room, Int32(MSG_DONTWAIT))
            : unsafe cl_read(raw, space.baseAddress, room)
        if got > 0 { unsafe buffer.append(UnsafeRawBufferPointer(rebasing: space[..<got])) }
    }
    if got == 0 { throw .lost(words("closed by the other side")) }
    if got == -Int(EAGAIN) { return 0 }
    if got < 0 { throw .lost(words(SystemError.text(of: Int32(-got)))) }
    return got
}

func pauseThread(until deadline: MonotonicTime, stop: Int32) {
    let wait = (deadline - SystemTime.monotonic).count
    if wait > 0 { _ = cl_wait_readable(-1, stop, wait) }
}

/// A name's address, asked for on a thread of its own: getaddrinfo can block far beyond any deadline.
final class NameLookup: Sendable {
    enum Answer: Sendable { case asking, found(String), unknown }
    private final class Box: Sendable {
        let answer = Mutex(Answer.asking)
        let wakeup: Wakeup?
        init() { wakeup = try? Wakeup() }
    }
    private let box = Box()

    init(_ host: String) {
        let box = box
        let thread = try? OwnerThread("name-lookup") {
            let result = NameLookup.ask(host)
            box.answer.withLock { $0 = result }
            box.wakeup?.signal()
        }
        if thread == nil { box.answer.withLock { $0 = .unknown } }
        thread?.detach()
    }

    var answer: Answer { box.answer.withLock { $0 } }

    func wait(until deadline: MonotonicTime) {
        guard let wakeup = box.wakeup else { return }
        wakeup.wait(atMost: deadline - SystemTime.monotonic)
    }

    private static func ask(_ host: String) -> Answer {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0, let first = unsafe list else { return .unknown }
        defer { unsafe freeaddrinfo(first) }
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { text in
            guard let base = text.baseAddress,
                unsafe getnameinfo(
                    first.pointee.ai_addr, first.pointee.ai_addrlen, base, socklen_t(NI_MAXHOST), nil, 0, NI_NUMERICHOST
                )
                    == 0
            else { return .unknown }
            return .found(unsafe String(cString: base))
        }
    }
}
