internal import CLinux
internal import Glibc
internal import Platform
internal import Site

/// The posture page as a file in the run folder: written by the site plane alone.
final class PosturePageFile: Sendable {
    private let memory: MappedMemory
    let page: PosturePage

    /// Made when missing, taken over when a predecessor left it.
    init(writing path: String) throws(SystemError) {
        let file = try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o644)
        // The service's umask is tighter than what the other plane needs.
        guard fchmod(file.raw, 0o644) == 0 else { throw SystemError("chmod", path, code: errno) }
        guard ftruncate(file.raw, off_t(PosturePage.byteCount)) == 0 else {
            throw SystemError("truncate", path, code: errno)
        }
        memory = try MappedMemory(descriptor: file.raw, byteCount: PosturePage.byteCount, access: .readWrite)
        page = unsafe PosturePage(at: memory.start)
        page.repair()
    }
}

/// The posture page as the inference plane sees it. The planes start in any order, so the page is at
/// first one that was never written (the safe posture), and the site plane's file is mapped over it, at
/// the same address, as soon as there is one.
@safe final class PosturePageView: @unchecked Sendable {
    let page: PosturePage
    private let path: String
    private let start: UnsafeMutableRawPointer
    private var mappedFile: ino_t = 0

    init(_ path: String) throws(SystemError) {
        self.path = path
        guard
            let start = unsafe mmap(
                nil, PosturePage.byteCount, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe start != MAP_FAILED
        else { throw SystemError("mmap", "the posture page", code: errno) }
        unsafe self.start = start
        unsafe page = PosturePage(at: start)
        refresh()
    }

    deinit { unsafe munmap(start, PosturePage.byteCount) }

    /// Follows the file when it comes, or when another stands in its place. One thread calls it.
    func refresh() {
        let descriptor = unsafe cl_open(path, O_RDONLY, 0)
        guard descriptor >= 0 else { return }
        let file = FileDescriptor(owning: descriptor)
        var status = stat()
        guard unsafe fstat(file.raw, &status) == 0, status.st_ino != mappedFile,
            status.st_size >= PosturePage.byteCount,
            unsafe mmap(start, PosturePage.byteCount, PROT_READ, MAP_SHARED | MAP_FIXED, file.raw, 0) != MAP_FAILED
        else { return }
        mappedFile = status.st_ino
    }
}
