internal import Platform
internal import Site
internal import Synchronization

/// What other threads ask of the upstream thread.
enum UpstreamCommand: Sendable {
    /// What is to be told again, and who hears how many events that are.
    case replay(after: UInt64, @Sendable (UInt64) -> Void)
    case replaySince(WallTime, @Sendable (UInt64) -> Void)
    case power([PowerFeedStatus])
    case answered(ControlAnswer, actor: String, what: String, value: Double?)
}

/// Lives on the upstream thread: one connection at a time, the pump, and the waiting in between.
final class UpstreamOwner {
    /// From the first step, which is the broker's name, to its answer, TLS included.
    static let answerLimit = Nanoseconds.seconds(15)
    /// A connection that stood this long was a good one. One that a broker ends at once, again and again,
    /// is tried ever less often: each costs two events.
    static let goodAfter = Nanoseconds.seconds(10)
    static let dropLimit = Nanoseconds.seconds(15)

    let room: UpstreamRoom
    private let loop: EventLoop
    private var pump: UpstreamPump
    private let flex: FlexDesk?
    private let integrations: IntegrationDesk
    private var lastRefusal: String?
    private var dialling: Dialling?
    private var connection: BrokerConnection?
    private var connectedAt = MonotonicTime.distantPast
    private var watched: (descriptor: Int32, wantsWrite: Bool)?
    private var isConnected = false
    private var attemptAt = MonotonicTime.distantPast
    private var answerBy = MonotonicTime.distantFuture
    private var brokerIndex = 0
    private var backoff: Backoff
    private var random: SplitMix64
    private var lastError: String?
    private var toldTrouble = ""
    /// Of what came in, on earlier connections.
    private var dropped: UInt64 = 0
    private var statusDueAt = MonotonicTime.distantPast

    init(_ room: UpstreamRoom) throws(SystemError) {
        self.room = room
        loop = try EventLoop()
        let now = room.time.now()
        integrations = IntegrationDesk(
            site: room.site, plan: room.plan, board: room.board, stateFolder: room.stateFolder, now: now.monotonic)
        flex = room.plan.flex.map { FlexDesk(plan: $0, site: room.site, stateFolder: room.stateFolder) }
        pump = UpstreamPump(
            site: room.site, plan: room.plan, board: room.board, feed: room.feed, now: now,
            metadata: integrations.metadata)
        if let plan = room.plan.backfill, let history = room.history {
            pump.backfill = Backfill(
                plan: plan, site: room.site, table: room.board.points, feed: history, stateFolder: room.stateFolder,
                now: now.wall)
        }
        var seed = SystemRandomNumberGenerator()
        backoff = Backoff(seed: seed.next())
        random = SplitMix64(seed: seed.next())
        try loop.add(room.commands.wakeup.descriptor.raw, .readable) { _ in }
    }

    func run() {
        for point in integrations.orphans {
            tell(
                .warning, "\(point) keeps what an integration had set: the site file no longer names the two",
                room.time.now())
        }
        while !room.isStopping.load(ordering: .acquiring) {
            let now = room.time.now()
            takeCommands(now)
            // Also while no broker answers: an integration that has fallen silent must not keep its value.
            for (kind, actor) in integrations.overdue(at: now.monotonic) { ask(kind, actor, now) }
            maintain(now)
            let hasMore = isConnected && work(now)
            publishStatus(now)
            watch()
            room.heartbeat.beat()
            let tick = isConnected ? room.plan.cadence.scan.wholeMilliseconds : 200
            // epoll_wait fails only for reasons that are our own bugs; the tick keeps us from spinning.
            do throws(SystemError) { try loop.turn(timeout_ms: hasMore ? 0 : Int32(tick)) } catch {
                Log.write(.fault, "upstream", error.description)
            }
        }
        farewell()
    }

