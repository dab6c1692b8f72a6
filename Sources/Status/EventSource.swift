public import Journal
public import Site
import Synchronization

/// Where events are read from, as far as this room needs to know it. Called on the room's threads.
public protocol EventSource: Sendable {
    /// The oldest `limit` events whose sequence is greater than `since`, in order.
    func events(since: UInt64, limit: Int) -> [Event]
    /// The newest `limit` events, oldest of them first.
    func newest(limit: Int) -> [Event]
}

/// The Journal as such a source. A reader belongs to one thread at a time: the lock sees to that.
public final class JournalEvents: EventSource {
    private let make: @Sendable () -> JournalReader
    private let reader = Mutex<JournalReader?>(nil)

    /// `make` opens a reader; asked again after a reader failed.
    public init(_ make: @escaping @Sendable () -> JournalReader) { self.make = make }

    public func events(since: UInt64, limit: Int) -> [Event] {
        read { (reader) throws(StorageFault) in try reader.events(JournalReader.Filter(since: since), limit: limit) }
    }

    public func newest(limit: Int) -> [Event] {
        read { (reader) throws(StorageFault) in try reader.newest(limit: limit) }
    }

    private func read(_ body: (JournalReader) throws(StorageFault) -> [Event]) -> [Event] {
        reader.withLock { kept in
            let reader = kept ?? make()
            do throws(StorageFault) {
                let events = try body(reader)
                kept = reader
                return events
            } catch {
                // The journal room says what is wrong with its file; here it is only silent.
                kept = nil
                return []
            }
        }
    }
}
