public import Site
import Synchronization

/// Where events are read from, as far as this room needs to know it. Called on the room's threads.
public protocol EventSource: Sendable {
    /// The oldest `limit` events whose sequence is greater than `since`, in order.
    func events(since: UInt64, limit: Int) -> [Event]
    /// The newest `limit` events, oldest of them first.
    func newest(limit: Int) -> [Event]
}

/// A source that only one thread may use, for the server's thread and the streams' thread.
final class SharedEvents: EventSource {
    private let source: Mutex<any EventSource>
    init(_ source: any EventSource) { self.source = Mutex(source) }

    func events(since: UInt64, limit: Int) -> [Event] {
        source.withLock { $0.events(since: since, limit: limit) }
    }
    func newest(limit: Int) -> [Event] { source.withLock { $0.newest(limit: limit) } }
}
