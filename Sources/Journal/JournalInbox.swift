internal import Platform
internal import Site
internal import Synchronization

/// What waits for the journal's thread: bounded, and what does not fit is counted. The fuller it is,
/// the graver an event must be to get in.
final class JournalInbox: Sendable {
    struct Contents {
        var drafts: [EventDraft] = []
        var memory: [UInt8]?
        var cursors: [String: UInt64] = [:]
        var changes: [HistorySample] = []
        var ticket: UInt64 = 0
        var dropped: UInt64 = 0
        var droppedChanges: UInt64 = 0
    }

    let wakeup: Wakeup
    let durable = Atomic<UInt64>(0)
    /// Events in memory beyond this inbox: those the file could not take.
    let unsaved = Atomic<Int>(0)
    private let limit: Int
    private let contents = Mutex(Contents())

    /// A second of twenty thousand points that all change, several times over.
    private static let changesMax = 100_000

    init(limit: Int) throws(SystemError) {
        self.limit = limit
        wakeup = try Wakeup()
    }

    func add(_ drafts: [EventDraft], _ memory: [UInt8]?) -> UInt64 {
        let ticket = contents.withLock { contents in
            for draft in drafts {
                contents.ticket += 1
                if draft.severity >= admitted(contents.drafts.count + unsaved.load(ordering: .relaxed)) {
                    contents.drafts.append(draft)
                } else {
                    contents.dropped += 1
                }
            }
            if let memory { contents.memory = memory }
            return contents.ticket
        }
        wakeup.signal()
        return ticket
    }

    func add(cursor name: String, _ sequence: UInt64) {
        contents.withLock { $0.cursors[name] = sequence }
        wakeup.signal()
    }

    func add(_ changes: [HistorySample]) {
        contents.withLock { contents in
            let room = JournalInbox.changesMax - contents.changes.count
            contents.changes.append(contentsOf: changes.prefix(max(0, room)))
            contents.droppedChanges += UInt64(max(0, changes.count - max(0, room)))
        }
        // No wake-up: the history is written at the thread's own pace.
    }

    /// The ticket and the drop counts stay.
    func takeAll() -> Contents {
        contents.withLock { contents in
            let taken = contents
            contents.drafts = []
            contents.memory = nil
            contents.cursors = [:]
            contents.changes = []
            return taken
        }
    }

    /// The least severity that still gets in. Even critical events have an end: memory does.
    private func admitted(_ waiting: Int) -> Severity {
        switch waiting * 100 / max(1, limit) {
        case ..<50: .info
        case ..<75: .notice
        case ..<85: .warning
        case ..<95: .major
        default: .critical
        }
    }
}

/// Events that were told and are not in the file, for the readers.
final class EventMemory: Sendable {
    private let events = Mutex<[Event]>([])
    func replace(_ new: [Event]) { events.withLock { $0 = new } }
    var all: [Event] { events.withLock { $0 } }
}
