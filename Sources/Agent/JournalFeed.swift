internal import Journal
internal import Platform
internal import Site
internal import Status
internal import Upstream

/// A journal reader that one other room's thread uses, alone: readers are not for sharing.
private final class RoomReader: @unchecked Sendable {
    private let reader: JournalReader
    private let room: String

    init(_ journal: JournalRoom, for room: String) {
        reader = journal.reader()
        self.room = room
    }

    /// What `body` reads, or `fallback` where the journal cannot be read now.
    func read<Result>(_ fallback: Result, _ body: (JournalReader) throws(StorageFault) -> Result) -> Result {
        do throws(StorageFault) { return try body(reader) } catch {
            Log.write(.warning, room, "the journal cannot be read: \(error)")
            return fallback
        }
    }

    func events(since sequence: UInt64, limit: Int) -> [Event] {
        read([]) { (reader) throws(StorageFault) in
            try reader.events(JournalReader.Filter(since: sequence), limit: limit)
        }
    }
}

/// The journal as Status reads it, on its own thread.
final class JournalEvents: EventSource {
    private let reader: RoomReader

    init(_ journal: JournalRoom) { reader = RoomReader(journal, for: "status") }

    func events(since: UInt64, limit: Int) -> [Event] { reader.events(since: since, limit: limit) }
    func newest(limit: Int) -> [Event] {
        reader.read([]) { (reader) throws(StorageFault) in try reader.newest(limit: limit) }
    }
}

/// The journal as Upstream reads it, on its own thread; the cursor stands in the journal's own file.
final class JournalFeed: EventFeed {
    private static let cursorName = "upstream"

    private let journal: JournalRoom
    private let reader: RoomReader
    /// The newest cursor that was set: the file follows with the journal's next commit.
    private let newest = Latest<UInt64?>(nil)

    init(_ journal: JournalRoom) {
        self.journal = journal
        reader = RoomReader(journal, for: "upstream")
    }

    var lastSequence: UInt64 { reader.read(0) { (reader) throws(StorageFault) in try reader.lastSequence() } }

    func events(after sequence: UInt64, limit: Int) -> [Event] { reader.events(since: sequence, limit: limit) }

    var cursor: UInt64? {
        newest.value
            ?? reader.read(nil) { (reader) throws(StorageFault) in try reader.cursor(JournalFeed.cursorName) }
    }

    func moveCursor(to sequence: UInt64) {
        newest.publish(sequence)
        journal.save(cursor: JournalFeed.cursorName, sequence)
    }

    func sequence(before time: WallTime) -> UInt64 {
        reader.read(0) { (reader) throws(StorageFault) in
            if let first = try reader.events(JournalReader.Filter(notBefore: time), limit: 1).first {
                return first.sequence - 1
            }
            return try reader.lastSequence()
        }
    }
}

/// The history as Upstream reads it, on its own thread.
final class JournalHistory: HistoryFeed, @unchecked Sendable {
    private let reader: HistoryReader

    init(folder: String) { reader = HistoryReader(folder: folder) }

    func minute(_ minute: Int64, of names: [String]) -> [HistoryMinute] {
        do throws(StorageFault) { return try reader.minute(minute, of: names) } catch {
            Log.write(.warning, "upstream", "the history cannot be read: \(error)")
            return []
        }
    }
}
