internal import CLinux
internal import Glibc
internal import Platform

/// The signals a daemon answers, delivered by descriptor into its loop. Made before any thread, so
/// that every thread inherits the mask.
struct Signals: ~Copyable {
    let descriptor: FileDescriptor

    init() throws(SystemError) {
        let wanted = [SIGTERM, SIGINT, SIGHUP]
        descriptor = FileDescriptor(owning: try checked(unsafe cl_signalfd(wanted, Int32(wanted.count)), "signalfd"))
    }

    enum Wish { case stop, reload }

    /// Everything that was asked since the last look.
    static func take(_ descriptor: Int32) -> [Wish] {
        var wishes: [Wish] = []
        while true {
            switch cl_signalfd_read(descriptor) {
            case SIGTERM, SIGINT: wishes.append(.stop)
            case SIGHUP: wishes.append(.reload)
            default: return wishes
            }
        }
    }
}
