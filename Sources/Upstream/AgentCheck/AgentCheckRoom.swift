internal import CLinux
internal import Glibc
public import Platform
public import Site
internal import Synchronization

/// Answers HAProxy how much work this container wants: one line per connection, read from the posture page
/// at that moment. A control loop that has stopped deciding reads as "down".
public final class AgentCheckRoom: Sendable {
    private let plan: AgentCheckPlan
    private let posture: @Sendable (MonotonicTime) -> Posture?
    private let heartbeat = Heartbeat("agent-check", limit: .seconds(10))
    private let wakeup: Wakeup
    private let isStopping = Atomic<Bool>(false)
    private let listening = Latest<Int>(0)
    private let thread: Latest<OwnerThread?> = Latest(nil)

    /// `posture` gives nil when the page is stale: `PosturePage.posture(at:staleAfter:)`.
    public init(plan: AgentCheckPlan, posture: @escaping @Sendable (MonotonicTime) -> Posture?) throws(SystemError) {
        self.plan = plan
        self.posture = posture
        wakeup = try Wakeup()
    }

    public var heartbeats: [Heartbeat] { [heartbeat] }
    /// The port that was bound (port 0 in the plan takes a free one).
    public var port: Int { listening.value }

    /// A port that is taken is named, and tried again: the rest of the agent does not depend on it.
    public func start() throws(SystemError) {
        let first = listen()
        thread.publish(try OwnerThread("agent-check") { [self] in run(first) })
    }

    private func listen() -> Int32? {
        let raw = unsafe cl_listen_tcp(plan.address, UInt16(clamping: plan.port), 64)
        if raw >= 0 {
            listening.publish(Int(cl_local_port(raw)))
            return raw
        }
        Log.write(
            .warning, "agent-check",
            "cannot listen on \(plan.address):\(plan.port): \(SystemError.text(of: -raw)); "
                + "set upstream.agent-check.port, or end the program that has the port")
        return nil
    }

    private func run(_ first: Int32?) {
        var raw = first
        do throws(SystemError) {
            while raw == nil {
                let wait = try EventLoop()
                try wait.add(wakeup.descriptor.raw, .readable) { _ in }
                for _ in 0..<30 where !isStopping.load(ordering: .acquiring) {
                    heartbeat.beat()
                    try wait.turn(timeout_ms: 1000)
                }
                if isStopping.load(ordering: .acquiring) { return }
                raw = listen()
            }
            guard let raw else { return }
            try AgentCheckOwner(FileDescriptor(owning: raw), stop: wakeup).run(until: isStopping, heartbeat) {
                [self] in
                AgentCheckLine.text(
                    posture(SystemTime.monotonic), conserveWeightPercent: plan.conserveWeightPercent)
            }
        } catch {
            Log.write(.fault, "agent-check", "cannot run: \(error.description)")
        }
    }

    public func stop() {
        isStopping.store(true, ordering: .releasing)
        wakeup.signal()
        thread.value?.join()
        thread.publish(nil)
    }
}

/// Lives on the thread: the listening socket, and callers whose last bytes are still on their way.
private final class AgentCheckOwner {
    /// HAProxy keeps one connection per server and check; beyond this the oldest caller is let go.
    static let callersMax = 64
    /// A caller that sends bytes (`agent-send`) and is closed on before they are read gets a reset, which
    /// can overtake our line: so its bytes are read until it closes, for at most this long.
    static let lingerFor = Nanoseconds.seconds(2)

    private let socket: FileDescriptor
    private let loop: EventLoop
    private let stop: Wakeup
    private var callers: [(descriptor: Int32, until: MonotonicTime)] = []

    init(_ socket: consuming FileDescriptor, stop: Wakeup) throws(SystemError) {
        self.socket = socket
        self.stop = stop
        loop = try EventLoop()
    }

    func run(until isStopping: borrowing Atomic<Bool>, _ heartbeat: Heartbeat, _ line: @escaping () -> String)
        throws(SystemError)
    {
        try loop.add(stop.descriptor.raw, .readable) { _ in }
        try loop.add(socket.raw, .readable) { [unowned self] _ in accept(line) }
        while !isStopping.load(ordering: .acquiring) {
            try loop.turn(timeout_ms: callers.isEmpty ? 1000 : 200)
            let now = SystemTime.monotonic
            for caller in callers where caller.until < now { close(caller.descriptor) }
            heartbeat.beat()
        }
        for caller in callers { close(caller.descriptor) }
    }

    private func accept(_ line: () -> String) {
        while true {
            let descriptor = cl_accept(socket.raw)
            if descriptor < 0 { return }
            let bytes = Array(line().utf8)
            _ = unsafe cl_send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            shutdown(descriptor, Int32(SHUT_WR))
            if callers.count >= AgentCheckOwner.callersMax, let oldest = callers.first { close(oldest.descriptor) }
            callers.append((descriptor, SystemTime.monotonic + AgentCheckOwner.lingerFor))
            do throws(SystemError) {
                try loop.add(descriptor, .readable) { [unowned self] _ in drain(descriptor) }
            } catch { close(descriptor) }
        }
    }

    private func drain(_ descriptor: Int32) {
        var bytes: InlineArray<256, UInt8> = .init(repeating: 0)
        var span = bytes.mutableSpan
        let got = unsafe span.withUnsafeMutableBytes { unsafe cl_recv(descriptor, $0.baseAddress, $0.count, 0) }
        if got <= 0, got != -Int(EAGAIN) { close(descriptor) }
    }

    private func close(_ descriptor: Int32) {
        guard let index = callers.firstIndex(where: { $0.descriptor == descriptor }) else { return }
        callers.remove(at: index)
        loop.remove(descriptor)
        Glibc.close(descriptor)
    }
}
