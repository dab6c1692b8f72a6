internal import Glibc
import Synchronization

/// One request and the way to answer it. The object belongs to a connection and is used again for its
/// next request: keep the `responder`, not the exchange.
@safe public final class Exchange: @unchecked Sendable {
    /// Memory for an answer's head and for small bodies that are copied.
    static let outgoingBytes = 4096
    /// Room for the status line, Date and Connection, written by the loop when it sends.
    static let prefixBytes = 192
    static let scratchStart = 2048
    /// The head, one JSON part and sixteen tensors with room to spare.
    static let partsMax = 24

    /// `serial << 8 | Phase`: the serial tells this request from the connection's next.
    let phase = Atomic<UInt64>(0)
    enum Phase {
        static let closed: UInt64 = 0, open: UInt64 = 1, answering: UInt64 = 2, answered: UInt64 = 3,
            streaming: UInt64 = 4
    }

    let slot: Int
    let answers: AnswerBoard
    private let memory: LoopMemory
    let outgoing: UnsafeMutableRawPointer
    let parts: UnsafeMutablePointer<iovec>

    // The request: the loop's thread only.
    var parser: RequestParser
    var head: HeadText
    public internal(set) var peer: Peer
    /// The service's own note on this request: 0 and nil at its start.
    public var tag: UInt64 = 0
    public var attachment: AnyObject?
    /// For `BodyPlace.landing`; empty when `bodyPlace` is asked.
    public var landing: [UnsafeMutableRawBufferPointer] = unsafe []

    // The answer: written by whoever claimed the exchange, read by the loop once it is published.
    var status = 0
    var fieldsEnd = Exchange.prefixBytes
    var scratchEnd = Exchange.scratchStart
    var partCount = 1
    var bodyBytes = 0
    var overflowed = false
    var isStream = false
    var owner: (any ResponseOwner)?
    var ownerTag: UInt64 = 0
    var shared: [SharedBytes] = []
    let stream = Mutex(StreamQueue())

    init(
        slot: Int, answers: AnswerBoard, memory: LoopMemory, outgoing: UnsafeMutableRawPointer,
        parts: UnsafeMutablePointer<iovec>,
        parser: RequestParser
    ) {
        self.slot = slot
        self.answers = answers
        self.memory = memory
        unsafe self.outgoing = unsafe outgoing
        unsafe self.parts = unsafe parts
        self.parser = parser
        head = unsafe HeadText(UnsafeRawBufferPointer(start: nil, count: 0))
        peer = Peer(way: .tcp(high: 0, low: 0), listener: 0)
        shared.reserveCapacity(4)
        unsafe landing.reserveCapacity(Exchange.partsMax)
    }

    // MARK: - The request

    public var method: Method { parser.method }
    /// As sent: still percent-encoded, without the query.
    public var path: HeadText { head[parser.path] }
    public var query: HeadText { head[parser.query] }
    /// Nil for a chunked body; 0 without a body.
    public var contentLength: Int? { parser.isChunked ? nil : parser.contentLength ?? 0 }

    /// The first field of that name (lower-case here, any case on the wire).
    public func field(_ name: StaticString) -> HeadText? {
        for index in 0..<parser.fieldCount {
            let field = parser.field(index)
            if field.name.count == name.utf8CodeUnitCount, head[field.name].equalsIgnoringCase(name) {
                return head[field.value]
            }
        }
        return nil
    }

    public var fieldCount: Int { parser.fieldCount }

    /// The way to answer this request, once, from any thread.
    public var responder: Responder { Responder(exchange: self, serial: serial) }

    // MARK: - Phases

    var serial: UInt64 { phase.load(ordering: .relaxed) >> 8 }
    var currentPhase: UInt64 { phase.load(ordering: .acquiring) & 255 }

    /// The loop opens the exchange for its next request.
    func open() {
        phase.store((serial &+ 1) << 8 | Phase.open, ordering: .releasing)
    }

    /// The loop takes it back: no answer is accepted any more. False while somebody is writing one.
    func revoke() -> Bool {
        let old = phase.load(ordering: .acquiring)
        if old & 255 == Phase.answering { return false }
        let closed = (old >> 8) << 8 | Phase.closed
        return phase.compareExchange(expected: old, desired: closed, ordering: .acquiringAndReleasing).exchanged
    }

    func claim(_ serial: UInt64) -> Bool {
        phase.compareExchange(
            expected: serial << 8 | Phase.open, desired: serial << 8 | Phase.answering,
            ordering: .acquiringAndReleasing
        ).exchanged
    }

    func publish(_ serial: UInt64) {
        phase.store(serial << 8 | Phase.answered, ordering: .releasing)
        if !answers.isCurrentThread || answers.collects { answers.mark(slot) }
    }

    func clearAnswer() {
        status = 0
        fieldsEnd = Exchange.prefixBytes
        scratchEnd = Exchange.scratchStart
        partCount = 1
        bodyBytes = 0
        overflowed = false
        isStream = false
        if !shared.isEmpty { shared.removeAll(keepingCapacity: true) }
    }
}
