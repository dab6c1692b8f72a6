internal import Platform
internal import Site

/// The file of history; one thread owns it.
final class HistoryStore {
    private let database: Database
    private let addChange: Statement
    private let addMinute: Statement
    private let addWindow: Statement
    private let begin: Statement
    private let commit: Statement
    /// The file's own number of each point: names outlive a changed site file.
    private let numbers: [Int64]

    private static let schema = """
        CREATE TABLE IF NOT EXISTS points(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE IF NOT EXISTS changes(
          id INTEGER PRIMARY KEY, time INTEGER NOT NULL, point INTEGER NOT NULL, value REAL, quality INTEGER NOT NULL);
        CREATE INDEX IF NOT EXISTS changes_by_point ON changes(point, time);
        CREATE TABLE IF NOT EXISTS minutes(
          point INTEGER NOT NULL, minute INTEGER NOT NULL, minimum REAL, mean REAL, maximum REAL, count INTEGER,
          PRIMARY KEY(point, minute)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS blackbox(sequence INTEGER PRIMARY KEY, from_time INTEGER, to_time INTEGER);
        """

    init(_ path: String, _ points: PointTable) throws(StorageFault) {
        database = try Database(path, .readWrite)
        try database.run("PRAGMA auto_vacuum=INCREMENTAL")
        try database.run("PRAGMA journal_mode=WAL")
        // A power cut may cost the last seconds of telemetry, never the file: that is what NORMAL promises.
        try database.run("PRAGMA synchronous=NORMAL")
        try database.run(HistoryStore.schema)
        addChange = try database.prepare("INSERT INTO changes(time, point, value, quality) VALUES(?,?,?,?)")
        addMinute = try database.prepare(
            """
            INSERT INTO minutes VALUES(?,?,?,?,?,?) ON CONFLICT(point, minute) DO UPDATE SET
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

    func add(_ sample: HistorySample) throws(StorageFault) {
        guard numbers.indices.contains(sample.point.index) else { return }
        addChange.bind(1, sample.wall.milliseconds)
        addChange.bind(2, numbers[sample.point.index])
        if sample.quality == .good { addChange.bind(3, sample.number) } else { addChange.bindNull(3) }
        addChange.bind(4, Int64(sample.quality.rawValue))
        try addChange.run()
    }

    func add(_ index: Int, _ minute: HistoryWriter.Minute) throws(StorageFault) {
        addMinute.bind(1, numbers[index])
        addMinute.bind(2, minute.minute)
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

    /// By age first; then, while the file is too large, the oldest full-rate hours, the black boxes last.
    func prune(_ plan: JournalPlan, _ now: WallTime) throws(StorageFault) {
        let oldest = now.milliseconds - plan.minutesFor.wholeMilliseconds
        try transaction { () throws(StorageFault) in
            try database.run(
                """
                DELETE FROM blackbox WHERE to_time < \(oldest);
                DELETE FROM minutes WHERE minute < \(oldest / 60_000);
                """)
            try deleteChanges(before: now.milliseconds - plan.fullRateFor.wholeMilliseconds)
        }
        var tries = 0
        while try byteCount() > plan.historyBytesMax, tries < 8 {
            tries += 1
            let first = try database.number("SELECT min(time) FROM changes")
            let last = try database.number("SELECT max(time) FROM changes")
            guard last > first else { break }
            try transaction { () throws(StorageFault) in
                try deleteChanges(before: first + (last - first) / 4)
                // Nothing but black boxes left in the way: the oldest of them goes.
                if try database.number("SELECT changes()") == 0 {
                    try database.run("DELETE FROM blackbox WHERE sequence=(SELECT min(sequence) FROM blackbox)")
                }
            }
        }
        try database.run("PRAGMA incremental_vacuum")
    }

    private func deleteChanges(before time: Int64) throws(StorageFault) {
        try database.run(
            """
            DELETE FROM changes WHERE time < \(time) AND NOT EXISTS(
              SELECT 1 FROM blackbox WHERE changes.time BETWEEN from_time AND to_time)
            """)
    }

    func fold() { try? database.run("PRAGMA wal_checkpoint(TRUNCATE)") }
}
