internal import Platform
internal import Site

/// The file of history; one thread owns it.
final class HistoryStore {
    private let database: Database
    private let addChunk: Statement
    private let addMinute: Statement
    private let addWindow: Statement
    private let begin: Statement
    private let commit: Statement
    /// The file's own number of each point: names outlive a changed site file.
    private let numbers: [Int64]
    private var chunk = HistoryChunk()

    private static let schema = """
        CREATE TABLE IF NOT EXISTS points(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE IF NOT EXISTS chunks(
          id INTEGER PRIMARY KEY, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL, data BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS minutes(
          minute INTEGER NOT NULL, point INTEGER NOT NULL, minimum REAL, mean REAL, maximum REAL, count INTEGER,
          PRIMARY KEY(minute, point)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS blackbox(sequence INTEGER PRIMARY KEY, from_time INTEGER, to_time INTEGER);
        """

    init(_ path: String, _ points: PointTable) throws(StorageFault) {
        database = try Database(path, .readWrite)
        try database.run("PRAGMA auto_vacuum=INCREMENTAL")
        try database.run("PRAGMA journal_mode=WAL")
        // A power cut may cost the last seconds of telemetry, never the file: that is what NORMAL promises.
        try database.run("PRAGMA synchronous=NORMAL")
        try database.run(HistoryStore.schema)
        addChunk = try database.prepare("INSERT INTO chunks(from_time, to_time, data) VALUES(?,?,?)")
        addMinute = try database.prepare(
            """
            INSERT INTO minutes VALUES(?,?,?,?,?,?) ON CONFLICT(minute, point) DO UPDATE SET
              minimum=min(minimum, excluded.minimum), maximum=max(maximum, excluded.maximum),
              mean=(mean * count + excluded.mean * excluded.count) / (count + excluded.count),
              count=count + excluded.count
            """)
        addWindow = try database.prepare("INSERT OR REPLACE INTO blackbox VALUES(?,?,?)")
        begin = try database.prepare("BEGIN IMMEDIATE")
        commit = try database.prepare("COMMIT")
        numbers = try HistoryStore.numbers(of: points, in: database)
    }

    private static func numbers(of points: PointTable, in database: borrowing Database) throws(StorageFault) -> [Int64]
    {
        let insert = try database.prepare("INSERT OR IGNORE INTO points(name) VALUES(?)")
        let find = try database.prepare("SELECT number FROM points WHERE name=?")
        try database.run("BEGIN IMMEDIATE")
        var numbers: [Int64] = []
        for point in points.definitions {
            insert.bind(1, point.name)
            try insert.run()
            find.bind(1, point.name)
            numbers.append(try find.step() ? find.integer(0) : -1)
            find.reset()
        }
        try database.run("COMMIT")
        return numbers
    }

    func transaction(_ body: () throws(StorageFault) -> Void) throws(StorageFault) {
        try begin.run()
        do throws(StorageFault) {
            try body()
            try commit.run()
        } catch {
            try? database.run("ROLLBACK")
            throw error
        }
    }

    func add(_ samples: [HistorySample]) throws(StorageFault) {
        chunk.clear()
        for sample in samples where numbers.indices.contains(sample.point.index) {
            let number = numbers[sample.point.index]
            if chunk.add(point: number, sample) { continue }
            try saveChunk()
            _ = chunk.add(point: number, sample)
        }
        try saveChunk()
    }

    private func saveChunk() throws(StorageFault) {
        if chunk.isEmpty { return }
        addChunk.bind(1, chunk.from)
        addChunk.bind(2, chunk.to)
        addChunk.bind(3, blob: chunk.bytes)
        try addChunk.run()
        chunk.clear()
    }

    func add(_ index: Int, _ minute: HistoryWriter.Minute) throws(StorageFault) {
        addMinute.bind(1, minute.minute)
        addMinute.bind(2, numbers[index])
        addMinute.bind(3, minute.minimum)
        addMinute.bind(4, minute.sum / Double(minute.count))
        addMinute.bind(5, minute.maximum)
        addMinute.bind(6, minute.count)
        try addMinute.run()
    }

    func add(_ window: HistoryWriter.BlackBoxWindow) throws(StorageFault) {
        addWindow.bind(1, Int64(bitPattern: window.sequence))
        addWindow.bind(2, window.from)
        addWindow.bind(3, window.to)
        try addWindow.run()
    }

    // MARK: - Keeping it small

    func byteCount() throws(StorageFault) -> Int {
        let pages = try database.number("PRAGMA page_count") - database.number("PRAGMA freelist_count")
        return Int(try database.number("PRAGMA page_size") * pages)
    }

    /// By age first; then, while the file is too large, the oldest full-rate hours, the oldest minutes, and
    /// the black boxes last.
    func prune(_ plan: JournalPlan, _ now: WallTime) throws(StorageFault) {
        let oldest = now.milliseconds - plan.minutesFor.wholeMilliseconds
        let full = now.milliseconds - plan.fullRateFor.wholeMilliseconds
        try transaction { () throws(StorageFault) in
            try database.run(
                """
                DELETE FROM blackbox WHERE to_time < \(oldest);
                DELETE FROM minutes WHERE minute < \(oldest / 60_000);
                DELETE FROM chunks WHERE to_time < \(full) AND \(HistoryStore.isInNoBox);
                """)
        }
        var tries = 0
        while try byteCount() > plan.historyBytesMax, tries < 16 {
            tries += 1
            try transaction { () throws(StorageFault) in try giveWay() }
        }
        try database.run("PRAGMA incremental_vacuum")
    }

    private static let isInNoBox = """
        NOT EXISTS(
          SELECT 1 FROM blackbox WHERE chunks.to_time >= blackbox.from_time AND chunks.from_time <= blackbox.to_time)
        """

    private func giveWay() throws(StorageFault) {
        let free = try database.number("SELECT count(*) FROM chunks WHERE \(HistoryStore.isInNoBox)")
        if free > 0 {
            return try database.run(
                """
                DELETE FROM chunks WHERE id IN (
                  SELECT id FROM chunks WHERE \(HistoryStore.isInNoBox) ORDER BY id LIMIT \(max(1, free / 4)))
                """)
        }
        let first = try database.number("SELECT min(minute) FROM minutes")
        let last = try database.number("SELECT max(minute) FROM minutes")
        if last > first {
            return try database.run("DELETE FROM minutes WHERE minute < \(first + max(1, (last - first) / 8))")
        }
        try database.run("DELETE FROM blackbox WHERE sequence=(SELECT min(sequence) FROM blackbox)")
    }

    func fold() { try? database.run("PRAGMA wal_checkpoint(TRUNCATE)") }
}
