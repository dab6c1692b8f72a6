internal import CSQLite
internal import Platform
internal import Site

/// The file of events. One thread owns it; readers open connections of their own.
final class EventStore {
    let path: String
    private let database: Database
    private let insert: Statement
    private let saveState: Statement
    private let saveCursor: Statement
    private let saveCheckpoint: Statement
    private let begin: Statement
    private let commit: Statement
    private(set) var head: ChainHead
    private var pagesFolded: Int32 = 0

    /// Pages of the write-ahead log before it is folded into the file: SQLite's own default.
    private static let pagesInLog: Int32 = 1000
    /// A page of 4,096 bytes and its frame's 24, and the log's own 32 (sqlite.org/fileformat2.html).
    private static let logBytes = 32 + Int(pagesInLog) * (4096 + 24)

    private static let schema = """
        CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS events(
          sequence INTEGER PRIMARY KEY, wall INTEGER NOT NULL, boot INTEGER NOT NULL, kind TEXT NOT NULL,
          severity INTEGER NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, evidence TEXT NOT NULL, actor TEXT,
          hash BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS checkpoints(
          sequence INTEGER PRIMARY KEY, wall INTEGER NOT NULL, hash BLOB NOT NULL, signature BLOB, key TEXT);
        CREATE TABLE IF NOT EXISTS cursors(name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS state(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
        """

    /// Opens or makes the file. A new one continues the chain from `start` (after a file was lost).
    init(_ path: String, continuing start: ChainHead) throws(StorageFault) {
        self.path = path
        database = try Database(path, .readWrite)
        try database.run("PRAGMA auto_vacuum=INCREMENTAL")
        let mode = try database.text("PRAGMA journal_mode=WAL")
        guard mode == "wal" else { throw StorageFault(SQLITE_CANTOPEN, "\(path): no write-ahead log here (\(mode))") }
        try database.run("PRAGMA synchronous=FULL")
        // Folded by `foldIfDue`: within a commit it would hold up the event that happens to be the thousandth.
        try database.run("PRAGMA wal_autocheckpoint=0")
        try database.run(EventStore.schema)
        let version = try database.number("SELECT value FROM meta WHERE name='schema'")
        if version == 0 {
            let base = try database.prepare("INSERT INTO meta VALUES('base', ?),('base-hash', ?),('schema', 1)")
            base.bind(1, Int64(bitPattern: start.sequence))
            base.bind(2, blob: start.hash)
            try base.run()
        } else if version != 1 {
            throw StorageFault(SQLITE_ERROR, "\(path): made by a newer version (schema \(version))")
        }
        insert = try database.prepare("INSERT INTO events VALUES(?,?,?,?,?,?,?,?,?,?)")
        saveState = try database.prepare("INSERT OR REPLACE INTO state VALUES(?,?)")
        saveCursor = try database.prepare("INSERT OR REPLACE INTO cursors VALUES(?,?)")
        saveCheckpoint = try database.prepare("INSERT OR REPLACE INTO checkpoints VALUES(?,?,?,?,?)")
        begin = try database.prepare("BEGIN IMMEDIATE")
        commit = try database.prepare("COMMIT")
        head = try EventStore.readHead(database)
        // What a killed run left goes into the file, so that the log is written from its beginning again.
        try? database.run("PRAGMA wal_checkpoint(PASSIVE)")
        StorageFolder.grow(path + "-wal", to: EventStore.logBytes)
    }

    /// Of a file that cannot be written.
    static func head(reading path: String) throws(StorageFault) -> ChainHead {
        try readHead(try Database.reading(path))
    }

    private static func readHead(_ database: borrowing Database) throws(StorageFault) -> ChainHead {
        let last = try database.prepare("SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1")
        if try last.step() { return ChainHead(sequence: UInt64(last.integer(0)), hash: last.bytes(1)) }
        let base = try database.prepare(
            "SELECT (SELECT value FROM meta WHERE name='base'), (SELECT value FROM meta WHERE name='base-hash')")
        guard try base.step() else { return ChainHead() }
        return ChainHead(sequence: UInt64(base.integer(0)), hash: base.bytes(1))
    }

    // MARK: - Writing

    /// All of it, or nothing of it, is in the file when this returns.
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