    private func takeCommands(_ now: Moment) {
        for command in room.commands.takeAll() {
            switch command {
            case .replay(let sequence, let hears): hears(replay(after: sequence))
            case .replaySince(let time, let hears): hears(replay(after: room.feed.sequence(before: time)))
            case .power(let feeds): flex?.take(feeds, into: &pump.outbox, at: now)
            case .answered(let answer, let actor, let what, let value): tell(answer, actor, what, value, now)
            }
        }
    }

    private func replay(after sequence: UInt64) -> UInt64 {
        let count = pump.events.replay(after: sequence)
        statusDueAt = .distantPast
        if count > 0 {
            Log.write(.notice, "upstream", "\(count) events are sent again, from number \(sequence + 1)")
        }
        return count
    }

    // MARK: - Connection

    private func maintain(_ now: Moment) {
        if dialling != nil { return awaitDialling(now) }
        guard let connection else {
            if now.monotonic >= attemptAt { dial(now) }
            return
        }
        connection.housekeeping()
        switch connection.state {
        case .failed(let reason): lost(connection, reason, now)
        case .connecting where now.monotonic > answerBy: lost(connection, "no answer in time", now)
        case .connecting: break
        case .connected where !isConnected: connected(connection, now)
        case .connected where pump.events.isStalled(at: now.monotonic):
            lost(connection, "it takes events and acknowledges none", now)
        case .connected: break
        }
    }

    private func dial(_ now: Moment) {
        let broker = room.plan.brokers[brokerIndex]
        let clientID = room.clientID, will = pump.lastWill(at: now), toSkip = Int(random.next() % 60_000)
        let way = room.dial
        answerBy = now.monotonic + UpstreamOwner.answerLimit
        do throws(SystemError) {
            dialling = try Dialling(wakeup: room.commands.wakeup) { () throws(BrokerConnection.Refusal) in
                try way(broker, clientID, will, toSkip)
            }
        } catch {
            failed(broker, error.description, now)
        }
    }

    private func awaitDialling(_ now: Moment) {
        let broker = room.plan.brokers[brokerIndex]
        switch dialling?.take() {
        case .connection(let made):
            dialling = nil
            connection = made
        case .refused(let why):
            dialling = nil
            failed(broker, why, now)
        case nil where now.monotonic > answerBy:
            dialling = nil
            failed(broker, "the name server does not answer", now)
        case nil: break
        }
    }

    private func connected(_ connection: BrokerConnection, _ now: Moment) {
        isConnected = true
        connectedAt = now.monotonic
        lastError = nil
        let again = pump.connected(isSessionPresent: connection.isSessionPresent, at: now)
        var text = "connected to \(connection.broker.address)"
        if again > 0 { text += "; it has forgotten our session: \(again) events are sent again" }
        for (topic, qos) in integrations.topics + (flex?.topics ?? []) { connection.subscribe(topic, qos: qos) }
        tell(.notice, text, now)
        statusDueAt = .distantPast
    }

    private func lost(_ connection: BrokerConnection, _ reason: String, _ now: Moment) {
        unwatch()
        let wasGood = isConnected && now.monotonic - connectedAt >= UpstreamOwner.goodAfter
        let wasConnected = isConnected
        if isConnected {
            pump.disconnected(at: now)
            tell(.warning, "connection to \(connection.broker.address) lost: \(reason)", now)
        }
        isConnected = false
        dropped += UInt64(connection.receivedAndDropped)
        self.connection = nil
        failed(connection.broker, reason, now, wasConnected: wasConnected)
        if wasGood {
            // From the first again: the order says which is preferred.
            backoff.reset()
            brokerIndex = 0
            attemptAt = now.monotonic + backoff.next(atMost: wasConnected ? UpstreamOwner.dropLimit : Backoff.last)
        }
    }

