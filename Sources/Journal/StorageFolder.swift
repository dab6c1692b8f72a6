internal import Glibc
internal import Platform
internal import Site

/// The few things done to files beside SQLite.
enum StorageFolder {
    /// Room that is given back when the disk is full, so that alarms still find some.
    private static let reserveBytes = 2 << 20

    /// So many damaged files are kept of each kind: the first, which tells how it began, and the newest.
    static let asideMax = 4

    /// Renames a database with its companions; returns the new name.
    static func putAside(_ path: String, _ now: WallTime) -> String {
        makeRoom(path)
        let aside = "\(path).damaged-\(now.milliseconds)"
        for suffix in ["", "-wal", "-shm"] { _ = unsafe rename(path + suffix, aside + suffix) }
        return aside
    }

    /// A disk that damages one file after the other must not fill up with them.
    private static func makeRoom(_ path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let folder = parts.dropLast().joined(separator: "/")
        let prefix = (parts.last.map(String.init) ?? "") + ".damaged-"
        let names = (try? namesInFolder(folder.isEmpty ? "." : folder)) ?? []
        let aside = names.filter { $0.hasPrefix(prefix) && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") }.sorted()
        for name in aside.dropFirst().dropLast(asideMax - 2) {
            for suffix in ["", "-wal", "-shm"] { _ = unsafe unlink("\(folder)/\(name)\(suffix)") }
        }
    }

    static func reserve(_ path: String) {
        var found = stat()
        if unsafe stat(path, &found) == 0, found.st_size >= reserveBytes { return }
        guard let file = try? FileDescriptor.open(path, O_WRONLY | O_CREAT | O_CLOEXEC) else { return }
        if posix_fallocate(file.raw, 0, reserveBytes) != 0 { _ = unsafe unlink(path) }
    }

    static func release(_ path: String) { _ = unsafe unlink(path) }

    /// Room below which no file is made larger than it must be.
    private static let amplyFree: UInt = 64 << 20

    /// Gives a file its later size now, with zeros: while a file grows, every sync of it waits for the file
    /// system's own journal too. Left as it is on a disk without ample room.
    static func grow(_ path: String, to bytes: Int) {
        var room = statvfs()
        guard unsafe statvfs(path, &room) == 0, room.f_bavail * room.f_frsize > amplyFree,
            let file = try? FileDescriptor.open(path, O_WRONLY | O_CLOEXEC)
        else { return }
        let start = lseek(file.raw, 0, SEEK_END)
        guard start >= 0, start < bytes else { return }
        let zeros = [UInt8](repeating: 0, count: bytes - start)
        if (try? file.writeAll(zeros)) == nil { ftruncate(file.raw, start) }
    }
}

/// The chain's head beside the database: what tells a cut file from a whole one.
struct HeadFile {
    private let path: String
    init(_ path: String) { self.path = path }

    func write(_ checkpoint: Checkpoint) {
        var writer = ByteWriter(capacity: 512)
        writer.beginObject()
        writer.field("sequence", checkpoint.sequence)
        writer.field("wall", checkpoint.wall)
        writer.field("hash", hexText(checkpoint.hash))
        if let signature = checkpoint.signature, let key = checkpoint.key {
            writer.field("signature", hexText(signature))
            writer.field("key", key)
        }
        writer.endObject()
        writer.append("\n")
        // Written whole under another name: a reader never sees half of it.
        let fresh = path + ".new"
        guard let file = try? FileDescriptor.open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC) else { return }
        guard (try? file.writeAll(writer.bytes)) != nil else { return }
        _ = unsafe rename(fresh, path)
    }

    func read() -> Checkpoint? {
        guard let bytes = try? readFile(path, limit: 4096), let json = try? JSON.parse(bytes),
            let sequence = json["sequence"]?.number, let wall = json["wall"]?.number,
            let hash = json["hash"]?.string.flatMap(bytesOfHex), hash.count == 32
        else { return nil }
        return Checkpoint(
            sequence: UInt64(sequence), wall: Int64(wall), hash: hash,
            signature: json["signature"]?.string.flatMap(bytesOfHex), key: json["key"]?.string)
    }
}

func bytesOfHex(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for at in stride(from: 0, to: digits.count, by: 2) {
        guard let byte = UInt8(String(decoding: digits[at..<at + 2], as: UTF8.self), radix: 16) else { return nil }
        bytes.append(byte)
    }
    return bytes
}
