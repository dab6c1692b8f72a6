internal import CLinux
internal import Glibc
internal import Platform
import Synchronization

/// One client on one loop: a state machine that is pumped until it would have to wait. Registered once,
/// edge-triggered, so that a request costs no epoll_ctl.
@safe final class Connection {
    enum State { case free, handshake, head, body, waiting, sending, streaming, lingering }

    let slot: Int
    let exchange: Exchange
    let limits: HTTPLimits
    var state = State.free
    var descriptor: Int32 = -1
    /// Tells a late event from one for the slot's next client.
    var generation: UInt32 = 0
    var deadline = MonotonicTime.distantFuture
    var tls: TLSSession?

    // Received and not yet used: input[start..<filled]; the current request's head begins at `start`.
    let input: UnsafeMutableRawBufferPointer
    let bodyBuffer: UnsafeMutableRawBufferPointer
    var start = 0
    var cursor = 0
    var filled = 0

    // The last head, where the next is likely to be the same (`HTTPLimits.readsHeadsAlone`).
    let knownHead: UnsafeMutableRawBufferPointer
    var knownHeadBytes = 0
    var knownParser: RequestParser

    // The body under way.
    /// The stretch that is being filled, and how many bytes of the body lie in earlier ones.
    var bodyTarget: UnsafeMutableRawBufferPointer
    var bodyTargetStart = 0
    var landingIndex = 0
    var bodyReceived = 0
    var bodyRoom = 0
    var isDiscarding = false
    var chunked = ChunkedBody()

    // The answer under way.
    var partIndex = 0
    var closesAfter = false

    /// A short read emptied the socket: the next edge will tell when there is more.
    var isDrained = false
    /// The client has closed its side.
    var peerClosed = false
    /// `bodyPlace` or `handle` was called and the service has not been told the end.
    var serviceHolds = false

