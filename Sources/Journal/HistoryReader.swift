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

    public init(folder: String) { path = folder + "/history.sqlite" }

    /// Every point that was ever recorded, in the order in which they first were.
    public func names() throws(StorageFault) -> [String] {
        guard let database = try opened() else { return [] }
        let rows = try database.connection.prepare("SELECT name FROM points ORDER BY number")
        var names: [String] = []
        while try rows.step() { names.append(rows.text(0)) }
        return names
    }

    /// Every change within the time, oldest first; full rate lasts for hours, and around critical events.
    public func changes(of point: String, from: WallTime, to: WallTime, limit: Int = 100_000) throws(StorageFault)
        -> [HistoryChange]
    {
        try changes(of: [point], from: from, to: to, limit: limit).map(\.change)
    }

    /// The same of several points, as one story.
    public func changes(of points: [String], from: WallTime, to: WallTime, limit: Int = 100_000)
        throws(StorageFault) -> [(name: String, change: HistoryChange)]
    {
        guard let database = try opened() else { return [] }
        var names: [UInt64: String] = [:]
        for point in points {
            if let number = try number(of: point, database) { names[UInt64(number)] = point }
        }
        if names.isEmpty { return [] }
        let wanted = Set(names.keys)
        let rows = try database.connection.prepare(
            "SELECT from_time, data FROM chunks WHERE to_time >= ? AND from_time <= ? ORDER BY id")
        rows.bind(1, from.milliseconds)
        rows.bind(2, to.milliseconds)
        var changes: [(name: String, change: HistoryChange)] = []
        var isInOrder = true
        while try rows.step() {
            HistoryChunk.read(rows.bytes(1), from: rows.integer(0), of: wanted) { point, change in
                guard change.time >= from, change.time <= to, let name = names[point] else { return }
                if let last = changes.last, last.change.time > change.time { isInOrder = false }
                changes.append((name, change))
            }
            if isInOrder, changes.count >= limit { break }
        }
        if !isInOrder { changes.sort { $0.change.time < $1.change.time } }
        return Array(changes.prefix(limit))
    }

    private func number(of point: String, _ database: JournalDatabase) throws(StorageFault) -> Int64? {
        let row = try database.connection.prepare("SELECT number FROM points WHERE name=?")
        row.bind(1, point)
        return try row.step() ? row.integer(0) : nil
    }

    /// The minutes within the time, oldest first; they last for weeks. The running minute comes when it ends.
    public func minutes(of point: String, from: WallTime, to: WallTime, limit: Int = 100_000) throws(StorageFault)
        -> [HistoryMinute]
    {
        guard let database = try opened(), let number = try number(of: point, database) else { return [] }
        let first = max(
            try database.connection.number("SELECT min(minute) FROM minutes"), from.milliseconds / 60_000)
        let last = min(try database.connection.number("SELECT max(minute) FROM minutes"), to.milliseconds / 60_000)
        if first > last { return [] }
        // Minute by minute, because that is how they are kept.
        let rows = try database.connection.prepare(
            """
            WITH RECURSIVE wanted(minute) AS (SELECT ?1 UNION ALL SELECT minute + 1 FROM wanted WHERE minute < ?2)
            SELECT minutes.minute, minimum, mean, maximum, count FROM wanted CROSS JOIN minutes
            ON minutes.minute = wanted.minute AND point = ?3 LIMIT ?4
            """)
        rows.bind(1, first)
        rows.bind(2, last)
        rows.bind(3, number)
        rows.bind(4, Int64(limit))
        var minutes: [HistoryMinute] = []
        while try rows.step() {
            minutes.append(HistoryReader.minute(rows.integer(0), of: point, rows))
        }
        return minutes
    }

    /// What several points read within one minute (counted from 1970); points without a change in it are left out.
    public func minute(_ minute: Int64, of names: [String]) throws(StorageFault) -> [HistoryMinute] {
        guard let database = try opened() else { return [] }
        // A minute stands in one place: it is read whole, and once. Asked for by name, 500 points took 0.1 s.
        let rows = try database.connection.prepare(
            """
            SELECT name, minimum, mean, maximum, count FROM minutes JOIN points ON points.number = minutes.point
            WHERE minute = ? ORDER BY minutes.point
            """)
        rows.bind(1, minute)
        let wanted = Set(names)
        var found: [HistoryMinute] = []
        while try rows.step() {
            let name = rows.text(0)
            guard wanted.contains(name) else { continue }
            found.append(HistoryReader.minute(minute, of: name, rows))
        }
        return found
    }

    /// From the second column on: minimum, mean, maximum, count.
    private static func minute(_ minute: Int64, of name: String, _ rows: borrowing Statement) -> HistoryMinute {
        HistoryMinute(
            name: name, start: WallTime(milliseconds: minute * 60_000), minimum: rows.double(1),
            mean: rows.double(2), maximum: rows.double(3), count: Int(rows.integer(4)))
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

    /// Nil while there is no file. Opened for each question: one that is kept open on a disk that only reads
    /// would keep the whole process from writing after it.
    private func opened() throws(StorageFault) -> JournalDatabase? {
        if unsafe access(path, F_OK) != 0 { return nil }
        let fresh = try JournalDatabase(path)
        let tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('points','chunks','minutes','blackbox')"
        // A file that is just being made: its tables come in a moment.
        return try fresh.connection.number(tables) == 4 ? fresh : nil
    }
}
