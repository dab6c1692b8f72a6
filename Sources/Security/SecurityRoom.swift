public import Platform
public import Site
import Synchronization

/// The room as the house wires it: one thread that sleeps until a line moves.
public final class SecurityRoom: Sendable {
    private let plan: SecurityPlan
    private let board: Board
    private let time: any TimeSource
    private let events: Mailbox<EventDraft>
    private let heartbeat: Heartbeat
    private let stopping: Wakeup
    private let thread = Mutex<OwnerThread?>(nil)
    /// Every zone as its wires say; bypasses are Control's to add.
    public let status: Latest<[ZoneStatus]>

    /// A wake-up's work is under a millisecond; asking all chips for their lines after a change can
    /// take some. Waiting is not silence: the thread says so before it sleeps.
    static let busyMax = Nanoseconds.seconds(5)

    public init(plan: SecurityPlan, board: Board, time: any TimeSource, events: Mailbox<EventDraft>)
        throws(SystemError)
    {
        self.plan = plan
        self.board = board
        self.time = time
        self.events = events
        heartbeat = Heartbeat("security", limit: SecurityRoom.busyMax)
        heartbeat.beat(.distantFuture)
        stopping = try Wakeup()
        status = Latest([])
    }

    /// A plan without lines makes no thread.
    public func start() throws(SystemError) {
        if plan.isEmpty { return }
        let started = try OwnerThread("security") { self.run() }
        thread.withLock { $0 = started }
    }

    public var heartbeats: [Heartbeat] { plan.isEmpty ? [] : [heartbeat] }

    public func stop() {
        stopping.signal()
        thread.withLock { thread in
            defer { thread = nil }
            return thread
        }?.join()
    }

    private func makeSource() -> any LineSource {
        switch plan.source {
        case .gpio: GPIOSource(plan.lines, time: time)
        case .libgpiod: GPIOSource(plan.lines, time: time, way: .libgpiod)
        case .simulated(let socket): SimulatedSource(socketPath: socket, plan.lines, time: time)
        }
    }

    private func run() {
        let keeper = ZoneKeeper(plan: plan, board: board, time: time, events: events, status: status)
        let source = makeSource()
        do throws(SystemError) {
            try watch(source, keeper)
        } catch {
            // The loop itself failed: nothing is read any more, and nothing may look as if it were.
            Log.write(.fault, "security", "stopped reading lines: \(error)")
            for line in plan.lines.indices { keeper.lineFailed(line, LineFault(.inputOutput, error.description)) }
            // Silent from here on: the watchdog restarts the agent.
            heartbeat.beat(.distantPast)
        }
        source.stop()
    }

    private func watch(_ source: any LineSource, _ keeper: ZoneKeeper) throws(SystemError) {
        let loop = try EventLoop()
        let timer = try TimerDescriptor()
        var isStopping = false
        try loop.add(stopping.descriptor.raw, .readable) { _ in isStopping = true }
        // A timer that has fired stays readable until it is armed again, which also empties it.
        try loop.add(timer.descriptor.raw, .readable) { _ in }
        source.start(on: loop, telling: keeper)
        var armed: MonotonicTime?
        while !isStopping {
            let now = time.now().monotonic
            source.tick(now)
            keeper.tick()
            let due = earlier(source.nextDeadline, keeper.nextDeadline)
            if due != armed {
                if let due { timer.arm(at: due) } else { timer.disarm() }
                armed = due
            }
            heartbeat.beat(.distantFuture)
            try loop.turn()
            heartbeat.beat()
            if let due = armed, due <= time.now().monotonic {
                timer.drain()
                armed = nil
            }
        }
    }

    private func earlier(_ a: MonotonicTime?, _ b: MonotonicTime?) -> MonotonicTime? {
        guard let a else { return b }
        return b.map { min(a, $0) } ?? a
    }
}
