import CLinux
import Synchronization

/// Wakes a thread that waits, in `EventLoop` or for this alone (an eventfd). Many signals before the wake are one wake,
/// and only the first of them costs a system call.
public final class Wakeup: Sendable {
    public let descriptor: FileDescriptor
    private let state = Atomic<State>(.idle)

    /// `announced`: somebody is about to write the descriptor. Whoever looks meanwhile leaves it so, or that write
    /// would come after the look and wake again and again for nothing.
    private enum State: UInt8, AtomicRepresentable { case idle, announced, written }

    public init() throws(SystemError) {
        descriptor = FileDescriptor(owning: try checked(cl_eventfd(0), "eventfd"))
    }

    public func signal() {
        let isFirst = state.compareExchange(
            expected: .idle, desired: .announced, ordering: .acquiringAndReleasing
        ).exchanged
        if !isFirst { return }
        _ = cl_eventfd_signal(descriptor.raw)
        state.store(.written, ordering: .releasing)
    }

    /// For a thread that waits for nothing else: until it is signalled (true), or the time is over. Nil: for ever.
    @discardableResult public func wait(atMost span: Nanoseconds?) -> Bool {
        cl_wait_readable(descriptor.raw, -1, span.map { max(0, $0.count) } ?? -1) > 0
    }

    /// Called by the woken thread before it looks at what was handed over.
    public func drain() {
        if state.load(ordering: .acquiring) != .written { return }
        hush()
        _ = state.exchange(.idle, ordering: .acquiringAndReleasing)
    }

    /// Lets the woken thread wait again without being woken for more of the same until it drains: it
    /// has something better to do first. What is only announced is left to wake it once more: taken away now, it
    /// would be marked as written afterwards, and nobody would ever write again.
    public func hush() {
        if state.load(ordering: .acquiring) == .written { _ = cl_eventfd_drain(descriptor.raw) }
    }
}
