internal import CLinux
internal import Glibc
internal import Platform
import Synchronization

/// One thread of a server: its epoll, its connections, its clock.
@safe final class ServerLoop: @unchecked Sendable {
    let service: any HTTPService
    let limits: HTTPLimits
    let counters = LoopCounters()
    let answers: AnswerBoard
    let heartbeat: Heartbeat
    private let listeners: [HTTPListener]
    private let guest: (any LoopGuest)?
    private var guestWake = MonotonicTime.distantPast
    private let epoll: FileDescriptor
    private let stopRequested = Atomic<Bool>(false)
    private let memory: LoopMemory

    // The loop's thread only, from here on.
    private(set) var now = SystemTime.monotonic
    private(set) var isStopping = false
    private(set) var dateLine: [UInt8] = []
    private var dateSecond: Int64 = -1
    private var connections: [Connection?]
    private var freeSlots: [Int]
    private var openCount = 0
    private var again: [Connection] = []
    private var nextSweep = MonotonicTime.distantFuture
    private var acceptsAgainAt = MonotonicTime.distantFuture

    private static let wakeToken = UInt64.max
    private static let listenerBit = UInt64(1) << 63

    init(
        _ name: String, listeners: [HTTPListener], service: any HTTPService, limits: HTTPLimits, slots: Int,
        guest: (any LoopGuest)?
    ) throws(SystemError) {
        self.guest = guest
        self.listeners = listeners
        self.service = service
        self.limits = limits
        answers = try AnswerBoard(slots: slots)
        epoll = FileDescriptor(owning: try checked(cl_epoll_create(), "epoll_create"))
        memory = LoopMemory(slots: slots, limits: limits)
        // A loop without work wakes at least every five seconds to beat.
        heartbeat = Heartbeat(name, limit: .seconds(20))
        connections = Array(repeating: nil, count: slots)
        freeSlots = Array((0..<slots).reversed())
        again.reserveCapacity(slots)
        try checked(
            cl_epoll_control(
                epoll.raw, EPOLL_CTL_ADD, answers.wakeup.descriptor.raw, EPOLLIN.rawValue, ServerLoop.wakeToken),
            "epoll_ctl add")
        if guest == nil { try openDoors() }
    }

    private var isOpen = false
    private func openDoors() throws(SystemError) {
        for index in listeners.indices { try listen(index) }
        isOpen = true
    }

    /// EPOLLEXCLUSIVE (1 << 28): a new client wakes one loop, not all.
    private func listen(_ index: Int) throws(SystemError) {
        try checked(
            cl_epoll_control(
                epoll.raw, EPOLL_CTL_ADD, listeners[index].descriptor.raw, EPOLLIN.rawValue | 1 << 28,
                ServerLoop.listenerBit | UInt64(index)), "epoll_ctl add listener")
    }

    func requestStop() {
        stopRequested.store(true, ordering: .releasing)
        answers.wakeup.signal()
    }

    // MARK: - The loop

    func run() {
        _ = cl_block_broken_pipe()
        answers.adoptCurrentThread()
        tick()
        guest?.seated(LoopSeat(epoll: epoll.raw))
        var stopBy = MonotonicTime.distantFuture
        while !(isStopping && (openCount == 0 && guest?.isBusy != true || now >= stopBy)) {
            turn()
            if !isStopping, stopRequested.load(ordering: .acquiring) {
                isStopping = true
                stopBy = now + limits.stopTime
                guest?.stopping()
                beginStopping()
            }
        }
        for case let connection? in connections where connection.state != .free { connection.close(self) }
        guest?.leaving()
    }

