internal import Platform
internal import Site

/// What the points read: every change for hours, minimum, mean and maximum of each minute for weeks.
/// A file of its own, so that telemetry can never take an alarm's place.
final class HistoryWriter {
    private let plan: JournalPlan
    private let path: String
    private let points: PointTable
    private var store: HistoryStore?
    private(set) var trouble: String?
    private(set) var byteCount = 0
    private var waiting: [HistorySample] = []
    private var minutes: [Minute?]
    /// Over, and not in the file yet.
    private var finished: [(index: Int, minute: Minute)] = []
    private var windows: [BlackBoxWindow] = []
    private var lastWrite = MonotonicTime.distantPast
    private var lastPrune = MonotonicTime.distantPast
    private var retryAt = MonotonicTime.distantPast
    /// Samples lost while the storage failed.
    private(set) var dropped: UInt64 = 0

    /// The last reading of a point within one minute.
    struct Minute {
        var minute: Int64
        var minimum: Double
        var maximum: Double
        var sum: Double
        var count: Int64
    }

    struct BlackBoxWindow {
        let sequence: UInt64
        let from: Int64
        let to: Int64
    }

    /// Flash wears by commits: the history is written this often, and at the end.
    private static let writeEvery = Nanoseconds.seconds(10)
    private static let pruneEvery = Nanoseconds.seconds(60)
    private static let retryEvery = Nanoseconds.seconds(30)
    private static let waitingMax = 200_000

    init(plan: JournalPlan, points: PointTable) {
        self.plan = plan
        path = plan.folder + "/history.sqlite"
        self.points = points
        minutes = Array(repeating: nil, count: points.count)
        waiting.reserveCapacity(4096)
    }

    /// `critical`: events that what lies around them is kept for.
    func add(
        _ changes: [HistorySample], around critical: [(sequence: UInt64, wall: WallTime)] = [], _ now: Moment
    ) {
        let room = HistoryWriter.waitingMax - waiting.count
        waiting.append(contentsOf: changes.prefix(max(0, room)))
        dropped += UInt64(max(0, changes.count - max(0, room)))
        let around = plan.blackBoxAround.wholeMilliseconds
        for event in critical {
            windows.append(
                BlackBoxWindow(
                    sequence: event.sequence, from: event.wall.milliseconds - around,
                    to: event.wall.milliseconds + around))
        }
        if now.monotonic - lastWrite >= HistoryWriter.writeEvery || !windows.isEmpty { write(now) }
    }

    func close(_ now: Moment) {
        write(now)
        do throws(StorageFault) { try finishMinutes(before: .max) } catch { fail(error, now) }
        store?.fold()
        store = nil
    }

    private func write(_ now: Moment) {
        lastWrite = now.monotonic
        if waiting.isEmpty, windows.isEmpty { return }
        if store == nil {
            guard now.monotonic >= retryAt else { return }
            open(now)
        }
        guard let store else { return }
        do throws(StorageFault) {
            try store.transaction { () throws(StorageFault) in
                try store.add(waiting)
                for window in windows { try store.add(window) }
            }
            for sample in waiting where sample.quality == .good { count(sample) }
            waiting.removeAll(keepingCapacity: true)
            windows = []
            try finishMinutes(before: now.wall.milliseconds / 60_000)
            if now.monotonic - lastPrune >= HistoryWriter.pruneEvery {
                lastPrune = now.monotonic
                try store.prune(plan, now.wall)
            }
            byteCount = try store.byteCount()
            trouble = nil
        } catch { fail(error, now) }
    }

    private func open(_ now: Moment) {
        do throws(StorageFault) {
            store = try HistoryStore(path, points)
            trouble = nil
        } catch { fail(error, now) }
    }

    private func fail(_ fault: StorageFault, _ now: Moment) {
        store = nil
        if trouble == nil { Log.write(.warning, "journal", "history: \(fault.text)") }
        trouble = fault.text
        retryAt = now.monotonic + HistoryWriter.retryEvery
        if fault.kind == .corrupt {
            _ = StorageFolder.putAside(path, now.wall)
            retryAt = now.monotonic
        }
    }

    // MARK: - Minutes

    private func count(_ sample: HistorySample) {
        guard minutes.indices.contains(sample.point.index), sample.number.isFinite else { return }
        let minute = sample.wall.milliseconds / 60_000
        if var open = minutes[sample.point.index] {
            if open.minute == minute {
                open.minimum = min(open.minimum, sample.number)
                open.maximum = max(open.maximum, sample.number)
                open.sum += sample.number
                open.count += 1
                minutes[sample.point.index] = open
                return
            }
            finished.append((sample.point.index, open))
        }
        minutes[sample.point.index] = Minute(
            minute: minute, minimum: sample.number, maximum: sample.number, sum: sample.number, count: 1)
    }

    /// All that ended together, in one commit: one for each would write a page for each point.
    private func finishMinutes(before minute: Int64) throws(StorageFault) {
        for index in minutes.indices {
            guard let open = minutes[index], open.minute < minute else { continue }
            finished.append((index, open))
            minutes[index] = nil
        }
        // A storage that fails for long costs the oldest minutes, as it costs changes.
        if finished.count > HistoryWriter.waitingMax { finished.removeFirst(finished.count / 2) }
        guard let store, !finished.isEmpty else { return }
        try store.transaction { () throws(StorageFault) in
            for one in finished { try store.add(one.index, one.minute) }
        }
        finished.removeAll(keepingCapacity: true)
    }
}