    init(slot: Int, exchange: Exchange, limits: HTTPLimits, memory: UnsafeMutableRawBufferPointer) {
        self.slot = slot
        self.exchange = exchange
        self.limits = limits
        let inputBytes = Connection.inputBytes(limits)
        unsafe input = UnsafeMutableRawBufferPointer(rebasing: memory[..<inputBytes])
        let bodyEnd = inputBytes + limits.bufferedBodyBytes
        unsafe bodyBuffer = UnsafeMutableRawBufferPointer(rebasing: memory[inputBytes..<bodyEnd])
        unsafe knownHead = UnsafeMutableRawBufferPointer(rebasing: memory[bodyEnd...])
        knownParser = exchange.parser
        unsafe bodyTarget = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    /// The head and a page behind it: a small body comes along in the same read, and chunk framing
    /// always has room.
    static func inputBytes(_ limits: HTTPLimits) -> Int { limits.headBytes + 4096 }
    static func memoryBytes(_ limits: HTTPLimits) -> Int {
        inputBytes(limits) + limits.bufferedBodyBytes + (limits.readsHeadsAlone ? knownHeadBytesMax : 0)
    }
    /// A longer head is read anew each time; those of usual clients have 150 to 400 bytes.
    static let knownHeadBytesMax = 1024
    /// How much more than a body is asked for.
    static let spareBytes = 64

    func begin(_ descriptor: Int32, peer: Peer, tls: TLSSession?, now: MonotonicTime) {
        self.descriptor = descriptor
        self.tls = tls
        exchange.peer = peer
        exchange.peer.isEncrypted = tls != nil
        state = tls == nil ? .head : .handshake
        start = 0
        cursor = 0
        filled = 0
        knownHeadBytes = 0
        isDrained = false
        peerClosed = false
        serviceHolds = false
        closesAfter = false
        exchange.parser.reset()
        deadline = now + limits.headTime
    }

    /// Works until it would have to wait, or has had its share of the loop.
    func pump(_ loop: ServerLoop) {
        for _ in 0..<64 {
            let goesOn =
                switch state {
                case .free: false
                case .handshake: stepHandshake(loop)
                case .head: stepHead(loop)
                case .body: stepBody(loop)
                case .waiting: stepWaiting(loop)
                case .sending: stepSending(loop)
                case .streaming: stepStreaming(loop)
                case .lingering: stepLingering(loop)
                }
            if !goesOn { return }
        }
        loop.pumpAgain(self)
    }

    // MARK: - Bytes

    func receive(_ memory: UnsafeMutableRawPointer, _ count: Int, _ loop: ServerLoop) -> Transfer {
        if let tls {
            let result = unsafe tls.read(into: memory, count)
            if case .moved(let got) = result { loop.counters.received.add(got) }
            return result
        }
        if isDrained { return .blocked }
        let got = unsafe cl_recv(descriptor, memory, count, 0)
        if got > 0 {
            if got < count, !peerClosed { isDrained = true }
            loop.counters.received.add(got)
            return .moved(got)
        }
        if got == -Int(EAGAIN) {
            isDrained = true
            return .blocked
        }
        return .closed
    }

    func send(_ loop: ServerLoop) -> Transfer {
        let count = exchange.partCount - partIndex
        let parts = unsafe exchange.parts + partIndex
        let result: Transfer
        if let tls {
            result = unsafe tls.write(parts, count)
        } else {
            let sent = unsafe cl_writev(descriptor, parts, Int32(count))
            result = sent >= 0 ? .moved(sent) : sent == -Int(EAGAIN) ? .blocked : .closed
        }
        if case .moved(let sent) = result {
            loop.counters.sent.add(sent)
            advanceParts(sent)
        }
        return result
    }

    private func advanceParts(_ sent: Int) {
        var rest = sent
        while rest > 0, partIndex < exchange.partCount {
            let length = unsafe exchange.parts[partIndex].iov_len
            if rest < length {
                unsafe exchange.parts[partIndex].iov_base = unsafe exchange.parts[partIndex].iov_base.map {
                    unsafe $0 + rest
                }
                unsafe exchange.parts[partIndex].iov_len = length - rest
                return
            }
            rest -= length
            partIndex += 1
        }
    }

    func inputText(_ range: Range<Int>) -> HeadText {
        unsafe HeadText(UnsafeRawBufferPointer(rebasing: input[range]))
    }

    /// The time an amount of bytes may take in either direction.
    func transferDeadline(_ bytes: Int, _ now: MonotonicTime) -> MonotonicTime {
        now + limits.transferTime + Nanoseconds.milliseconds(Int64(bytes) * 1000 / Int64(limits.bytesPerSecondMin))
    }

    // MARK: - End

    func close(_ loop: ServerLoop) {
        guard state != .free else { return }
        let wasStreaming = state == .streaming || exchange.isStream
        if serviceHolds, state == .waiting || state == .body {
            // Somebody is writing an answer this very moment: sending it will fail and end here again.
            if !exchange.revoke() {
                peerClosed = true
                state = .waiting
                return
            }
        }
        if wasStreaming { exchange.stream.withLock { $0.close() } }
        releaseAnswer(delivered: false)
        if serviceHolds {
            serviceHolds = false
            loop.counters.clientsGone.add()
            loop.service.clientGone(exchange)
        }
        exchange.attachment = nil
        exchange.isStream = false
        tls = nil
        _ = Glibc.close(descriptor)
        descriptor = -1
        state = .free
        generation &+= 1
        deadline = .distantFuture
        loop.closed(self)
    }

    func releaseAnswer(delivered: Bool) {
        if !exchange.shared.isEmpty { exchange.shared.removeAll(keepingCapacity: true) }
        guard let owner = exchange.owner else { return }
        exchange.owner = nil
        owner.responseLeft(tag: exchange.ownerTag, delivered: delivered)
    }

    /// What happened outside: `events` as epoll tells them.
    func notice(_ events: UInt32, _ loop: ServerLoop) {
        if events & EPOLLIN.rawValue != 0 { isDrained = false }
        if events & EPOLLRDHUP.rawValue != 0 {
            peerClosed = true
            isDrained = false
            // While an answer is being made, a client that closes has gone; one that closed along with
            // its request still gets its answer.
            if state == .waiting, exchange.currentPhase == Exchange.Phase.open { return close(loop) }
        }
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { return close(loop) }
        pump(loop)
    }

    /// The deadline has passed.
    func expire(_ loop: ServerLoop) {
        switch state {
        case .head where exchange.parser.hasBegun: if refuse(.tooSlow, loop) { pump(loop) }
        case .body:
            loop.counters.refusals[Int(Refusal.tooSlow.rawValue)].add()
            close(loop)
        case .waiting:
            guard exchange.revoke() else { return }
            serviceHolds = false
            loop.service.clientGone(exchange)
            if refuse(.noAnswer, loop) { pump(loop) }
        default: close(loop)
        }
    }
}
