internal import Platform
internal import Site

/// Decides what leaves next, and nothing else: heartbeat, then leaks, then events, then metadata and
/// values in turn. Fed with a moment and a sink, so that a day of it runs in seconds.
struct UpstreamPump {
    /// Messages of one turn: the owner then looks at acknowledgements and requests again.
    static let turnMax = 512

    private let agent: AgentObject
    private let cadence: CadencePlan
    private(set) var points: PointPublisher
    var events: EventForwarder
    /// What must arrive and is no event.
    var outbox = Outbox()
    var backfill: Backfill?
    /// Metadata beyond the Board's points: the agent's own and what integrations may write.
    private let ownMetadata: [OutgoingMessage]
    private var budget: ByteBudget
    private var heartbeatDueAt = MonotonicTime.distantPast
    private var scanDueAt = MonotonicTime.distantPast
    private var metadataDueAt = MonotonicTime.distantPast
    private var urgent: [OutgoingMessage] = []

    init(
        site: String, plan: UpstreamPlan, board: Board, feed: any EventFeed, now: Moment,
        metadata: [OutgoingMessage] = []
    ) {
        agent = AgentObject(site: site)
        ownMetadata = agent.metadata + metadata
        cadence = plan.cadence
        points = PointPublisher(
            map: ExchangeMap(site: site, plan: plan, table: board.points), board: board, cadence: plan.cadence)
        events = EventForwarder(feed: feed, site: site, plan: plan.events)
        budget = ByteBudget(bytesPerSecond: plan.bytesPerSecondMax, now: now.monotonic)
    }

    mutating func acknowledge(_ numbers: [Int32], at now: MonotonicTime) {
        events.acknowledge(numbers, at: now)
        outbox.acknowledge(numbers)
        backfill?.acknowledge(numbers)
    }

    mutating func add(urgent message: OutgoingMessage) { if urgent.count < 64 { urgent.append(message) } }

    func lastWill(at now: Moment) -> OutgoingMessage { agent.available(false, at: now.wall) }
    func farewell(at now: Moment) -> OutgoingMessage { agent.available(false, at: now.wall) }

    /// Returns how many events are sent again because the broker has forgotten.
    mutating func connected(isSessionPresent: Bool, at now: Moment) -> UInt64 {
        points.connected(at: now.monotonic)
        backfill?.connected(at: now.wall)
        heartbeatDueAt = .distantPast
        metadataDueAt = .distantPast
        urgent = [agent.available(true, at: now.wall)]
        return events.connected(isSessionPresent: isSessionPresent, at: now)
    }

    mutating func disconnected(at now: Moment) {
        urgent.removeAll()
        backfill?.disconnected(at: now.wall)
        outbox.disconnected()
        events.disconnected()
    }

    /// Sends what is due and fits. True when more could go at once.
    mutating func turn(to sink: some MessageSink, at now: Moment) -> Bool {
        prepare(at: now)
        var left = UpstreamPump.turnMax
        while left > 0 {
            let before = left
            left -= sendUrgent(to: sink)
            left -= sendCritical(to: sink, at: now)
            left -= sendEvents(to: sink, at: now)
            left -= sendPoints(to: sink, at: now)
            left -= sendBackfill(to: sink, at: now)
            if left == before { return false }
        }
        return true
    }

    private mutating func prepare(at now: Moment) {
        if now.monotonic >= metadataDueAt {
            metadataDueAt = now.monotonic + cadence.metadata
            urgent.removeAll(where: \.retain)
            urgent = ownMetadata + urgent
        }
        if now.monotonic >= heartbeatDueAt {
            heartbeatDueAt = now.monotonic + cadence.heartbeat
            // One that found no way out in time is worth nothing; the newest is.
            let topic = agent.heartbeatTopic
            urgent.removeAll { $0.topic == topic }
            urgent.append(agent.heartbeat(at: now.wall))
        }
        if now.monotonic >= scanDueAt {
            scanDueAt = now.monotonic + cadence.scan
            points.scan(at: now)
        }
    }

    private mutating func sendUrgent(to sink: some MessageSink) -> Int {
        var count = 0
        while let message = urgent.first, sink.publish(message) != nil {
            budget.spend(message.byteCount)
            urgent.removeFirst()
            count += 1
        }
        while count < 64, let bytes = outbox.sendNext(to: sink) {
            budget.spend(bytes)
            count += 1
        }
        return count
    }

    private mutating func sendCritical(to sink: some MessageSink, at now: Moment) -> Int {
        var count = 0
        while count < 16, let bytes = points.sendCritical(to: sink, at: now) {
            budget.spend(bytes)
            count += 1
        }
        return count
    }

    private mutating func sendEvents(to sink: some MessageSink, at now: Moment) -> Int {
        var count = 0
        while count < 32, budget.hasRoom(at: now.monotonic), let bytes = events.sendNext(to: sink, at: now.monotonic) {
            budget.spend(bytes)
            count += 1
        }
        return count
    }

    private mutating func sendPoints(to sink: some MessageSink, at now: Moment) -> Int {
        var count = 0
        for _ in 0..<16 {
            guard budget.hasRoom(at: now.monotonic) else { break }
            if let bytes = points.sendMetadata(to: sink) {
                budget.spend(bytes)
                count += 1
            }
            if let bytes = points.sendValue(to: sink, at: now) {
                budget.spend(bytes)
                count += 1
            }
        }
        return count
    }

    /// Only when no event waits and the points are told.
    private mutating func sendBackfill(to sink: some MessageSink, at now: Moment) -> Int {
        guard backfill?.gaps.isEmpty == false, points.isIdle, !events.hasUnsent, budget.hasRoom(at: now.monotonic),
            let bytes = backfill?.sendNext(to: sink, at: now.wall)
        else { return 0 }
        budget.spend(bytes)
        return 1
    }
}
