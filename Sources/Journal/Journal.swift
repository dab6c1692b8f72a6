// Journal: Keeps events and history in SQLite so that no crash loses and no hand quietly changes
// them. It must never stop the agent from watching.
internal import Glibc
public import Platform
public import Site
internal import Synchronization

/// Events on one thread of their own, history on another. What is appended is numbered, chained and durable
/// before `committed` is called with it; while the storage fails it is kept in memory, told all the
/// same, and written as soon as the storage takes it again.
public final class JournalRoom: Sendable {
    /// Called on the journal's thread; must only hand over.
    public struct Committed: Sendable {
        /// False: the storage failed, these stand in memory only.
        public let isDurable: Bool
        /// The last ticket that these events came with.
        public let ticket: UInt64
        let written: WrittenEvents

        /// As the readers see them; made when asked for.
        public var events: [Event] { written.events }
    }

    public let status: Latest<JournalStatus>
    public var heartbeats: [Heartbeat] { points.count > 0 ? [heartbeat, historyHeartbeat] : [heartbeat] }

    private let plan: JournalPlan
    private let points: PointTable
    private let time: any TimeSource
    private let key: [UInt8]?
    private let committed: @Sendable (Committed) -> Void
    private let inbox: JournalInbox
    private let memory = EventMemory()
    private let heartbeat: Heartbeat
    private let history: HistoryInbox
    private let report = Latest(HistoryReport())
    private let historyHeartbeat = Heartbeat("history", limit: .seconds(60))
    private let isStopping = Atomic<Bool>(false)
    private let isHistoryStopping = Atomic<Bool>(false)
    private let thread = Mutex<OwnerThread?>(nil)
    private let historyThread = Mutex<OwnerThread?>(nil)

    /// `key`: an Ed25519 private key in PEM form that signs the checkpoints.
    public init(
        plan: JournalPlan, points: PointTable = PointTable([]), time: any TimeSource, key: [UInt8]? = nil,
        committed: @escaping @Sendable (Committed) -> Void = { _ in }
    ) throws(SystemError) {
        self.plan = plan
        self.points = points
        self.time = time
        self.key = key
        self.committed = committed
        inbox = try JournalInbox(limit: plan.eventsInMemoryMax)
        history = try HistoryInbox()
        // A commit on a dying disk may take long; SQLite waits a second for other programs.
        heartbeat = Heartbeat("journal", limit: .seconds(30))
        status = Latest(
            JournalStatus(isDurable: false, lastError: "not started", lastSequence: 0, bytes: 0, dropped: 0))
    }

    public func start() throws(SystemError) {
        let loop = JournalLoop(
            plan: plan, time: time, key: key, inbox: inbox, memory: memory, history: history, report: report,
            status: status, committed: committed)
        let started = try OwnerThread("journal") { [self] in
            loop.run(until: isStopping, heartbeat)
        }
        thread.withLock { $0 = started }
        if points.count == 0 { return }
        let historyLoop = HistoryLoop(plan: plan, points: points, time: time, inbox: history, report: report)
        let recorder = try OwnerThread("history") { [self] in
            historyLoop.run(until: isHistoryStopping, historyHeartbeat)
        }
        historyThread.withLock { $0 = recorder }
    }

    /// Everything appended before is written first; then what the history keeps around it.
    public func stop() {
        end(thread, isStopping, inbox.wakeup)
        end(historyThread, isHistoryStopping, history.wakeup)
    }

    private func end(_ thread: borrowing Mutex<OwnerThread?>, _ flag: borrowing Atomic<Bool>, _ wakeup: Wakeup) {
        flag.store(true, ordering: .releasing)
        wakeup.signal()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// Hands events over, and what Control wants remembered with them, in one transaction. Never waits.
    @discardableResult
    public func append(_ drafts: [EventDraft], memory: [UInt8]? = nil) -> UInt64 { inbox.add(drafts, memory) }

    /// Where a receiver has got to; kept in the same file, with the next commit.
    public func save(cursor name: String, _ sequence: UInt64) { inbox.add(cursor: name, sequence) }

    /// Changes for the history.
    public func record(_ changes: [HistorySample]) { history.add(changes) }

    /// Every ticket up to this one is in the file.
    public var durableTicket: UInt64 { inbox.durable.load(ordering: .acquiring) }

    /// Reads the file and what the file could not take. One reader for each thread that reads.
    public func reader() -> JournalReader { JournalReader(folder: plan.folder, memory: memory) }
}

/// One change of one point, for the history.
public struct HistorySample: Equatable, Sendable {
    public var point: PointID
    public var wall: WallTime
    public var number: Double
    public var quality: Quality
    public init(point: PointID, wall: WallTime, number: Double, quality: Quality) {
        self.point = point
        self.wall = wall
        self.number = number
        self.quality = quality
    }
}
