internal import Platform
internal import Site
internal import Synchronization

/// Numbers and chains events and puts them into the file; keeps them in memory while it cannot.
final class EventWriter {
    private let plan: JournalPlan
    private let path: String
    private let signer: ChainSigner?
    private let time: any TimeSource
    private let memory: EventMemory
    private let digest = Digest()
    private var row = EventRow()
    private let headFile: HeadFile

    private var store: EventStore? {
        didSet { memory.isFileOpen.store(store != nil, ordering: .releasing) }
    }
    private(set) var head = ChainHead()
    private(set) var trouble: String?
    private(set) var dropped: UInt64 = 0
    private(set) var byteCount = 0
    /// Told, and not in the file yet.
    private var unsaved: [(row: EventRow, event: Event)] = []
    private var unsavedMemory: [UInt8]?
    private var unsavedCursors: [String: UInt64] = [:]
    /// What the journal itself has to say, with the next batch.
    private var ownDrafts: [EventDraft] = []
    private var retryAt = MonotonicTime.distantPast
    private var patience = Nanoseconds.seconds(1)
    private var lastCheckpoint: UInt64 = 0
    private var lastHeadFile = MonotonicTime.distantPast
    private var headFileSequence: UInt64 = 0
    private var lastLook = MonotonicTime.distantPast
    private var droppedTold: UInt64 = 0

    /// Between tries on a storage that fails.
    private static let patienceMax = Nanoseconds.seconds(30)

    init(plan: JournalPlan, signer: ChainSigner?, time: any TimeSource, memory: EventMemory) {
        self.plan = plan
        path = plan.folder + "/journal.sqlite"
        self.signer = signer
        self.time = time
        self.memory = memory
        headFile = HeadFile(plan.folder + "/journal.head")
    }

    var isDurable: Bool { store != nil }
    var unsavedCount: Int { unsaved.count }

    // MARK: - Opening

    func open() {
        if let last = headFile.read() { head = ChainHead(sequence: last.sequence, hash: last.hash) }
        reopen()
        // A file that can only be read may know more than the one beside it: what is kept in memory goes on
        // after both.
        if store == nil, let last = try? EventStore.head(reading: path), last.sequence > head.sequence { head = last }
    }

    /// Opens the file, or puts a bad one aside and makes a new one that continues the chain.
    private func reopen() {
        let expected = unsaved.isEmpty ? head : before(unsaved[0])
        do throws(StorageFault) {
            let opened = try EventStore(path, continuing: expected)
            try adopt(opened, expected)
        } catch { fail(error) }
    }

    private func before(_ first: (row: EventRow, event: Event)) -> ChainHead {
        ChainHead(sequence: first.row.sequence - 1, hash: Array(first.row.bytes[..<32]))
    }

    private func adopt(_ opened: EventStore, _ expected: ChainHead) throws(StorageFault) {
        if opened.head.sequence < expected.sequence {
            // Somebody cut the file or put an older one in its place.
            let text = "the journal ends at \(opened.head.sequence), \(expected.sequence) was written: put aside"
            return try startAnew(text, .critical, expected)
        }
        // A commit that failed may have happened all the same: what is in the file need not go there twice.
        unsaved.removeAll { $0.row.sequence <= opened.head.sequence && $0.row.sequence > 0 && isSame($0, opened) }
        if let first = unsaved.first {
            if before(first) != opened.head { rechain(after: opened.head) }
        } else {
            compare(opened, expected)
            head = opened.head
        }
        store = opened
        try saveUnsaved()
    }

    /// What the file beside the journal says about it.
    private func compare(_ opened: EventStore, _ expected: ChainHead) {
        guard expected.sequence > 0 else { return }
        if opened.isEmpty, opened.head == expected {
            say(.critical, "the journal's file was gone; a new one goes on after event \(expected.sequence)")
        } else if let hash = try? opened.hash(at: expected.sequence), hash != expected.hash {
            say(.critical, "event \(expected.sequence) is not what was written: run mdc-agent events --verify")
        }
    }

    private func isSame(_ one: (row: EventRow, event: Event), _ opened: EventStore) -> Bool {
        (try? opened.hash(at: one.row.sequence)) == one.row.hash
    }

    /// The numbers given in memory were not the file's next: what is unsaved is numbered again.
    private func rechain(after start: ChainHead) {
        head = start
        unsaved = unsaved.map { old in
            let event = old.event
            return chained(
                EventDraft(
                    time: Moment(monotonic: MonotonicTime(nanoseconds: old.row.boot), wall: event.wall),
                    kind: event.kind, severity: event.severity, subject: event.subject, text: event.text,
                    evidence: event.evidence, actor: event.actor))
        }
        memory.replace(unsaved.map(\.event))
    }

    private func startAnew(_ text: String, _ severity: Severity, _ start: ChainHead) throws(StorageFault) {
        let moved = StorageFolder.putAside(path, time.now().wall)
        let opened = try EventStore(path, continuing: start)
        store = opened
        say(severity, "\(text); it stands as \(moved)")
        try saveUnsaved()
    }

    // MARK: - Writing

