internal import Platform
internal import Site

/// Sends the journal's events upstream: in order, at least once, from a cursor that moves only over
/// events that a broker acknowledged. An acknowledgement is no proof that the broker kept them, so after
/// one that has forgotten, the retention window is sent again.
struct EventForwarder {
    /// Events that wait for their acknowledgement; below the session's own limit, so that leaks and
    /// breaches always find room there.
    static let inFlightMax = 200
    /// An acknowledgement that takes longer will not come on this connection; MQTT 3.1.1 repeats nothing
    /// before the next one. nats-server behind a cut leaf link stays connected and says nothing.
    static let patience = Nanoseconds.seconds(30)
    /// Events read from the journal at once.
    static let batch = 64

    private let feed: any EventFeed
    private let retention: Nanoseconds
    private var envelope: EventEnvelope
    /// In order of sending.
    private var inFlight: [(number: Int32, sequence: UInt64, isAcknowledged: Bool)] = []
    private var lastSent: UInt64
    private var acknowledged: UInt64
    private var committed: UInt64
    private var ready: [Event] = []
    private var readyCursor = 0
    private(set) var sent: UInt64 = 0
    /// Events that had to give way in the journal before they were sent.
    private(set) var lost: UInt64 = 0
    /// The highest that was ever sent: a replay may find gaps below it, and nothing is lost by them.
    private var highestSent: UInt64
    private var committedAt = MonotonicTime.distantPast
    /// When the broker last took something, or was first asked to.
    private var movedAt = MonotonicTime.distantPast

    init(feed: any EventFeed, site: String, plan: EventsUpstreamPlan) {
        self.feed = feed
        retention = plan.retention
        envelope = EventEnvelope(site: site, plan: plan)
        acknowledged = feed.cursor ?? 0
        committed = acknowledged
        lastSent = acknowledged
        highestSent = acknowledged
        inFlight.reserveCapacity(EventForwarder.inFlightMax)
    }

    /// A broker that does not know our session has also lost what it held for others. Returns how many
    /// events are sent again.
    mutating func connected(isSessionPresent: Bool, at now: Moment) -> UInt64 {
        if isSessionPresent || acknowledged == 0 { return 0 }
        let from = WallTime(milliseconds: now.wall.milliseconds - retention.wholeMilliseconds)
        return replay(after: feed.sequence(before: from))
    }

    /// Sends everything above `sequence` again; the moved cursor makes sure of it over a restart.
    mutating func replay(after sequence: UInt64) -> UInt64 {
        if sequence >= acknowledged { return 0 }
        let again = acknowledged - sequence
        acknowledged = sequence
        committed = sequence
        lastSent = sequence
        feed.moveCursor(to: sequence)
        forgetReady()
        inFlight.removeAll(keepingCapacity: true)
        return again
    }

    mutating func disconnected() {
        inFlight.removeAll(keepingCapacity: true)
        lastSent = acknowledged
        forgetReady()
    }

    private mutating func forgetReady() {
        ready.removeAll(keepingCapacity: true)
        readyCursor = 0
    }

    /// True while events wait that were not sent, whether or not they could be sent now.
    var hasUnsent: Bool { readyCursor < ready.count || feed.lastSequence > lastSent }

    /// Sends the next event: how many bytes it took, nil when there is none or no room.
    mutating func sendNext(to sink: some MessageSink, at now: MonotonicTime) -> Int? {
        guard inFlight.count < EventForwarder.inFlightMax, let event = nextEvent() else { return nil }
        let message = envelope.render(event)
        guard let number = sink.publish(message) else { return nil }
        if inFlight.isEmpty { movedAt = now }
        inFlight.append((number, event.sequence, false))
        lastSent = event.sequence
        if event.sequence > highestSent {
            // A cursor that was never set may begin anywhere.
            if highestSent > 0 { lost += event.sequence - highestSent - 1 }
            highestSent = event.sequence
        }
        readyCursor += 1
        sent += 1
        return message.byteCount
    }

    private mutating func nextEvent() -> Event? {
        if readyCursor >= ready.count {
            forgetReady()
            if feed.lastSequence <= lastSent { return nil }
            ready = feed.events(after: lastSent, limit: EventForwarder.batch)
        }
        return readyCursor < ready.count ? ready[readyCursor] : nil
    }

    mutating func acknowledge(_ numbers: [Int32], at now: MonotonicTime) {
        if numbers.isEmpty { return }
        movedAt = now
        for number in numbers {
            if let index = inFlight.firstIndex(where: { $0.number == number }) {
                inFlight[index].isAcknowledged = true
            }
        }
        let done = inFlight.prefix { $0.isAcknowledged }
        guard let last = done.last else { return }
        acknowledged = last.sequence
        inFlight.removeFirst(done.count)
    }

    func isStalled(at now: MonotonicTime) -> Bool { !inFlight.isEmpty && now - movedAt > EventForwarder.patience }

    /// Makes the cursor durable, once for many acknowledgements: every commit wears the flash, and a crash
    /// in between only repeats a quarter of a second's events.
    static let commitEvery = Nanoseconds.milliseconds(250)

    mutating func commit(at now: MonotonicTime, isLast: Bool = false) {
        if committed == acknowledged || (!isLast && now - committedAt < EventForwarder.commitEvery) { return }
        committedAt = now
        feed.moveCursor(to: acknowledged)
        committed = acknowledged
    }

    /// How many events no broker has acknowledged, and when the oldest of them happened.
    func backlog() -> (count: UInt64, oldest: WallTime?) {
        let newest = feed.lastSequence
        if newest <= acknowledged { return (0, nil) }
        return (newest - acknowledged, feed.events(after: acknowledged, limit: 1).first?.wall)
    }
}