    /// The next broker at once while there are untried ones, then a pause and from the first again.
    private func failed(_ broker: BrokerPlan, _ reason: String, _ now: Moment, wasConnected: Bool = false) {
        let text = "\(broker.address): \(reason)"
        if lastError != text { Log.write(.warning, "upstream", text) }
        lastError = text
        statusDueAt = .distantPast
        brokerIndex += 1
        attemptAt = now.monotonic
        if brokerIndex >= room.plan.brokers.count {
            brokerIndex = 0
            attemptAt = now.monotonic + backoff.next(atMost: wasConnected ? UpstreamOwner.dropLimit : Backoff.last)
        }
    }

    // MARK: - Work

    /// True when more could be sent at once.
    private func work(_ now: Moment) -> Bool {
        guard let connection else { return false }
        pump.acknowledge(connection.takeAcknowledged(), at: now.monotonic)
        for message in connection.takeReceived() { hear(message, now) }
        flex?.turn(room.power.value, into: &pump.outbox, at: now)
        let hasMore = pump.turn(to: connection, at: now)
        pump.events.commit(at: now.monotonic)
        return hasMore
    }

    private func watch() {
        guard let connection, let descriptor = connection.descriptor else { return unwatch() }
        let wantsWrite = connection.wantsWrite || connection.state == .connecting
        if let watched, watched == (descriptor, wantsWrite) { return }
        let interest: EventLoop.Interest = wantsWrite ? [.readable, .writable] : .readable
        do throws(SystemError) {
            if watched?.descriptor == descriptor {
                try loop.change(descriptor, interest)
            } else {
                unwatch()
                try loop.add(descriptor, interest) { [weak self] happened in self?.handle(happened) }
            }
            watched = (descriptor, wantsWrite)
        } catch {
            Log.write(.fault, "upstream", error.description)
        }
    }

    private func unwatch() {
        if let watched { loop.remove(watched.descriptor) }
        watched = nil
    }

    private func handle(_ happened: EventLoop.Interest) {
        guard let connection else { return }
        if happened.contains(.writable) { connection.writable() }
        if happened != .writable { connection.readable() }
    }

    // MARK: - Requests from outside

    private func hear(_ message: IncomingMessage, _ now: Moment) {
        if let heard = flex?.hear(message, at: now) {
            switch heard {
            case .request(let kind, let actor): ask(kind, actor, now)
            case .event(let draft): report(draft)
            case .nothing: break
            }
        } else if let heard = integrations.hear(message, at: now) {
            carryOut(heard, now)
        }
    }

    private func carryOut(_ heard: IntegrationDesk.Heard, _ now: Moment) {
        switch heard {
        case .request(let kind, let actor): ask(kind, actor, now)
        case .confirmed(let point, let value, let actor): outcome(actor, point, value, "confirmed", "", now)
        case .echo(let message): pump.add(urgent: message)
        case .refused(let draft, let back):
            if let draft {
                report(draft)
                outcome(draft.actor ?? "upstream", draft.subject, nil, "refused", draft.text, now)
            }
            if let back { ask(back.kind, back.actor, now) }
        case .nothing: break
        }
    }

    /// Hands a request to Control; its answer comes back by our own mailbox.
    private func ask(_ kind: ControlRequest.Kind, _ actor: String, _ now: Moment) {
        var what = "power targets"
        var value: Double?
        if case .write(let point, let number, _, _) = kind { (what, value) = (point, number) }
        let commands = room.commands
        let request = ControlRequest(actor: Actor(actor, .upstream), kind: kind) { [what, value] answer in
            commands.send(.answered(answer, actor: actor, what: what, value: value))
        }
        if !room.requests.send(request) {
            let text = "command refused: too many requests wait"
            report(
                EventDraft(
                    time: now, kind: .commandRefused, severity: .warning, subject: "upstream", text: text, actor: actor)
            )
            outcome(actor, what, value, "refused", text, now)
            _ = integrations.answered(nil, actor, what, value, at: now.monotonic)
        }
    }