    /// Returns the events as told: durable when `isDurable` says so afterwards.
    func write(_ batch: JournalInbox.Contents) -> WrittenEvents {
        dropped = batch.dropped
        unsavedCursors.merge(batch.cursors) { $1 }
        if let memory = batch.memory { unsavedMemory = memory }
        if dropped > droppedTold, isDurable {
            say(.warning, "\(dropped - droppedTold) events of lesser weight were dropped: the memory for them was full")
            droppedTold = dropped
        }
        var batches = batch.batches
        if !ownDrafts.isEmpty { batches.insert(ownDrafts, at: 0) }
        ownDrafts = []
        if batches.isEmpty, unsavedMemory == nil, unsavedCursors.isEmpty { return WrittenEvents() }
        guard let store else { return keep(batches) }
        let start = head
        var written = WrittenEvents(batches, first: start.sequence + 1)
        do throws(StorageFault) {
            try store.transaction { () throws(StorageFault) in
                for drafts in batches {
                    for index in drafts.indices {
                        number(drafts[index])
                        try store.add(row)
                        written.add(row)
                    }
                }
                try saveSmallThings(store)
            }
            store.advance(to: head)
            forgetSmallThings()
            return written
        } catch {
            head = start
            let kept = keep(batches)
            fail(error)
            return kept
        }
    }

    private func saveSmallThings(_ store: EventStore) throws(StorageFault) {
        if let unsavedMemory { try store.save(state: "control", unsavedMemory) }
        for (name, sequence) in unsavedCursors { try store.save(cursor: name, sequence) }
        if head.sequence >= lastCheckpoint + UInt64(plan.checkpointEvery) {
            try store.save(checkpoint: checkpoint())
            lastCheckpoint = head.sequence
        }
    }

    private func forgetSmallThings() {
        unsavedMemory = nil
        unsavedCursors.removeAll(keepingCapacity: true)
    }

    /// Into memory, numbered and chained as if written.
    private func keep(_ batches: [[EventDraft]]) -> WrittenEvents {
        var written = WrittenEvents(batches, first: head.sequence + 1)
        for draft in batches.joined() {
            unsaved.append(chained(draft))
            written.add(row)
        }
        memory.replace(unsaved.map(\.event))
        return written
    }

    private func saveUnsaved() throws(StorageFault) {
        guard let store else { return }
        let count = unsaved.count
        try store.transaction { () throws(StorageFault) in
            for one in unsaved { try store.add(one.row) }
            try saveSmallThings(store)
        }
        if let last = unsaved.last { head = ChainHead(sequence: last.row.sequence, hash: last.row.hash) }
        store.advance(to: head)
        forgetSmallThings()
        unsaved = []
        memory.replace([])
        patience = .seconds(1)
        if trouble != nil {
            trouble = nil
            say(.notice, "the storage works again; \(count) events were written from memory")
            Log.write(.notice, "journal", "storage works again, \(count) events written from memory")
        }
    }

    private func number(_ draft: borrowing EventDraft) {
        head.sequence += 1
        row.fill(previous: head.hash, sequence: head.sequence, draft)
        row.seal(digest)
        // Byte for byte into the memory it has: an assignment would cost the row a new one each time.
        for index in row.hash.indices { head.hash[index] = row.hash[index] }
    }

    private func chained(_ draft: EventDraft) -> (row: EventRow, event: Event) {
        number(draft)
        return (row, Event(draft, sequence: row.sequence, id: hexText(row.hash[..<EventRow.idBytes])))
    }

    private func say(_ severity: Severity, _ text: String) {
        ownDrafts.append(
            EventDraft(
                time: time.now(), kind: .storageChanged, severity: severity, subject: "journal", text: text,
                evidence: [Evidence("file", path)]))
    }

    // MARK: - Trouble

    private func fail(_ fault: StorageFault) {
        store = nil
        let now = time.now()
        retryAt = now.monotonic + patience
        patience = min(EventWriter.patienceMax, patience + patience)
        if fault.kind == .corrupt {
            let moved = StorageFolder.putAside(path, now.wall)
            Log.write(.fault, "journal", "\(fault.text): \(path) put aside as \(moved)")
            say(.critical, "the journal's file was damaged (\(fault.text)) and stands as \(moved); a new one goes on")
            // A new file at once; where that is damaged too, it is the disk, and trying costs.
            if patience <= .seconds(2) { retryAt = now.monotonic }
        } else if trouble == nil {
            Log.write(.fault, "journal", "\(fault.text): events are kept in memory (\(plan.eventsInMemoryMax) at most)")
            say(.critical, "events cannot be stored (\(fault.text)); the agent goes on from memory")
        }
        if fault.kind == .full { StorageFolder.release(plan.folder + "/journal.reserve") }
        trouble = fault.text
    }

    // MARK: - Now and then

    func tick(_ now: Moment) {
        if store == nil, now.monotonic >= retryAt { reopen() }
        guard let store else { return }
        store.foldIfDue()
        if now.monotonic - lastHeadFile >= .seconds(1), head.sequence != headFileSequence {
            lastHeadFile = now.monotonic
            headFileSequence = head.sequence
            headFile.write(checkpoint())
        }
        guard now.monotonic - lastLook >= .seconds(10) else { return }
        lastLook = now.monotonic
        if store.hasMoved {
            self.store = nil
            say(.critical, "somebody removed or replaced the journal's file while it was in use; a new one goes on")
            reopen()
            return
        }
        do throws(StorageFault) {
            let pruned = try store.prune(to: plan.eventBytesMax)
            if pruned > 0 { say(.notice, "\(pruned) of the oldest events gave way: the journal is at its size limit") }
            byteCount = try store.byteCount()
        } catch { fail(error) }
        StorageFolder.reserve(plan.folder + "/journal.reserve")
    }

    private func checkpoint() -> Checkpoint {
        let plain = Checkpoint(sequence: head.sequence, wall: time.now().wall.milliseconds, hash: head.hash)
        return signer?.sign(plain) ?? plain
    }

    func close() {
        guard let store else { return }
        let last = checkpoint()
        try? store.transaction { () throws(StorageFault) in
            if last.sequence > 0 { try store.save(checkpoint: last) }
        }
        headFile.write(last)
        store.fold()
        self.store = nil
    }
}
