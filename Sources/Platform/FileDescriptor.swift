import CLinux
import Glibc

/// One open descriptor with one owner; closed when the owner lets go.
public struct FileDescriptor: ~Copyable, Sendable {
    public let raw: Int32

    /// Takes over a descriptor that the caller owned.
    public init(owning raw: Int32) { self.raw = raw }

    deinit { if raw >= 0 { close(raw) } }

    /// Gives the descriptor away: the caller closes it from now on.
    public consuming func release() -> Int32 {
        let given = raw
        discard self
        return given
    }

    public static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0o640) throws(SystemError) -> FileDescriptor
    {
        FileDescriptor(owning: try checked(unsafe cl_open(path, flags, mode), "open", path))
    }

    public func read(into bytes: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        try checked(unsafe cl_read(raw, bytes.baseAddress, bytes.count), "read")
    }

    /// Writes all of `bytes`, however many calls that takes (for blocking descriptors).
    public func writeAll(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
            written += try checked(unsafe cl_write(raw, rest.baseAddress, rest.count), "write")
        }
    }

    public func writeAll(_ bytes: [UInt8]) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let result = unsafe bytes.withUnsafeBytes { all in
                unsafe cl_write(raw, all.baseAddress?.advanced(by: written), all.count - written)
            }
            written += try checked(result, "write")
        }
    }

    public func setNonblocking(_ on: Bool) throws(SystemError) {
        try checked(cl_set_nonblocking(raw, on), "fcntl")
    }
}

/// A whole small file (configuration, sysfs) as bytes; `limit` keeps a foreign file from filling memory.
public func readFile(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
    let file = try FileDescriptor.open(path, O_RDONLY)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while true {
        let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_read(file.raw, $0.baseAddress, $0.count) }
        if try checked(got, "read", path) == 0 { return bytes }
        if bytes.count + got > limit { throw SystemError("read", path, code: EFBIG) }
        bytes.append(contentsOf: chunk[..<got])
    }
}

/// Written beside and renamed: a reader sees the old file or the new one, whenever the power goes.
public func replaceFile(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(SystemError) {
    let fresh = path + ".new"
    _ = unsafe unlink(fresh)
    let file = try FileDescriptor.open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode: mode)
    try file.writeAll(bytes)
    guard fsync(file.raw) == 0 else { throw SystemError("sync", fresh, code: errno) }
    guard unsafe rename(fresh, path) == 0 else { throw SystemError("rename", path, code: errno) }
}

/// The names in a folder, sorted, without "." and "..".
public func namesInFolder(_ path: String) throws(SystemError) -> [String] {
    guard let folder = unsafe opendir(path) else { throw SystemError("open folder", path, code: errno) }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
            unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
}
