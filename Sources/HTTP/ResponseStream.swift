import Synchronization

/// What waits to be sent on one stream: bounded, so that a slow client costs a few references.
struct StreamQueue {
    static let capacity = 16
    private(set) var serial: UInt64 = 0
    private var items: [SharedBytes] = []
    private(set) var isFinished = false

    mutating func open(_ serial: UInt64) {
        self.serial = serial
        isFinished = false
        items.removeAll(keepingCapacity: true)
        items.reserveCapacity(StreamQueue.capacity)
    }

    mutating func close() {
        serial = 0
        items.removeAll(keepingCapacity: true)
    }

    mutating func append(_ bytes: SharedBytes) -> Bool {
        guard items.count < StreamQueue.capacity, !isFinished else { return false }
        items.append(bytes)
        return true
    }

    mutating func finish() { isFinished = true }
    mutating func takeFirst() -> SharedBytes? { items.isEmpty ? nil : items.removeFirst() }
    var count: Int { items.count }
}

/// An answer that goes on: pieces may be sent from any thread.
public struct ResponseStream: Sendable {
    let exchange: Exchange
    let serial: UInt64

    public enum Sent: Sendable {
        case queued
        /// The client takes too little: send again when it has caught up, or let it go.
        case full
        case closed
    }

    public func send(_ bytes: SharedBytes) -> Sent {
        let sent = exchange.stream.withLock { queue -> Sent in
            guard queue.serial == serial else { return .closed }
            return queue.append(bytes) ? .queued : .full
        }
        if sent == .queued { exchange.answers.mark(exchange.slot) }
        return sent
    }

    public func finish() {
        let isMine = exchange.stream.withLock { queue in
            guard queue.serial == serial else { return false }
            queue.finish()
            return true
        }
        if isMine { exchange.answers.mark(exchange.slot) }
    }

    /// Pieces that the kernel has not taken yet; nil when the client has gone.
    public var waiting: Int? { exchange.stream.withLock { $0.serial == serial ? $0.count : nil } }
}
