internal import CLinux
import Glibc
internal import Platform

/// Folders, links and files as the simulator leaves them on disk.
enum Folder {
    /// `mkdir -p`.
    static func make(_ path: String) throws(SystemError) {
        var built = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            built += (built.isEmpty || built.hasSuffix("/") ? "" : "/") + part
            if unsafe mkdir(built, 0o755) != 0 && errno != EEXIST {
                throw SystemError("make folder", built, code: errno)
            }
        }
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A symbolic link; an old link is replaced, anything else that stands there is not.
    static func link(_ path: String, to target: String) throws(SystemError) {
        try make(parent(of: path))
        var status = stat()
        if unsafe lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFLNK else { throw SystemError("link", path, code: EEXIST) }
            unsafe unlink(path)
        }
        if unsafe symlink(target, path) != 0 { throw SystemError("link", path, code: errno) }
    }

    /// The way from the folder `from` to `to`, both below one root, as sysfs writes its links.
    static func relative(from: String, to: String) -> String {
        let a = from.split(separator: "/")
        let b = to.split(separator: "/")
        var common = 0
        while common < a.count && common < b.count && a[common] == b[common] { common += 1 }
        return ([String](repeating: "..", count: a.count - common) + b[common...].map(String.init)).joined(
            separator: "/")
    }

    static func isMissing(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) != 0
    }

    /// Removes a tree that the simulator made; links are removed, never followed.
    static func remove(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            let names: [String]
            do throws(SystemError) { names = try namesInFolder(path) } catch { return }
            for name in names { remove(path + "/" + name) }
            unsafe rmdir(path)
        } else {
            unsafe unlink(path)
        }
    }

    /// Writes in place, so that a descriptor held open by a reader sees the new content, as in sysfs.
    static func write(_ path: String, _ bytes: [UInt8]) throws(SystemError) {
        let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT, mode: 0o644)
        let written = unsafe bytes.withUnsafeBytes { unsafe cl_write(file.raw, $0.baseAddress, $0.count) }
        try checked(written, "write", path)
        if ftruncate(file.raw, bytes.count) != 0 { throw SystemError("truncate", path, code: errno) }
    }
}
