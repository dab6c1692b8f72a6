internal import Glibc
public import Platform
public import Site
internal import Synchronization

/// The room's door: one thread that looks and judges, and one per card that reads.
public final class AcceleratorRoom: Sendable {
    private let plan: AcceleratorsPlan
    private let board: Board
    private let time: any TimeSource
    private let events: Mailbox<EventDraft>
    /// What the house asks; its wakeup is also signalled by the cards' threads after each sweep.
    private let requests: Mutex<Mailbox<RoomRequest>?> = Mutex(nil)
    private let stations = Mutex<[Station]>([])
    private let thread = Mutex<OwnerThread?>(nil)
    private let isStopping = Atomic<Bool>(false)
    private let heartbeat: Heartbeat
    private let hasSettled = Atomic<Bool>(false)

    /// How each card is: expected ones first, in the site file's order, then others on the bus.
    public let status: Latest<[AcceleratorStatus]>

    /// How often hanging reads are looked for when nothing else happens.
    private static let tick_ms: Int32 = 250

    public init(plan: AcceleratorsPlan, board: Board, time: any TimeSource, events: Mailbox<EventDraft>) {
        self.plan = plan
        self.board = board
        self.time = time
        self.events = events
        // Whoever asks before the first look hears of every card, and that nothing is known yet.
        let since = time.now().wall
        status = Latest(
            plan.isPresent
                ? plan.expected.map { card in
                    AcceleratorStatus(
                        name: card.name, vendor: card.layout.vendor, model: card.layout.title,
                        address: card.address ?? "", serial: card.serial, slot: card.slot, health: .unknown,
                        since: since,
                        findings: [
                            AcceleratorFinding(
                                code: "unread", text: "not read yet", since: since,
                                action: Verdict.Action.observe.rawValue,
                                evidence: [])
                        ])
                } : [])
        // The room's own thread touches no card: ten seconds of silence is our own fault.
        heartbeat = Heartbeat("accelerators", limit: .seconds(10))
    }

    /// The room's thread only: a card's thread may hang in its driver, which is that card's health and
    /// no reason to restart the agent.
    public var heartbeats: [Heartbeat] { plan.isPresent ? [heartbeat] : [] }

    /// Every card on the bus has been read once, or was found hanging.
    public var isSettled: Bool { hasSettled.load(ordering: .acquiring) }

    public func start() throws(SystemError) {
        guard plan.isPresent else { return }
        isStopping.store(false, ordering: .releasing)
        // 64: more writes than the guard lets through in a minute, and a canary of each card.
        let requests = try Mailbox<RoomRequest>(capacity: 64)
        self.requests.withLock { $0 = requests }
        var made: [Station] = []
        for index in 0..<plan.expected.count + plan.spares.count {
            let station = try Station(name: "accel-\(index)")
            try station.start(plan: plan, time: time, told: requests.wakeup)
            made.append(station)
        }
        stations.withLock { $0 = made }
        let started = try OwnerThread("accelerators") { [self, made] in run(made, requests) }
        thread.withLock { $0 = started }
    }

    public func stop() {
        isStopping.store(true, ordering: .releasing)
        requests.withLock { $0?.wakeup.signal() }
        thread.withLock { thread in
            thread?.join()
            thread = nil
        }
        let made = stations.withLock { stations in
            defer { stations = [] }
            return stations
        }
        for station in made { station.beginStop() }
        let deadline = SystemTime.monotonic + .seconds(1)
        for station in made { station.endStop(by: deadline) }
    }

    /// True for a point of one of this room's cards: writes to it come here.
    public func owns(_ point: String) -> Bool {
        let device = point.prefix { $0 != "." }
        return plan.expected.contains { $0.name == device } || plan.spares.contains { $0 == device }
    }

    /// A power cap that the guard let through. `answer` is called once, from a thread of this room.
    public func write(_ command: WriteCommand, answer: @escaping @Sendable (WriteOutcome) -> Void) {
        let pending = PendingAnswer(deadline: command.deadline, answer)
        let isAccepted = requests.withLock { $0?.send(.write(command, pending)) } ?? false
        if !isAccepted { pending.give(.rejected("the accelerator room takes no requests now")) }
    }

    /// Every known question that the inference plane asks, and what came last. False: tell it again later.
    @discardableResult
    public func report(_ answers: [CanaryAnswer]) -> Bool {
        requests.withLock { $0?.send(.canaries(answers)) } ?? false
    }

    private func run(_ stations: [Station], _ requests: Mailbox<RoomRequest>) {
        do throws(SystemError) {
            let loop = try EventLoop()
            var round = Round(
                supervisor: Supervisor(plan: plan, board: board, stations: stations, now: time.now()),
                announcer: Announcer(events: events), events: events)
            round.listen(plan, loop)
            try loop.add(requests.wakeup.descriptor.raw, .readable) { _ in }
            while !isStopping.load(ordering: .acquiring) {
                let changed = round.run(requests.takeAll(), time.now())
                if changed || status.version == 0 { status.publish(round.supervisor.status) }
                if round.supervisor.isSettled { hasSettled.store(true, ordering: .releasing) }
                heartbeat.beat()
                try loop.turn(timeout_ms: Self.tick_ms)
            }
        } catch {
            Log.write(.fault, "accelerators", "the room's thread ends: \(error)")
        }
    }
}
