internal import Glibc

/// Makes a folder and those above it; one that is there already is well.
public func makeFolder(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
    var made = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: true) {
        made += (made.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
        if unsafe mkdir(made, mode) != 0, errno != EEXIST { throw SystemError("make folder", made, code: errno) }
    }
}
