internal import CLinux
internal import Platform

/// The kernel's hot-plug messages. They only say "look again": what is there is read from sysfs, so a
/// lost or forged message does no harm.
struct Uevents: ~Copyable {
    let descriptor: FileDescriptor
    private var buffer = [UInt8](repeating: 0, count: 8192)

    init() throws(SystemError) {
        self.init(FileDescriptor(owning: try checked(cl_uevent_socket(), "listen for hot-plug messages")))
    }

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// True when one of the waiting messages concerns the PCI bus.
    mutating func drain() -> Bool {
        var concernsUs = false
        while true {
            let raw = descriptor.raw
            let got = unsafe buffer.withUnsafeMutableBytes { unsafe cl_recv(raw, $0.baseAddress, $0.count, 0) }
            // ENOBUFS: messages were lost, so anything may have happened.
            if got == -105 {
                concernsUs = true
                continue
            }
            if got <= 0 { return concernsUs }
            for field in buffer[..<got].split(separator: 0) where field.elementsEqual("SUBSYSTEM=pci".utf8) {
                concernsUs = true
            }
        }
    }
}
