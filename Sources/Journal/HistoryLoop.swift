internal import Platform
internal import Site
internal import Synchronization

/// What waits for the history's thread: bounded, and what does not fit is counted.
final class HistoryInbox: Sendable {
    struct Contents {
        var changes: [HistorySample] = []
        /// Events that what lies around them is kept for.
        var critical: [(sequence: UInt64, wall: WallTime)] = []
        var dropped: UInt64 = 0
    }

    let wakeup: Wakeup
    private let contents = Mutex(Contents())

    /// A second of twenty thousand points that all change, several times over.
    private static let changesMax = 100_000

    init() throws(SystemError) { wakeup = try Wakeup() }

    /// No wake-up: the history is written at the thread's own pace.
    func add(_ changes: [HistorySample]) {
        contents.withLock { contents in
            let room = max(0, HistoryInbox.changesMax - contents.changes.count)
            contents.changes.append(contentsOf: changes.prefix(room))
            contents.dropped += UInt64(max(0, changes.count - room))
        }
    }

    func keep(around critical: [(sequence: UInt64, wall: WallTime)]) {
        contents.withLock { $0.critical += critical }
        wakeup.signal()
    }

    /// The count of what was dropped stays.
    func takeAll() -> Contents {
        contents.withLock { contents in
            let taken = contents
            (contents.changes, contents.critical) = ([], [])
            return taken
        }
    }
}

/// How the history fares, for the journal's status.
struct HistoryReport: Equatable, Sendable {
    var trouble: String?
    var byteCount = 0
    var dropped: UInt64 = 0
}

/// The history's thread. Apart from the events', so that no event waits while ten seconds of telemetry
/// are written, folded in or pruned: in an emulated machine that took 170 ms.
final class HistoryLoop: Sendable {
    private let plan: JournalPlan
    private let points: PointTable
    private let time: any TimeSource
    private let inbox: HistoryInbox
    private let report: Latest<HistoryReport>

    init(
        plan: JournalPlan, points: PointTable, time: any TimeSource, inbox: HistoryInbox, report: Latest<HistoryReport>
    ) {
        self.plan = plan
        self.points = points
        self.time = time
        self.inbox = inbox
        self.report = report
    }

    func run(until isStopping: borrowing Atomic<Bool>, _ heartbeat: Heartbeat) {
        let history = HistoryWriter(plan: plan, points: points)
        while true {
            // Read before the inbox is emptied: what was handed over before the stop is in it.
            let isLast = isStopping.load(ordering: .acquiring)
            inbox.wakeup.wait(atMost: isLast ? .zero : .seconds(1))
            inbox.wakeup.drain()
            heartbeat.beat()
            let batch = inbox.takeAll()
            history.add(batch.changes, around: batch.critical, time.now())
            if isLast { history.close(time.now()) }
            publish(history, batch.dropped)
            heartbeat.beat()
            if isLast { return }
        }
    }

    /// `dropped`: readings that did not even get into the inbox.
    private func publish(_ history: HistoryWriter, _ dropped: UInt64) {
        let fresh = HistoryReport(
            trouble: history.trouble, byteCount: history.byteCount, dropped: history.dropped + dropped)
        if fresh != report.value { report.publish(fresh) }
    }
}
