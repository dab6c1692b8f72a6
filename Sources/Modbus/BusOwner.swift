internal import Platform
internal import Site
internal import Synchronization

/// The thread that owns a bus: nobody else touches its connection.
final class BusOwner: Sendable {
    let name: String
    let heartbeat: Heartbeat
    let status: Latest<BusStatus>
    let trace = FrameTrace()
    private let commands: Mailbox<BusCommand>
    private let hasCommands = Atomic<Bool>(false)
    private let isStopping = Atomic<Bool>(false)
    private let stopSignal: Wakeup
    private let thread = Mutex<OwnerThread?>(nil)
    private let bus: ModbusBus
    private let board: Board
    private let time: any TimeSource
    private let events: Mailbox<EventDraft>
    private let shared: SharedRounds?
    private let bunches: Int
    /// Of the thread that has the engine.
    private let publishAt = Atomic<Int64>(0)

    /// People and the guard send few commands, one at a time; a full box tells them to try again.
    private static let commandsMax = 64

    init(
        bus: ModbusBus, board: Board, time: any TimeSource, events: Mailbox<EventDraft>, shared: SharedRounds?,
        bunches: Int
    ) throws(SystemError) {
        self.shared = shared
        self.bunches = bunches
        name = bus.name
        self.bus = bus
        self.board = board
        self.time = time
        self.events = events
        commands = try Mailbox(capacity: BusOwner.commandsMax)
        stopSignal = try Wakeup()
        // One step is at most a connect and a walk over a chain of models; both end by their timeouts.
        heartbeat = Heartbeat("modbus \(bus.name)", limit: .seconds(60))
        status = Latest(BusStatus(name: bus.name, address: "\(bus.link)", isConnected: false))
    }

    func start() throws(SystemError) {
        let started = try OwnerThread("bus-\(name)") { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Every bus is told before any is waited for.
    func tellToStop() {
        isStopping.store(true, ordering: .releasing)
        stopSignal.signal()
        commands.wakeup.signal()
    }

    func stop() {
        tellToStop()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// False when too many wait.
    func send(_ command: BusCommand) -> Bool {
        guard commands.send(command) else { return false }
        hasCommands.store(true, ordering: .releasing)
        return true
    }

    private func run() {
        let master = BusOwner.makeMaster(
            bus, time: time, trace: trace, stopDescriptor: stopSignal.descriptor.raw)
        let engine = BusEngine(
            bus: bus, master: master, board: board, time: time, events: events, bunches: bunches)
        while !isStopping.load(ordering: .acquiring) {
            if hasCommands.exchange(false, ordering: .acquiringAndReleasing) {
                for command in commands.takeAll() { engine.handle(command) }
            }
            let next = engine.step()
            let now = time.now().monotonic
            noteProgress(engine, now)
            let wait = min(next, now + .seconds(5)) - now
            if wait > .zero {
                if let shared, engine.isSteady, lend(engine, to: shared) { continue }
                if commands.wakeup.wait(atMost: wait) { hasCommands.store(true, ordering: .relaxed) }
            }
        }
        engine.abandon()
        master.channel.close()
    }

    /// Called by whoever has the engine, after each thing done.
    func noteProgress(_ engine: BusEngine, _ now: MonotonicTime) {
        heartbeat.beat(now)
        guard now.nanoseconds >= publishAt.load(ordering: .relaxed) else { return }
        publishAt.store((now + .seconds(1)).nanoseconds, ordering: .relaxed)
        status.publish(engine.status())
    }

    // MARK: - The engine on loan

    /// Sleeps until the engine is back: because something is wrong, or somebody wants something of this bus.
    private func lend(_ engine: BusEngine, to shared: SharedRounds) -> Bool {
        let loan = Loan(engine, of: self)
        guard shared.take(loan) else { return false }
        while true {
            commands.wakeup.wait(atMost: nil)
            commands.wakeup.drain()
            if loan.isReturned.load(ordering: .acquiring) { break }
            shared.recall(loan)
        }
        // What woke this thread may have been a command as well.
        hasCommands.store(true, ordering: .relaxed)
        engine.finishOpenPoll()
        return true
    }

    /// On the shared thread: from here on it does not touch the engine any more.
    func takeBack(_ loan: Loan) {
        loan.isReturned.store(true, ordering: .releasing)
        commands.wakeup.signal()
    }

    static func makeMaster(
        _ bus: ModbusBus, time: any TimeSource, trace: FrameTrace, stopDescriptor: Int32 = -1
    ) -> BusMaster {
        let channel: any ByteChannel
        var framing = BusMaster.Framing.rtu
        var serial: SerialSettings?
        switch bus.link {
        case .tcp(let host, let port):
            channel = SocketChannel(
                host: host, port: port, connectTimeout: bus.connectTimeout, stopDescriptor: stopDescriptor)
            framing = .tcp
        case .rtuOverTCP(let host, let port):
            channel = SocketChannel(
                host: host, port: port, connectTimeout: bus.connectTimeout, stopDescriptor: stopDescriptor)
        case .rtu(let device, let settings, let kernelRS485):
            channel = SerialChannel(
                device: device, settings: settings, kernelRS485: kernelRS485, stopDescriptor: stopDescriptor)
            serial = settings
        }
        return BusMaster(
            channel: channel, framing: framing, serial: serial, gap: bus.gap, time: time, trace: trace)
    }
}
