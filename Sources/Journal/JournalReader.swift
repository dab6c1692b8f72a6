internal import Glibc
public import Platform
public import Site
internal import Synchronization

/// Reads the journal, while the agent writes it or alone. One reader for each thread.
public final class JournalReader {
    public struct Filter: Equatable, Sendable {
        /// Only events after this sequence.
        public var since: UInt64
        public var notBefore: WallTime?
        public var minimumSeverity: Severity
        /// Empty: all.
        public var kinds: [EventKind]
        /// A dotted path: itself and what lies under it. Empty: all.
        public var subject: String

        public init(
            since: UInt64 = 0, notBefore: WallTime? = nil, minimumSeverity: Severity = .info, kinds: [EventKind] = [],
            subject: String = ""
        ) {
            self.since = since
            self.notBefore = notBefore
            self.minimumSeverity = minimumSeverity
            self.kinds = kinds
            self.subject = subject
        }
    }

    public let path: String
    private let memory: EventMemory?
    private var database: JournalDatabase?

    public init(folder: String) {
        path = folder + "/journal.sqlite"
        memory = nil
    }

    init(folder: String, memory: EventMemory) {
        path = folder + "/journal.sqlite"
        self.memory = memory
    }

    /// In order of sequence, `limit` at most; what the file could not take yet comes last.
    public func events(_ filter: Filter = Filter(), limit: Int) throws(StorageFault) -> [Event] {
        try read(filter, limit: limit, newestFirst: false)
    }

    /// The newest `limit` that match, oldest of them first.
    public func newest(_ filter: Filter = Filter(), limit: Int) throws(StorageFault) -> [Event] {
        try read(filter, limit: limit, newestFirst: true)
    }

    public func lastSequence() throws(StorageFault) -> UInt64 {
        if let last = memory?.all.last { return last.sequence }
        return try withDatabase { (database) throws(StorageFault) in
            UInt64(max(0, try database.connection.number("SELECT max(sequence) FROM events")))
        } ?? 0
    }

    /// The first sequence that can still be read.
    public func firstSequence() throws(StorageFault) -> UInt64 {
        try withDatabase { (database) throws(StorageFault) in
            UInt64(max(0, try database.connection.number("SELECT min(sequence) FROM events")))
        } ?? memory?.all.first?.sequence ?? 0
    }

    /// Where a receiver has got to.
    public func cursor(_ name: String) throws(StorageFault) -> UInt64? {
        try withDatabase { (database) throws(StorageFault) -> UInt64? in
            let statement = try database.connection.prepare("SELECT sequence FROM cursors WHERE name=?")
            statement.bind(1, name)
            return try statement.step() ? UInt64(statement.integer(0)) : nil
        } ?? nil
    }

    /// What a room wanted remembered: "control".
    public func state(_ name: String) throws(StorageFault) -> [UInt8]? {
        try withDatabase { (database) throws(StorageFault) -> [UInt8]? in
            let statement = try database.connection.prepare("SELECT value FROM state WHERE name=?")
            statement.bind(1, name)
            return try statement.step() ? statement.bytes(0) : nil
        } ?? nil
    }

    // MARK: - Reading

    private func read(_ filter: Filter, limit: Int, newestFirst: Bool) throws(StorageFault) -> [Event] {
        let unsaved = memory?.all ?? []
        let matching = unsaved.filter { filter.matches($0) }
        var stored: [Event] = []
        do throws(StorageFault) {
            stored =
                try withDatabase { (database) throws(StorageFault) in
                    try database.events(filter, limit: limit, newestFirst: newestFirst)
                } ?? []
        } catch {
            // A file that cannot be read hides nothing that memory has.
            database = nil
            if unsaved.isEmpty { throw error }
        }
        // Between a commit and the memory's clearing an event may stand in both.
        let last = newestFirst ? stored.first?.sequence : stored.last?.sequence
        let rest = matching.filter { event in last.map { event.sequence > $0 } ?? true }
        if newestFirst { return Array((stored.reversed() + rest).suffix(limit)) }
        return Array((stored + rest).prefix(limit))
    }

    /// Nil while there is no file; opened again when another file stands in its place.
    private func withDatabase<Result>(_ body: (JournalDatabase) throws(StorageFault) -> Result) throws(StorageFault)
        -> Result?
    {
        defer { if memory?.isFileOpen.load(ordering: .acquiring) == false { database = nil } }
        if let open = database, open.connection.hasMoved { database = nil }
        if database == nil {
            if unsafe access(path, F_OK) != 0 { return nil }
            let opened = try JournalDatabase(path)
            // A file that is just being made: its tables come in a moment.
            guard try opened.hasTables() else { return nil }
            database = opened
        }
        guard let database else { return nil }
        return try body(database)
    }
}

extension JournalReader.Filter {
    public func matches(_ event: Event) -> Bool {
        event.sequence > since && event.severity >= minimumSeverity && (notBefore.map { event.wall >= $0 } ?? true)
            && (kinds.isEmpty || kinds.contains(event.kind))
            && (subject.isEmpty || event.subject == subject || event.subject.hasPrefix(subject + "."))
    }
}

/// One read-only connection with its statements.
final class JournalDatabase {
    let connection: Database

    init(_ path: String) throws(StorageFault) { connection = try Database.reading(path) }

    func hasTables() throws(StorageFault) -> Bool {
        try connection.number("SELECT count(*) FROM sqlite_master WHERE name IN ('events','cursors','state')") == 3
    }

    func events(_ filter: JournalReader.Filter, limit: Int, newestFirst: Bool) throws(StorageFault) -> [Event] {
        var sql = """
            SELECT sequence, wall, kind, severity, subject, text, evidence, actor, hash FROM events
            WHERE sequence>? AND severity>=?
            """
        if filter.notBefore != nil { sql += " AND wall>=?" }
        if !filter.kinds.isEmpty {
            sql += " AND kind IN (" + filter.kinds.map { "'\($0.rawValue)'" }.joined(separator: ",") + ")"
        }
        if !filter.subject.isEmpty { sql += " AND (subject=? OR substr(subject,1,length(?)+1)=?||'.')" }
        sql += newestFirst ? " ORDER BY sequence DESC LIMIT ?" : " ORDER BY sequence LIMIT ?"
        let statement = try connection.prepare(sql)
        statement.bind(1, Int64(clamping: filter.since))
        statement.bind(2, Int64(filter.minimumSeverity.rawValue))
        var place: Int32 = 3
        if let time = filter.notBefore {
            statement.bind(place, time.milliseconds)
            place += 1
        }
        if !filter.subject.isEmpty {
            for _ in 0..<3 {
                statement.bind(place, filter.subject)
                place += 1
            }
        }
        statement.bind(place, Int64(limit))
        var events: [Event] = []
        while try statement.step() {
            if let event = JournalDatabase.event(statement) { events.append(event) }
        }
        return events
    }

    /// A kind that this version does not know is of a newer one; it is left out here and counted by verify.
    private static func event(_ row: borrowing Statement) -> Event? {
        guard let kind = EventKind(rawValue: row.text(2)),
            let severity = Severity(rawValue: UInt8(clamping: row.integer(3)))
        else { return nil }
        return Event(
            sequence: UInt64(row.integer(0)), id: hexText(row.bytes(8).prefix(16)),
            wall: WallTime(milliseconds: row.integer(1)), kind: kind, severity: severity, subject: row.text(4),
            text: row.text(5), evidence: EventRow.evidence(row.text(6)), actor: row.isNull(7) ? nil : row.text(7))
    }
}
