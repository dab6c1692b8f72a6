import CLinux
import Glibc

/// Memory shared by descriptor between processes (memfd, or a file under /run).
@safe public struct MappedMemory: ~Copyable, @unchecked Sendable {
    public let bytes: UnsafeMutableRawBufferPointer
    public let start: UnsafeMutableRawPointer

    public enum Access { case readOnly, readWrite }

    public init(descriptor: Int32, byteCount: Int, access: Access, populate: Bool = false) throws(SystemError) {
        let protection = access == .readWrite ? PROT_READ | PROT_WRITE : PROT_READ
        let flags = MAP_SHARED | (populate ? Int32(MAP_POPULATE) : 0)
        guard let base = unsafe mmap(nil, byteCount, protection, flags, descriptor, 0), unsafe base != MAP_FAILED
        else { throw SystemError("mmap", "\(byteCount) bytes", code: errno) }
        unsafe start = base
        unsafe bytes = UnsafeMutableRawBufferPointer(start: base, count: byteCount)
    }

    deinit { unsafe munmap(bytes.baseAddress, bytes.count) }
}
