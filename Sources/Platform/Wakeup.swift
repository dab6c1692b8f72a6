import CLinux
import Synchronization

/// Wakes a thread that waits, in `EventLoop` or for this alone (an eventfd). Many signals before the wake are one wake,
/// and only the first of them costs a system call.
public final class Wakeup: Sendable {
    public let descriptor: FileDescriptor
    private let pending = Atomic<Bool>(false)

    public init() throws(SystemError) {
        descriptor = FileDescriptor(owning: try checked(cl_eventfd(0), "eventfd"))
    }

    public func signal() {
        if pending.exchange(true, ordering: .acquiringAndReleasing) { return }
        _ = cl_eventfd_signal(descriptor.raw)
    }

    /// For a thread that waits for nothing else: until it is signalled (true), or the time is over. Nil: for ever.
    @discardableResult public func wait(atMost span: Nanoseconds?) -> Bool {
        cl_wait_readable(descriptor.raw, -1, span.map { max(0, $0.count) } ?? -1) > 0
    }

    /// Called by the woken thread before it looks at what was handed over.
    public func drain() {
        if !pending.load(ordering: .acquiring) { return }
        hush()
        _ = pending.exchange(false, ordering: .acquiringAndReleasing)
    }

    /// Lets the woken thread wait again without being woken for more of the same until it drains: it
    /// has something better to do first.
    public func hush() { _ = cl_eventfd_drain(descriptor.raw) }
}