    func add(_ row: EventRow) throws(StorageFault) {
        insert.bind(1, Int64(bitPattern: row.sequence))
        insert.bind(2, row.wall)
        insert.bind(3, row.boot)
        insert.bind(5, Int64(row.severity))
        var fault: StorageFault?
        unsafe row.bytes.withUnsafeBytes { bytes in
            unsafe row.hash.withUnsafeBytes { hash in
                func text(_ field: Int) -> UnsafeRawBufferPointer {
                    unsafe UnsafeRawBufferPointer(rebasing: bytes[row.fields[field]])
                }
                unsafe insert.bind(4, textInPlace: text(0))
                unsafe insert.bind(6, textInPlace: text(1))
                unsafe insert.bind(7, textInPlace: text(2))
                unsafe insert.bind(8, textInPlace: text(3))
                if row.hasActor { unsafe insert.bind(9, textInPlace: text(4)) } else { insert.bindNull(9) }
                unsafe insert.bind(10, blobInPlace: hash)
                do throws(StorageFault) { try insert.run() } catch { fault = error }
            }
        }
        if let fault { throw fault }
    }

    /// After a transaction that added rows up to here.
    func advance(to head: ChainHead) { self.head = head }

    func save(state name: String, _ value: [UInt8]) throws(StorageFault) {
        saveState.bind(1, name)
        saveState.bind(2, blob: value)
        try saveState.run()
    }

    func save(cursor name: String, _ sequence: UInt64) throws(StorageFault) {
        saveCursor.bind(1, name)
        saveCursor.bind(2, Int64(bitPattern: sequence))
        try saveCursor.run()
    }

    func save(checkpoint: Checkpoint) throws(StorageFault) {
        saveCheckpoint.bind(1, Int64(bitPattern: checkpoint.sequence))
        saveCheckpoint.bind(2, checkpoint.wall)
        saveCheckpoint.bind(3, blob: checkpoint.hash)
        if let signature = checkpoint.signature {
            saveCheckpoint.bind(4, blob: signature)
            saveCheckpoint.bind(5, checkpoint.key ?? "")
        } else {
            saveCheckpoint.bindNull(4)
            saveCheckpoint.bindNull(5)
        }
        try saveCheckpoint.run()
    }

    func state(_ name: String) throws(StorageFault) -> [UInt8]? {
        let statement = try database.prepare("SELECT value FROM state WHERE name=?")
        statement.bind(1, name)
        return try statement.step() ? statement.bytes(0) : nil
    }

    func hash(at sequence: UInt64) throws(StorageFault) -> [UInt8]? {
        let statement = try database.prepare("SELECT hash FROM events WHERE sequence=?")
        statement.bind(1, Int64(bitPattern: sequence))
        return try statement.step() ? statement.bytes(0) : nil
    }

    var isEmpty: Bool { ((try? database.number("SELECT count(*) FROM (SELECT 1 FROM events LIMIT 1)")) ?? 1) == 0 }

    // MARK: - Keeping it small

    func byteCount() throws(StorageFault) -> Int {
        let pages = try database.number("PRAGMA page_count") - database.number("PRAGMA freelist_count")
        return Int(try database.number("PRAGMA page_size") * pages)
    }

    /// The oldest events give way until a tenth of the room is free; returns how many went. What is left
    /// still is a chain: its base moves.
    func prune(to bytesMax: Int) throws(StorageFault) -> Int {
        let bytes = try byteCount()
        guard bytes > bytesMax else { return 0 }
        let first = try database.number("SELECT min(sequence) FROM events")
        let count = try database.number("SELECT max(sequence) FROM events") - first + 1
        let share = Double(bytes - bytesMax * 9 / 10) / Double(bytes)
        let last = first + Int64(Double(count) * min(0.9, share))
        guard last > first else { return 0 }
        try transaction { () throws(StorageFault) in
            try database.run(
                """
                UPDATE meta SET value=\(last) WHERE name='base';
                UPDATE meta SET value=(SELECT hash FROM events WHERE sequence=\(last)) WHERE name='base-hash';
                INSERT OR REPLACE INTO meta VALUES('pruned', \
                  coalesce((SELECT value FROM meta WHERE name='pruned'), 0) + \(last - first + 1));
                DELETE FROM checkpoints WHERE sequence<=\(last);
                DELETE FROM events WHERE sequence<=\(last);
                """)
        }
        try database.run("PRAGMA incremental_vacuum")
        return Int(last - first + 1)
    }

    var hasMoved: Bool { database.hasMoved }

    /// The file may not grow beyond this many pages: a full disk, for tests.
    func limitPages(_ pages: Int) throws(StorageFault) { try database.run("PRAGMA max_page_count=\(pages)") }

    /// Folds the write-ahead log into the file, so that a copy of the one file is whole.
    func fold() { try? database.run("PRAGMA wal_checkpoint(TRUNCATE)") }

    /// Between two batches, when the log has become long; readers that still read keep what they read.
    func foldIfDue() {
        guard database.pagesWritten - pagesFolded >= EventStore.pagesInLog else { return }
        pagesFolded = database.pagesWritten
        try? database.run("PRAGMA wal_checkpoint(PASSIVE)")
    }

    func looksWhole() throws(StorageFault) -> Bool { try database.text("PRAGMA quick_check(1)") == "ok" }
}
