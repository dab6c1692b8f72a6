import CLinux
import Glibc
import Platform
import Testing

@Suite struct GuardTests {
    @Test func `memory that its owner takes away reads as zeros, and that is told`() throws {
        let file = unsafe cl_memfd("guard-test", false)
        defer { close(file) }
        #expect(ftruncate(file, 8192) == 0)
        guard let base = unsafe mmap(nil, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
            unsafe base != MAP_FAILED
        else { throw SystemError("mmap", code: errno) }
        unsafe base.storeBytes(of: 7, toByteOffset: 4096, as: UInt8.self)
        let region = unsafe cl_guard_region(base, 8192)
        #expect(region >= 0 && cl_guard_lost(region) == 0)
        #expect(ftruncate(file, 0) == 0)
        let read = unsafe base.load(fromByteOffset: 4096, as: UInt8.self)
        #expect(read == 0)
        #expect(cl_guard_lost(region) == 1)
        cl_unguard_region(region)
        unsafe munmap(base, 8192)
    }
}
