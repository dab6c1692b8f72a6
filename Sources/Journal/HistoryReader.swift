internal import Glibc

/// Minimum, mean and maximum of one point within one minute.
public struct HistoryMinute: Equatable, Sendable {
    public var name: String
    public var minimum: Double
    public var mean: Double
    public var maximum: Double
    public var count: Int
    public init(name: String, minimum: Double, mean: Double, maximum: Double, count: Int) {
        self.name = name
        self.minimum = minimum
        self.mean = mean
        self.maximum = maximum
        self.count = count
    }
}

/// Reads the history while the agent writes it, or alone. One reader for each thread.
public final class HistoryReader {
    private final class Open {
        let connection: Database
        let find: Statement

        init(_ path: String) throws(StorageFault) {
            connection = try Database(path, .readOnly)
            find = try connection.prepare(
                """
                SELECT minimum, mean, maximum, count FROM minutes
                WHERE point=(SELECT number FROM points WHERE name=?) AND minute=?
                """)
        }

        func minute(_ minute: Int64, of names: [String]) throws(StorageFault) -> [HistoryMinute] {
            var found: [HistoryMinute] = []
            for name in names {
                find.bind(1, name)
                find.bind(2, minute)
                if try find.step() {
                    found.append(
                        HistoryMinute(
                            name: name, minimum: find.double(0), mean: find.double(1), maximum: find.double(2),
                            count: Int(find.integer(3))))
                }
                find.reset()
            }
            return found
        }
    }

    private let path: String
    private var open: Open?

    public init(folder: String) { path = folder + "/history.sqlite" }

    /// What those points read within one minute (counted from 1970); points without a change then are left out.
    public func minute(_ minute: Int64, of names: [String]) throws(StorageFault) -> [HistoryMinute] {
        if let open, open.connection.hasMoved { self.open = nil }
        if open == nil {
            if unsafe access(path, F_OK) != 0 { return [] }
            open = try Open(path)
        }
        return try open?.minute(minute, of: names) ?? []
    }
}
