import CSQLite
import Glibc
import Journal
import Platform
import Site
import Synchronization

/// The journal beside a bare SQLite loop with the same pragmas, the same columns and the same bytes.
enum JournalBench {
    static let all = [
        Benchmark("journal.rows") { try rows() }
    ]

    private static let batch = 100
    private static let batches = 1000

    private static func rows() throws -> [Figure] {
        let folder = "/var/tmp/mdc-bench-journal-\(getpid())"
        defer { remove(folder) }
        var ours: [Double] = []
        var bare: [Double] = []
        // In turns, so that a neighbour's load hits both.
        for _ in 0..<3 {
            remove(folder)
            unsafe mkdir(folder, 0o755)
            bare.append(try bareLoop(folder + "/bare.sqlite"))
            ours.append(try room(folder))
        }
        ours.sort()
        bare.sort()
        let (mine, theirs) = (ours[1], bare[1])
        return [
            Figure(
                "journal, batches of 100", mine, "rows/s", goal: "at least 80 % of the bare SQLite loop",
                isMet: mine >= theirs * 0.8, peer: ("bare SQLite, WAL, FULL", theirs))
        ]
    }

    private static func remove(_ folder: String) {
        for name in (try? namesInFolder(folder)) ?? [] { _ = unsafe unlink(folder + "/" + name) }
        _ = unsafe rmdir(folder)
    }

    private static func drafts() -> [EventDraft] {
        let now = SystemTime().now()
        // About 200 bytes a row with its numbers, as in the reference figures.
        return (0..<batch).map { n in
            EventDraft(
                time: now, kind: .alarmRaised, severity: .major, subject: "device\(n).temperature.supply",
                text: "supply air of the cooling unit is above the recommended range",
                evidence: [Evidence("device.temperature.supply", "31.25 C, 140 ms old")])
        }
    }

    /// Batches handed over one after the other; the next when the last is durable.
    private static func room(_ folder: String) throws -> Double {
        let done = try Wakeup()
        let durable = Atomic<UInt64>(0)
        let room = try JournalRoom(plan: JournalPlan(folder: folder, checkpointEvery: 10_000), time: SystemTime()) {
            told in
            durable.store(told.isDurable ? told.ticket : 0, ordering: .releasing)
            done.signal()
        }
        try room.start()
        defer { room.stop() }
        let drafts = drafts()
        func wait(_ ticket: UInt64) throws {
            while durable.load(ordering: .acquiring) < ticket {
                var wait = pollfd(fd: done.descriptor.raw, events: Int16(POLLIN), revents: 0)
                if unsafe poll(&wait, 1, 10_000) <= 0 { throw Benchmark.Skipped("the journal does not answer") }
                done.drain()
            }
        }
        try wait(room.append(drafts))
        let start = SystemTime.monotonic
        // Two batches under way: the next waits in the inbox while one is written, as in a storm of events.
        var last: UInt64 = 0
        for _ in 0..<batches {
            let ticket = room.append(drafts)
            try wait(last)
            last = ticket
        }
        try wait(last)
        return Double(batch * batches) / (SystemTime.monotonic - start).seconds
    }

    private static func bareLoop(_ path: String) throws -> Double {
        var opened: OpaquePointer?
        guard unsafe sqlite3_open(path, &opened) == SQLITE_OK, let database = unsafe opened else {
            throw Benchmark.Skipped("\(path) cannot be opened")
        }
        defer { unsafe sqlite3_close_v2(database) }
        let schema = """
            PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
            CREATE TABLE events(
              sequence INTEGER PRIMARY KEY, wall INTEGER, boot INTEGER, kind TEXT, severity INTEGER, subject TEXT,
              text TEXT, evidence TEXT, actor TEXT, hash BLOB)
            """
        unsafe sqlite3_exec(database, schema, nil, nil, nil)
        var made: OpaquePointer?
        unsafe sqlite3_prepare_v2(database, "INSERT INTO events VALUES(?,?,?,?,?,?,?,?,?,?)", -1, &made, nil)
        guard let insert = unsafe made else { throw Benchmark.Skipped("SQLite cannot prepare") }
        defer { unsafe sqlite3_finalize(insert) }
        let texts = [
            (4, "alarm.raised"), (6, "device50.temperature.supply"),
            (7, "supply air of the cooling unit is above the recommended range"),
            (8, "[[\"device.temperature.supply\",\"31.25 C, 140 ms old\"]]"),
        ].map { (place: Int32($0.0), bytes: Array($0.1.utf8)) }
        for text in texts {
            unsafe text.bytes.withUnsafeBytes { bytes in
                _ = unsafe csqlite_bind_text_copied(
                    insert, text.place, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count))
            }
        }
        let hash = [UInt8](repeating: 7, count: 32)
        _ = unsafe csqlite_bind_blob_copied(insert, 10, hash, 32)
        var sequence: Int64 = 0
        let start = SystemTime.monotonic
        for _ in 0..<batches {
            unsafe sqlite3_exec(database, "BEGIN", nil, nil, nil)
            for _ in 0..<batch {
                sequence += 1
                unsafe sqlite3_bind_int64(insert, 1, sequence)
                unsafe sqlite3_bind_int64(insert, 2, 1_795_645_683_120)
                unsafe sqlite3_bind_int64(insert, 3, 1_000_000_000)
                unsafe sqlite3_bind_int64(insert, 5, 3)
                guard unsafe sqlite3_step(insert) == SQLITE_DONE else { throw Benchmark.Skipped("SQLite failed") }
                unsafe sqlite3_reset(insert)
            }
            unsafe sqlite3_exec(database, "COMMIT", nil, nil, nil)
        }
        return Double(batch * batches) / (SystemTime.monotonic - start).seconds
    }
}
