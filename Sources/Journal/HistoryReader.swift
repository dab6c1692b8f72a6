internal import Glibc
public import Platform
public import Site

/// One change of a point, as the history kept it; no number where the reading was not good.
public struct HistoryChange: Equatable, Sendable {
    public let time: WallTime
    public let number: Double?
    public let quality: Quality
}

/// One minute of a point.
public struct HistoryMinute: Equatable, Sendable {
    public let name: String
    public let start: WallTime
    public let minimum: Double
    public let mean: Double
    public let maximum: Double
    public let count: Int

    public init(name: String, start: WallTime, minimum: Double, mean: Double, maximum: Double, count: Int) {
        self.name = name
        self.start = start
        self.minimum = minimum
        self.mean = mean
        self.maximum = maximum
        self.count = count
    }
}

/// Reads what the points read, while the agent writes it or alone. One reader for each thread.
public final class HistoryReader {
    private let path: String
    private var database: JournalDatabase?

    public init(folder: String) { path = folder + "/history.sqlite" }

    /// Every change within the time, oldest first; full rate lasts for hours, and around critical events.
    public func changes(of point: String, from: WallTime, to: WallTime, limit: Int = 100_000) throws(StorageFault)
        -> [HistoryChange]
    {
        guard let database = try opened() else { return [] }
        let rows = try database.connection.prepare(
            """
            SELECT time, value, quality FROM changes WHERE point=(SELECT number FROM points WHERE name=?)
            AND time BETWEEN ? AND ? ORDER BY time, id LIMIT ?
            """)
        bind(rows, point, from.milliseconds, to.milliseconds, limit)
        var changes: [HistoryChange] = []
        while try rows.step() {
            changes.append(
                HistoryChange(
                    time: WallTime(milliseconds: rows.integer(0)), number: rows.isNull(1) ? nil : rows.double(1),
                    quality: Quality(rawValue: UInt8(clamping: rows.integer(2))) ?? .failed))
        }
        return changes
    }

    /// The minutes within the time, oldest first; they last for weeks. The running minute comes when it ends.
    public func minutes(of point: String, from: WallTime, to: WallTime, limit: Int = 100_000) throws(StorageFault)
        -> [HistoryMinute]
    {
        guard let database = try opened() else { return [] }
        let rows = try database.connection.prepare(
            """
            SELECT minute, minimum, mean, maximum, count FROM minutes
            WHERE point=(SELECT number FROM points WHERE name=?) AND minute BETWEEN ? AND ? ORDER BY minute LIMIT ?
            """)
        bind(rows, point, from.milliseconds / 60_000, to.milliseconds / 60_000, limit)
        var minutes: [HistoryMinute] = []
        while try rows.step() {
            minutes.append(
                HistoryMinute(
                    name: point, start: WallTime(milliseconds: rows.integer(0) * 60_000), minimum: rows.double(1),
                    mean: rows.double(2), maximum: rows.double(3), count: Int(rows.integer(4))))
        }
        return minutes
    }

    /// What several points read within one minute (counted from 1970); points without a change in it are left out.
    public func minute(_ minute: Int64, of names: [String]) throws(StorageFault) -> [HistoryMinute] {
        var found: [HistoryMinute] = []
        let start = WallTime(milliseconds: minute * 60_000)
        for name in names { found += try minutes(of: name, from: start, to: start, limit: 1) }
        return found
    }

    /// The critical events whose surroundings are kept at full rate: number, from, to.
    public func blackBoxes() throws(StorageFault) -> [(sequence: UInt64, from: WallTime, to: WallTime)] {
        guard let database = try opened() else { return [] }
        let rows = try database.connection.prepare(
            "SELECT sequence, from_time, to_time FROM blackbox ORDER BY sequence")
        var boxes: [(sequence: UInt64, from: WallTime, to: WallTime)] = []
        while try rows.step() {
            boxes.append(
                (
                    UInt64(max(0, rows.integer(0))), WallTime(milliseconds: rows.integer(1)),
                    WallTime(milliseconds: rows.integer(2))
                ))
        }
        return boxes
    }

    private func bind(_ rows: borrowing Statement, _ point: String, _ from: Int64, _ to: Int64, _ limit: Int) {
        rows.bind(1, point)
        rows.bind(2, from)
        rows.bind(3, to)
        rows.bind(4, Int64(limit))
    }

    /// Nil while there is no file; opened again when another stands in its place.
    private func opened() throws(StorageFault) -> JournalDatabase? {
        if let open = database, open.connection.hasMoved { database = nil }
        if database == nil {
            if unsafe access(path, F_OK) != 0 { return nil }
            let fresh = try JournalDatabase(path)
            let tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('points','changes','minutes','blackbox')"
            guard try fresh.connection.number(tables) == 4 else { return nil }
            database = fresh
        }
        return database
    }
}
