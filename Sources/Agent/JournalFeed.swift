internal import Journal
internal import Platform
internal import Site
internal import Upstream

/// The journal as Upstream reads it: one reader, used by Upstream's thread alone. The cursor stands in
/// the journal's own file.
final class JournalFeed: EventFeed, @unchecked Sendable {
    private static let cursorName = "upstream"

    private let journal: JournalRoom
    private let reader: JournalReader
    /// The newest cursor that was set: the file follows with the journal's next commit.
    private let newest = Latest<UInt64?>(nil)

    init(_ journal: JournalRoom) {
        self.journal = journal
        reader = journal.reader()
    }

    var lastSequence: UInt64 { read(0) { (reader) throws(StorageFault) in try reader.lastSequence() } }

    func events(after sequence: UInt64, limit: Int) -> [Event] {
        read([]) { (reader) throws(StorageFault) in
            try reader.events(JournalReader.Filter(since: sequence), limit: limit)
        }
    }

    var cursor: UInt64? {
        newest.value
            ?? read(nil) { (reader) throws(StorageFault) in try reader.cursor(JournalFeed.cursorName) }
    }

    func moveCursor(to sequence: UInt64) {
        newest.publish(sequence)
        journal.save(cursor: JournalFeed.cursorName, sequence)
    }

    func sequence(before time: WallTime) -> UInt64 {
        read(0) { (reader) throws(StorageFault) in
            if let first = try reader.events(JournalReader.Filter(notBefore: time), limit: 1).first {
                return first.sequence - 1
            }
            return try reader.lastSequence()
        }
    }

    /// What `body` reads, or `fallback` where the journal cannot be read now.
    private func read<Result>(_ fallback: Result, _ body: (JournalReader) throws(StorageFault) -> Result) -> Result {
        do throws(StorageFault) { return try body(reader) } catch {
            Log.write(.warning, "upstream", "the journal cannot be read: \(error)")
            return fallback
        }
    }
}
