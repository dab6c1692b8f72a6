internal import Glibc
internal import Platform

/// A small text that a restart must not forget, replaced whole. What goes wrong is kept for the status: a
/// full disk must not stop anything, and must not stay unseen.
struct StateFile {
    private let path: String?
    private(set) var trouble: String?
    private var written: [UInt8] = []

    /// Nil: nothing is kept.
    init(_ path: String?) { self.path = path }

    mutating func read() -> [UInt8] {
        guard let path else { return [] }
        do throws(SystemError) { written = try readFile(path, limit: 1 << 20) } catch {
            if error.code != ENOENT { trouble = error.description }
        }
        return written
    }

    /// Durable when it returns, unless there is trouble; what stands there already is not written again.
    mutating func write(_ text: String) {
        let bytes = Array(text.utf8)
        guard let path, bytes != written || trouble != nil else { return }
        do throws(SystemError) {
            let file = try FileDescriptor.open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
            try file.writeAll(bytes)
            fdatasync(file.raw)
            if unsafe rename(path + ".new", path) != 0 { throw SystemError("rename", path, code: errno) }
            written = bytes
            trouble = nil
        } catch {
            trouble = error.description
        }
    }
}
