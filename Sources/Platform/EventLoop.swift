import CLinux

/// epoll with numbered registrations. One thread runs it; handlers run on that thread.
public final class EventLoop {
    public struct Interest: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let readable = Interest(rawValue: EPOLLIN.rawValue)
        public static let writable = Interest(rawValue: EPOLLOUT.rawValue)
        public static let priority = Interest(rawValue: EPOLLPRI.rawValue)
        /// Reported always, asked for or not.
        public static let hangup = Interest(rawValue: EPOLLHUP.rawValue)
        public static let failed = Interest(rawValue: EPOLLERR.rawValue)
    }

    public typealias Handler = (Interest) -> Void

    private let epoll: FileDescriptor
    /// By descriptor number; the registration's generation tells a late event from its successor's.
    private var handlers: [Int32: (generation: UInt32, handler: Handler)] = [:]
    private var nextGeneration: UInt32 = 1
    private var stopped = false

    public init() throws(SystemError) {
        epoll = FileDescriptor(owning: try checked(cl_epoll_create(), "epoll_create"))
    }

    public func add(_ descriptor: Int32, _ interest: Interest, _ handler: @escaping Handler) throws(SystemError) {
        let generation = nextGeneration
        nextGeneration &+= 1
        try checked(
            cl_epoll_control(epoll.raw, EPOLL_CTL_ADD, descriptor, interest.rawValue, token(descriptor, generation)),
            "epoll_ctl add")
        handlers[descriptor] = (generation, handler)
    }

    public func change(_ descriptor: Int32, _ interest: Interest) throws(SystemError) {
        guard let entry = handlers[descriptor] else { return }
        try checked(
            cl_epoll_control(
                epoll.raw, EPOLL_CTL_MOD, descriptor, interest.rawValue, token(descriptor, entry.generation)),
            "epoll_ctl change")
    }

    /// Before the descriptor is closed.
    public func remove(_ descriptor: Int32) {
        guard handlers.removeValue(forKey: descriptor) != nil else { return }
        _ = cl_epoll_control(epoll.raw, EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    /// Waits once (at most `timeout_ms`; -1 = for ever) and runs the handlers of what happened.
    public func turn(timeout_ms: Int32 = -1) throws(SystemError) {
        let batch = 64
        var ready = 0
        var happened: [(UInt64, UInt32)] = []
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: batch) { events in
            ready = Int(unsafe cl_epoll_wait(epoll.raw, events.baseAddress, Int32(batch), timeout_ms))
            if ready <= 0 { return }
            happened.reserveCapacity(ready)
            for i in 0..<ready {
                guard let event = unsafe events.baseAddress?.advanced(by: i) else { continue }
                happened.append((unsafe cl_epoll_token(event), unsafe cl_epoll_events(event)))
            }
        }
        try checked(ready, "epoll_wait")
        for (token, events) in happened {
            let descriptor = Int32(truncatingIfNeeded: token)
            let generation = UInt32(truncatingIfNeeded: token >> 32)
            guard let entry = handlers[descriptor], entry.generation == generation else { continue }
            entry.handler(Interest(rawValue: events))
        }
    }

    public func run() throws(SystemError) {
        stopped = false
        while !stopped { try turn() }
    }

    public func stop() { stopped = true }

    private func token(_ descriptor: Int32, _ generation: UInt32) -> UInt64 {
        UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    }
}

/// A deadline that wakes an `EventLoop` (a timerfd).
public struct TimerDescriptor: ~Copyable {
    public let descriptor: FileDescriptor

    public init() throws(SystemError) {
        descriptor = FileDescriptor(owning: try checked(cl_timerfd(), "timerfd_create"))
    }

    /// Arms for an absolute moment; one in the past fires at once.
    public func arm(at deadline: MonotonicTime) {
        _ = cl_timerfd_arm(descriptor.raw, max(1, deadline.nanoseconds))
    }

    public func disarm() { _ = cl_timerfd_arm(descriptor.raw, 0) }

    public func drain() { _ = cl_eventfd_drain(descriptor.raw) }
}
