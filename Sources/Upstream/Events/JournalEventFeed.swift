public import Journal
public import Platform
public import Site
internal import Synchronization

/// The journal as the feed of events. A journal that cannot be read has nothing to send for now: it says
/// so in its own status, and the events come when it can be read again.
public final class JournalEventFeed: EventFeed {
    private static let cursorName = "upstream"

    private let journal: JournalRoom
    private let reader: Mutex<JournalReader>

    public init(_ journal: JournalRoom) {
        self.journal = journal
        reader = Mutex(journal.reader())
    }

    public var lastSequence: UInt64 { journal.status.value.lastSequence }

    public func events(after sequence: UInt64, limit: Int) -> [Event] {
        read([]) { reader throws(StorageFault) in
            try reader.events(JournalReader.Filter(since: sequence), limit: limit)
        }
    }

    public var cursor: UInt64? {
        read(nil) { reader throws(StorageFault) in try reader.cursor(JournalEventFeed.cursorName) }
    }

    public func moveCursor(to sequence: UInt64) { journal.save(cursor: JournalEventFeed.cursorName, sequence) }

    public func sequence(before time: WallTime) -> UInt64 {
        let first = read(nil) { reader throws(StorageFault) in
            try reader.events(JournalReader.Filter(notBefore: time), limit: 1).first?.sequence
        }
        return first.map { $0 - 1 } ?? lastSequence
    }

    private func read<Result: Sendable>(
        _ fallback: Result, _ body: (JournalReader) throws(StorageFault) -> Result
    ) -> Result {
        reader.withLock { reader in
            do throws(StorageFault) { return try body(reader) } catch { return fallback }
        }
    }
}
