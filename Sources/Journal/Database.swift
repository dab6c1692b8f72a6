internal import CSQLite

/// Why SQLite could not do what was asked, sorted by what helps.
public struct StorageFault: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// The disk is full.
        case full
        /// The file, or the disk under it, can only be read.
        case readOnly
        /// The disk does not do what it is told.
        case inputOutput
        /// The file is not what was written: it is put aside.
        case corrupt
        /// Another program holds the file.
        case busy
        case cannotOpen
        case other
    }
    public let kind: Kind
    public let code: Int32
    public let text: String

    public var description: String { text }

    init(_ code: Int32, _ text: String) {
        self.code = code
        self.text = text
        kind =
            switch code & 0xFF {
            case SQLITE_FULL: .full
            case SQLITE_READONLY: .readOnly
            case SQLITE_IOERR: .inputOutput
            case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
            case SQLITE_BUSY, SQLITE_LOCKED: .busy
            case SQLITE_CANTOPEN, SQLITE_PERM: .cannotOpen
            default: .other
            }
    }
}

/// One connection, used by one thread; closed with its owner.
@safe struct Database: ~Copyable {
    private let handle: OpaquePointer

    /// `asItStands`: a file that nobody can be writing, because its disk or its folder takes no writes; the
    /// log beside it, which a reader would have to fold in, is left out.
    enum Access { case readWrite, readOnly, asItStands }

    init(_ path: String, _ access: Access) throws(StorageFault) {
        // One thread owns it, so SQLite needs no mutex of its own.
        let flags =
            SQLITE_OPEN_NOMUTEX
            | (access == .readWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY)
            | (access == .asItStands ? SQLITE_OPEN_URI : 0)
        let name = access == .asItStands ? "file:" + Database.escaped(path) + "?immutable=1" : path
        var opened: OpaquePointer?
        let code = unsafe sqlite3_open_v2(name, &opened, flags, nil)
        guard let handle = unsafe opened else { throw StorageFault(code, "\(path): no memory for SQLite") }
        if code != SQLITE_OK {
            let text = unsafe String(cString: sqlite3_errmsg(handle))
            unsafe sqlite3_close_v2(handle)
            throw StorageFault(code, "\(path): \(text)")
        }
        unsafe self.handle = handle
        unsafe sqlite3_extended_result_codes(handle, 1)
        // A technician's sqlite3 may hold the file for a moment.
        unsafe sqlite3_busy_timeout(handle, 1000)
        // SQLite's own measure is 2 MiB a connection, and there are several.
        unsafe sqlite3_exec(handle, "PRAGMA cache_size=-256", nil, nil, nil)
    }

    /// For reading, while the agent writes it, after it, or on a disk that can only be read.
    static func reading(_ path: String) throws(StorageFault) -> Database {
        do throws(StorageFault) { return try looked(path, .readOnly) } catch {
            guard error.kind == .cannotOpen || error.kind == .readOnly else { throw error }
            return try looked(path, .asItStands)
        }
    }

    /// SQLite opens a file with the first look into it.
    private static func looked(_ path: String, _ access: Access) throws(StorageFault) -> Database {
        let opened = try Database(path, access)
        _ = try opened.number("SELECT count(*) FROM sqlite_master")
        return opened
    }

    private static func escaped(_ path: String) -> String {
        var escaped = ""
        for character in path {
            switch character {
            case "%": escaped += "%25"
            case "?": escaped += "%3f"
            case "#": escaped += "%23"
            default: escaped.append(character)
            }
        }
        return escaped
    }

    deinit { unsafe sqlite3_close_v2(handle) }

    func run(_ sql: String) throws(StorageFault) { try check(unsafe sqlite3_exec(handle, sql, nil, nil, nil)) }

    func prepare(_ sql: String) throws(StorageFault) -> Statement {
        var made: OpaquePointer?
        try check(unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil))
        guard let made = unsafe made else { throw StorageFault(SQLITE_ERROR, "empty statement") }
        return unsafe Statement(owning: made)
    }

    /// One whole number, such as a pragma's.
    func number(_ sql: String) throws(StorageFault) -> Int64 {
        let statement = try prepare(sql)
        return try statement.step() ? statement.integer(0) : 0
    }

    func text(_ sql: String) throws(StorageFault) -> String {
        let statement = try prepare(sql)
        return try statement.step() ? statement.text(0) : ""
    }

    /// True once somebody has removed or replaced the file under the open connection.
    var hasMoved: Bool {
        var moved: Int32 = 0
        let code = unsafe sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved)
        return code == SQLITE_OK && moved != 0
    }

    /// Pages that this connection has written so far.
    var pagesWritten: Int32 {
        var now: Int32 = 0
        var highest: Int32 = 0
        _ = unsafe sqlite3_db_status(handle, SQLITE_DBSTATUS_CACHE_WRITE, &now, &highest, 0)
        return now
    }

    var lastFault: StorageFault {
        unsafe StorageFault(sqlite3_extended_errcode(handle), String(cString: sqlite3_errmsg(handle)))
    }

    func check(_ code: Int32) throws(StorageFault) {
        if code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW { throw lastFault }
    }
}

/// One prepared statement; finalised with its owner.
@safe struct Statement: ~Copyable {
    private let handle: OpaquePointer

    init(owning handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe sqlite3_finalize(handle) }

    /// Places count from 1, as in SQL.
    func bind(_ place: Int32, _ number: Int64) { unsafe sqlite3_bind_int64(handle, place, number) }
    func bind(_ place: Int32, _ number: Double) { unsafe sqlite3_bind_double(handle, place, number) }
    func bindNull(_ place: Int32) { unsafe sqlite3_bind_null(handle, place) }
    func bind(_ place: Int32, _ text: String) {
        var text = text
        text.withUTF8 { bytes in
            _ = unsafe bytes.withMemoryRebound(to: CChar.self) {
                unsafe csqlite_bind_text_copied(handle, place, $0.baseAddress, Int32($0.count))
            }
        }
    }
    func bind(_ place: Int32, blob: [UInt8]) {
        _ = unsafe blob.withUnsafeBytes {
            unsafe csqlite_bind_blob_copied(handle, place, $0.baseAddress, Int32($0.count))
        }
    }

    /// Text or bytes that the caller keeps in place until the next `reset`: nothing is copied.
    func bind(_ place: Int32, textInPlace bytes: UnsafeRawBufferPointer) {
        // An empty text has no address, and no address would be NULL.
        if unsafe bytes.isEmpty { return bind(place, "") }
        unsafe sqlite3_bind_text(
            handle, place, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), nil)
    }
    func bind(_ place: Int32, blobInPlace bytes: UnsafeRawBufferPointer) {
        unsafe sqlite3_bind_blob(handle, place, bytes.baseAddress, Int32(bytes.count), nil)
    }

    /// True: there is a row to look at.
    func step() throws(StorageFault) -> Bool {
        switch unsafe sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let database = unsafe sqlite3_db_handle(handle)
            let fault = unsafe StorageFault(
                sqlite3_extended_errcode(database), String(cString: sqlite3_errmsg(database)))
            reset()
            throw fault
        }
    }

    func run() throws(StorageFault) {
        while try step() {}
        reset()
    }

    func reset() { unsafe sqlite3_reset(handle) }

    /// Columns count from 0, as in SQLite's C interface.
    func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }
    func double(_ column: Int32) -> Double { unsafe sqlite3_column_double(handle, column) }
    func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(handle, column) == SQLITE_NULL }
    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }
    func bytes(_ column: Int32) -> [UInt8] {
        let count = Int(unsafe sqlite3_column_bytes(handle, column))
        guard count > 0, let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}