    private func turn() {
        var timeout = waitMilliseconds()
        if timeout != 0, let guest, guest.staysAwake() { timeout = 0 }
        var isQuiet = true
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            guard let base = events.baseAddress else { return }
            let ready = unsafe Int(cl_epoll_wait(epoll.raw, base, 64, timeout))
            isQuiet = ready <= 0
            tick()
            guard ready > 0 else { return }
            for index in 0..<ready {
                unsafe dispatch(cl_epoll_token(base + index), cl_epoll_events(base + index))
            }
        }
        pumpLeftovers()
        if let guest { attend(guest, isQuiet: isQuiet) }
        if now >= nextSweep { sweep() }
        if now >= acceptsAgainAt { resumeAccepting() }
    }

    /// The guest's own work; answers it gives are sent at once, without a wake-up.
    private func attend(_ guest: any LoopGuest, isQuiet: Bool) {
        answers.collects = true
        guestWake = guest.turned(now, isQuiet: isQuiet)
        answers.collects = false
        answers.takeCollected { slot in if let connection = connections[slot] { connection.pump(self) } }
        if !isOpen, guest.isOpen {
            do throws(SystemError) { try openDoors() } catch { acceptsAgainAt = now + .milliseconds(100) }
            isOpen = true
        }
    }

    private func waitMilliseconds() -> Int32 {
        if !again.isEmpty || guest != nil && guestWake <= now { return 0 }
        let until = min(nextSweep, min(acceptsAgainAt, guest == nil ? .distantFuture : guestWake))
        let beat: Int64 = isStopping ? 50 : 5000
        if until == .distantFuture { return Int32(beat) }
        return Int32(max(1, min(beat, (until - now).wholeMilliseconds + 1)))
    }

    private func tick() {
        now = SystemTime.monotonic
        heartbeat.beat(now)
        let wall = SystemTime().now().wall
        let second = wall.milliseconds / 1000
        if second != dateSecond {
            dateSecond = second
            dateLine = httpDateLine(wall)
        }
    }

    private func dispatch(_ token: UInt64, _ events: UInt32) {
        if token == ServerLoop.wakeToken {
            answers.take { slot in if let connection = connections[slot] { connection.pump(self) } }
        } else if token & ServerLoop.listenerBit != 0 {
            accept(Int(token & 0xFFFF))
        } else if token & LoopSeat.tokenBit != 0 {
            answers.collects = true
            guest?.ready(
                Int32(truncatingIfNeeded: token & 0xFFFF_FFFF),
                hangup: events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0)
            answers.collects = false
        } else {
            let slot = Int(token & 0xFFFF_FFFF)
            guard let connection = connections[slot], connection.generation == UInt32(truncatingIfNeeded: token >> 32),
                connection.state != .free
            else { return }
            connection.notice(events, self)
        }
    }

    /// Connections that had their share of a turn and have more to do.
    func pumpAgain(_ connection: Connection) { again.append(connection) }

    private func pumpLeftovers() {
        if again.isEmpty { return }
        let waiting = again
        again.removeAll(keepingCapacity: true)
        for connection in waiting { connection.pump(self) }
    }

    // MARK: - Time

    func setDeadline(_ connection: Connection, _ deadline: MonotonicTime) {
        connection.deadline = deadline
        if deadline < nextSweep { nextSweep = deadline }
    }

    /// Looks at every connection, only when the nearest deadline may have come.
    private func sweep() {
        nextSweep = .distantFuture
        for case let connection? in connections where connection.state != .free {
            if connection.deadline <= now { connection.expire(self) }
            if connection.state != .free, connection.deadline < nextSweep { nextSweep = connection.deadline }
        }
        // An answer being written this moment keeps a passed deadline for one more look.
        nextSweep = max(nextSweep, now + .milliseconds(50))
    }

    // MARK: - Connections

    private func accept(_ index: Int) {
        if isStopping { return }
        let listener = listeners[index]
        for _ in 0..<16 {
            let descriptor = cl_accept(listener.descriptor.raw)
            if descriptor < 0 {
                if descriptor != -EAGAIN && descriptor != -ECONNABORTED { pauseAccepting() }
                return
            }
            admit(descriptor, Peer.of(descriptor, isUnix: listener.isUnix, listener: index), listener)
        }
    }

    private func admit(_ descriptor: Int32, _ peer: Peer, _ listener: HTTPListener) {
        if freeSlots.isEmpty { evictIdle() }
        guard !isCrowded(peer), let slot = freeSlots.popLast() else { return turnAway(descriptor, listener) }
        let connection = connections[slot] ?? makeConnection(slot)
        connections[slot] = connection
        let token = UInt64(connection.generation) << 32 | UInt64(slot)
        // EPOLLET is 1 << 31, which Swift's module does not carry as a case.
        let interest = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | 1 << 31
        var session: TLSSession?
        if let tls = listener.tls {
            session = tls.session(descriptor)
            if session == nil {
                freeSlots.append(slot)
                return turnAway(descriptor, listener)
            }
        }
        guard cl_epoll_control(epoll.raw, EPOLL_CTL_ADD, descriptor, interest, token) >= 0 else {
            freeSlots.append(slot)
            return turnAway(descriptor, listener)
        }
        counters.accepted.add()
        openCount += 1
        counters.open.add()
        connection.begin(descriptor, peer: peer, tls: session, now: now)
        setDeadline(connection, connection.deadline)
        connection.pump(self)
    }

    private func makeConnection(_ slot: Int) -> Connection {
        let parser = unsafe RequestParser(
            fields: memory.fields(slot), fieldsMax: limits.fieldsMax, targetBytes: limits.targetBytes)
        let exchange = unsafe Exchange(
            slot: slot, answers: answers, memory: memory, outgoing: memory.outgoing(slot), parts: memory.parts(slot),
            parser: parser)
        return unsafe Connection(slot: slot, exchange: exchange, limits: limits, memory: memory.buffers(slot))
    }

    func closed(_ connection: Connection) {
        freeSlots.append(connection.slot)
        openCount -= 1
        counters.open.add(-1)
    }

    private func isCrowded(_ peer: Peer) -> Bool {
        guard case .tcp = peer.way, limits.connectionsPerAddressMax < connections.count else { return false }
        var count = 0
        for case let connection? in connections where connection.state != .free {
            if connection.exchange.peer.way == peer.way { count += 1 }
        }
        return count >= limits.connectionsPerAddressMax
    }

    /// The client that has been silent longest between two requests makes room.
    private func evictIdle() {
        var oldest: Connection?
        for case let connection? in connections
        where connection.state == .head && !connection.exchange.parser.hasBegun && connection.filled == 0 {
            if connection.deadline < oldest?.deadline ?? .distantFuture { oldest = connection }
        }
        oldest?.close(self)
    }

    private func turnAway(_ descriptor: Int32, _ listener: HTTPListener) {
        counters.refusedConnections.add()
        counters.refusals[Int(Refusal.busy.rawValue)].add()
        if listener.tls == nil {
            let answer: StaticString = """
                HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
                Content-Type: application/json\r\nContent-Length: 32\r\n\r\n{"error":"too many connections"}
                """
            _ = unsafe cl_send(descriptor, answer.utf8Start, answer.utf8CodeUnitCount, 0)
            // Takes what the client has sent already: closing over it would reset the answer away.
            unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { scrap in
                _ = unsafe cl_recv(descriptor, scrap.baseAddress, scrap.count, 0)
            }
        }
        _ = Glibc.close(descriptor)
    }

    /// Out of descriptors or memory: the listeners rest a moment instead of spinning.
    private func pauseAccepting() {
        for listener in listeners { _ = cl_epoll_control(epoll.raw, EPOLL_CTL_DEL, listener.descriptor.raw, 0, 0) }
        acceptsAgainAt = now + .milliseconds(100)
    }

    private func resumeAccepting() {
        acceptsAgainAt = .distantFuture
        if isStopping { return }
        for index in listeners.indices {
            do throws(SystemError) { try listen(index) } catch { acceptsAgainAt = now + .milliseconds(100) }
        }
    }

    private func beginStopping() {
        for listener in listeners { _ = cl_epoll_control(epoll.raw, EPOLL_CTL_DEL, listener.descriptor.raw, 0, 0) }
        for case let connection? in connections {
            switch connection.state {
            // A request that has arrived already is still answered.
            case .head:
                connection.isDrained = false
                connection.pump(self)
                if connection.state != .head { break }
                if limits.partingTime > .zero {
                    setDeadline(connection, min(connection.deadline, now + limits.partingTime))
                } else {
                    connection.close(self)
                }
            case .streaming, .handshake: connection.close(self)
            case .free, .body, .waiting, .sending, .lingering: break
            }
        }
    }
}

/// "Date: Wed, 25 Nov 2026 22:46:54 GMT\r\n" (RFC 9110, section 5.6.7).
func httpDateLine(_ time: WallTime) -> [UInt8] {
    let date = CalendarTime(time)
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    // 1 January 1970 was a Thursday.
    let day = days[Int(max(0, time.milliseconds) / 86_400_000 % 7)]
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
    let text =
        "Date: \(day), \(two(date.day)) \(months[date.month - 1]) \(date.year) "
        + "\(two(date.hour)):\(two(date.minute)):\(two(date.second)) GMT\r\n"
    return Array(text.utf8)
}
