import CLinux
import Glibc
import Synchronization

/// Shows that a thread makes progress: its owner beats, the watchdog looks.
public final class Heartbeat: Sendable {
    public let name: String
    /// The longest the thread may legitimately be silent (its slowest device call and its idle wait).
    public let limit: Nanoseconds
    private let last: Atomic<Int64>

    public init(_ name: String, limit: Nanoseconds, now: MonotonicTime = SystemTime.monotonic) {
        self.name = name
        self.limit = limit
        last = Atomic(now.nanoseconds)
    }

    public func beat(_ now: MonotonicTime = SystemTime.monotonic) { last.store(now.nanoseconds, ordering: .relaxed) }

    public func silence(at now: MonotonicTime) -> Nanoseconds {
        Nanoseconds(max(0, now.nanoseconds - last.load(ordering: .relaxed)))
    }

    public func isAlive(at now: MonotonicTime) -> Bool { silence(at: now) <= limit }
}

/// One plain thread with one job, started once and joined once.
public final class OwnerThread: Sendable {
    public let name: String
    private let handle: Mutex<pthread_t?>

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// 512 KiB: device threads keep their buffers on the heap, and a container runs a hundred buses.
    public init(_ name: String, stackBytes: Int = 512 << 10, _ body: @escaping @Sendable () -> Void) throws(SystemError)
    {
        self.name = name
        let start = unsafe Unmanaged.passRetained(Start(name, body))
        var thread = pthread_t()
        let result = unsafe cl_thread_start(
            { raw in
                guard let raw = unsafe raw else { return }
                let start = unsafe Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
                _ = unsafe cl_set_thread_name(start.name)
                start.body()
            }, start.toOpaque(), stackBytes, &thread)
        if result < 0 { unsafe start.release() }
        try checked(result, "start thread", name)
        handle = Mutex(thread)
    }

    /// Lets the thread end by itself: for one that may hang in a library, and that nobody waits for.
    public func detach() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let thread { pthread_detach(thread) }
    }

    /// Waits for the thread's end. The owner has told it to stop before.
    public func join() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let thread { pthread_join(thread, nil) }
    }
}
