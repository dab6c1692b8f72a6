import Synchronization

/// A bounded queue into a thread's loop: many senders, one receiver, who is woken by `wakeup`.
/// A full mailbox refuses: the sender knows at once, nothing waits.
public final class Mailbox<Message: Sendable>: Sendable {
    public let wakeup: Wakeup
    public let capacity: Int
    private let waiting: Mutex<[Message]>
    private let hasMail = Atomic<Bool>(false)

    public init(capacity: Int) throws(SystemError) {
        self.capacity = capacity
        wakeup = try Wakeup()
        var space: [Message] = []
        space.reserveCapacity(capacity)
        waiting = Mutex(space)
    }

    /// False when the mailbox is full.
    @discardableResult
    public func send(_ message: Message) -> Bool {
        let accepted = waiting.withLock { waiting in
            if waiting.count >= capacity { return false }
            waiting.append(message)
            return true
        }
        if accepted {
            hasMail.store(true, ordering: .releasing)
            wakeup.signal()
        }
        return accepted
    }

    /// Everything that waits, in order of arrival.
    public func takeAll() -> [Message] {
        wakeup.drain()
        // Most looks find nothing: they take no lock. Not the wakeup's own mark, which others may have drained.
        if !hasMail.exchange(false, ordering: .acquiringAndReleasing) { return [] }
        return waiting.withLock { waiting in
            if waiting.isEmpty { return [] }
            defer { waiting.removeAll(keepingCapacity: true) }
            return waiting
        }
    }
}