    /// Control has journalled it already; here it is told to the asker and kept for the status.
    private func tell(_ answer: ControlAnswer, _ actor: String, _ what: String, _ value: Double?, _ now: Moment) {
        carryOut(integrations.answered(answer, actor, what, value, at: now.monotonic), now)
        switch answer {
        case .refused(let why), .notFound(let why), .forbidden(let why):
            lastRefusal = "\(actor): \(what): \(why)"
            outcome(actor, what, value, "refused", why, now)
        case .done(let text): outcome(actor, what, value, "done", text, now)
        case .written(.confirmed(let number)): outcome(actor, what, number, "confirmed", "", now)
        case .written(.mismatch(let number)): outcome(actor, what, number, "mismatch", "reads back differently", now)
        case .written(.rejected(let why)):
            lastRefusal = "\(actor): \(what): \(why)"
            outcome(actor, what, value, "rejected", why, now)
        case .written(.unknown(let why)): outcome(actor, what, value, "unknown", why, now)
        }
    }

    private func outcome(
        _ actor: String, _ what: String, _ value: Double?, _ result: String, _ reason: String, _ now: Moment
    ) {
        var writer = ByteWriter(capacity: 256)
        writer.beginObject()
        writer.field("actor", actor)
        writer.field("subject", what)
        writer.field("value", value)
        writer.field("outcome", result)
        if !reason.isEmpty { writer.field("reason", reason) }
        writer.field("time", now.wall.milliseconds)
        writer.endObject()
        pump.outbox.add(OutgoingMessage(topic: "mdc/v1/\(room.site)/outcomes", payload: writer.bytes, qos: 1))
    }

    private func report(_ draft: EventDraft) {
        if draft.kind == .commandRefused { lastRefusal = "\(draft.actor ?? "upstream"): \(draft.text)" }
        room.events.send(draft)
    }

    // MARK: - Telling

    private func tell(_ severity: Severity, _ text: String, _ now: Moment) {
        Log.write(severity >= .warning ? .warning : .notice, "upstream", text)
        room.events.send(
            EventDraft(time: now, kind: .upstreamChanged, severity: severity, subject: "upstream", text: text))
    }

    private func publishStatus(_ now: Moment) {
        if now.monotonic < statusDueAt { return }
        statusDueAt = now.monotonic + .seconds(1)
        let backlog = pump.events.backlog()
        var status = UpstreamStatus(
            broker: connection?.broker.address, isConnected: isConnected, lastError: lastError,
            eventsBehind: backlog.count, oldestUnsent: backlog.oldest)
        status.trouble = trouble(now)
        status.eventsLost = pump.events.lost
        status.messagesDropped = pump.outbox.dropped + dropped + UInt64(connection?.receivedAndDropped ?? 0)
        status.backfillMinutes = pump.backfill?.minutesLeft ?? 0
        status.eventsSent = pump.events.sent
        status.valuesSent = pump.points.valuesSent
        status.lastRefusal = lastRefusal
        room.publish(status, now)
    }

    /// What cannot be kept or signed; its beginning and its end are events.
    private func trouble(_ now: Moment) -> String? {
        let text = [flex?.trouble, integrations.trouble, pump.backfill?.trouble].compactMap { $0 }
            .joined(separator: "; ")
        if text != toldTrouble {
            toldTrouble = text
            tell(text.isEmpty ? .notice : .warning, text.isEmpty ? "what could not be kept can be again" : text, now)
        }
        return text.isEmpty ? nil : text
    }

    /// Says that we go, so that nobody has to wait for the last will; the network gets half a second.
    private func farewell() {
        guard let connection, isConnected else { return }
        let deadline = SystemTime.monotonic + .milliseconds(500)
        _ = connection.publish(pump.farewell(at: room.time.now()))
        while connection.wantsWrite, connection.state == .connected, SystemTime.monotonic < deadline {
            watch()
            do throws(SystemError) { try loop.turn(timeout_ms: 50) } catch { break }
        }
        pump.acknowledge(connection.takeAcknowledged(), at: SystemTime.monotonic)
        pump.events.commit(at: SystemTime.monotonic, isLast: true)
        connection.disconnect()
        unwatch()
    }
}
