internal import Platform
internal import Site
internal import Synchronization

/// What waits for the journal's thread: bounded, and what does not fit is counted. The fuller it is,
/// the graver an event must be to get in.
final class JournalInbox: Sendable {
    struct Contents {
        /// As they were handed over: nothing is copied, and no text counted, for a batch that fits whole.
        private(set) var batches: [[EventDraft]] = []
        var memory: [UInt8]?
        var cursors: [String: UInt64] = [:]
        var ticket: UInt64 = 0
        var dropped: UInt64 = 0
        private(set) var count = 0

        mutating func add(_ drafts: [EventDraft]) {
            if drafts.isEmpty { return }
            batches.append(drafts)
            count += drafts.count
        }

        mutating func clear() {
            (batches, count) = ([], 0)
            (memory, cursors) = (nil, [:])
        }
    }

    let wakeup: Wakeup
    let durable = Atomic<UInt64>(0)
    /// Events in memory beyond this inbox: those the file could not take.
    let unsaved = Atomic<Int>(0)
    private let limit: Int
    private let contents = Mutex(Contents())

    init(limit: Int) throws(SystemError) {
        self.limit = limit
        wakeup = try Wakeup()
    }

    func add(_ drafts: [EventDraft], _ memory: [UInt8]?) -> UInt64 {
        let ticket = contents.withLock { contents in
            contents.ticket += UInt64(drafts.count)
            let waiting = contents.count + unsaved.load(ordering: .relaxed)
            if admitted(waiting + drafts.count) == .info {
                contents.add(drafts)
            } else {
                var admittedOnes: [EventDraft] = []
                for draft in drafts where draft.severity >= admitted(waiting + admittedOnes.count) {
                    admittedOnes.append(draft)
                }
                contents.dropped += UInt64(drafts.count - admittedOnes.count)
                contents.add(admittedOnes)
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

    /// The ticket and the drop counts stay.
    func takeAll() -> Contents {
        contents.withLock { contents in
            let taken = contents
            contents.clear()
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
    /// The writer has the file. While it has not, readers keep no connection: one that was opened on a disk
    /// that only reads keeps the whole process from writing after it.
    let isFileOpen = Atomic<Bool>(false)
    func replace(_ new: [Event]) { events.withLock { $0 = new } }
    var all: [Event] { events.withLock { $0 } }
}
