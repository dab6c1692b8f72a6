internal import CLinux
internal import Glibc
internal import Platform
internal import Site

/// The posture page as a file in the run folder: readable by the inference plane, written by us alone.
final class PosturePageFile: Sendable {
    private let memory: MappedMemory
    let page: PosturePage

    /// The site plane's: made when missing, taken over when a predecessor left it.
    init(writing path: String) throws(SystemError) {
        let file = try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o644)
        // The service's umask is tighter than what the other plane needs.
        try checked(-fchmod(file.raw, 0o644), "chmod", path)
        guard ftruncate(file.raw, off_t(PosturePage.byteCount)) == 0 else {
            throw SystemError("truncate", path, code: errno)
        }
        memory = try MappedMemory(descriptor: file.raw, byteCount: PosturePage.byteCount, access: .readWrite)
        page = unsafe PosturePage(at: memory.start)
        page.repair()
    }

    /// The inference plane's: mapped read-only.
    init(reading path: String) throws(SystemError) {
        let file = try FileDescriptor.open(path, O_RDONLY)
        memory = try MappedMemory(descriptor: file.raw, byteCount: PosturePage.byteCount, access: .readOnly)
        page = unsafe PosturePage(at: memory.start)
    }
}
