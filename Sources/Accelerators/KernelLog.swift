internal import CLinux
internal import Glibc
internal import Platform

/// Follows the kernel's log from now on. A record is one read of /dev/kmsg: "priority,sequence,time,flags;
/// text", then lines that begin with a blank and carry its properties.
struct KernelLog: ~Copyable {
    let descriptor: FileDescriptor
    private var buffer = [UInt8](repeating: 0, count: 8192)

    /// At most this many records at a time: a driver that floods the log must not hold up the room.
    private static let recordsMax = 64

    init(_ path: String, standardInput: Int32 = STDIN_FILENO) throws(SystemError) {
        descriptor = try KernelLog.opened(path, standardInput)
        // What was said before we started concerns cards that were judged by somebody else.
        lseek(descriptor.raw, 0, SEEK_END)
    }

    /// Debian's kernels let nobody open it who lacks CAP_SYSLOG, and whoever was given it open may read: our unit
    /// gives it as standard input (Units/system-generators).
    private static func opened(_ path: String, _ standardInput: Int32) throws(SystemError) -> FileDescriptor {
        let inherited = isFile(standardInput, path) ? dup(standardInput) : -1
        guard inherited >= 0 else { return try FileDescriptor.open(path, O_RDONLY | O_NONBLOCK) }
        let given = FileDescriptor(owning: inherited)
        try given.setNonblocking(true)
        return given
    }

    mutating func readNew(_ body: ([UInt8]) -> Void) {
        for _ in 0..<Self.recordsMax {
            let raw = descriptor.raw
            let got = unsafe buffer.withUnsafeMutableBytes { unsafe cl_read(raw, $0.baseAddress, $0.count) }
            // EPIPE: records were overwritten before we read them; the next read goes on with the oldest left.
            if got == -Int(EPIPE) { continue }
            if got <= 0 { return }
            for line in buffer[..<got].split(separator: 10) where line.first != 32 {
                body(Array(line[(line.firstIndex(of: 59).map { $0 + 1 } ?? line.startIndex)...]))
            }
        }
    }
}

private func isFile(_ descriptor: Int32, _ path: String) -> Bool {
    var held = stat()
    var named = stat()
    guard unsafe fstat(descriptor, &held) == 0, unsafe stat(path, &named) == 0 else { return false }
    return held.st_dev == named.st_dev && held.st_ino == named.st_ino
}
