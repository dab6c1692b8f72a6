internal import Platform
internal import Site

/// Points that somebody upstream may ask to change: offered by metadata, asked for on derived topics,
/// judged here by the site file's limits, and then by the guard like any other write. Silence or nonsense
/// sends a point back to its safe value, and it is asked for until it is confirmed to be there.
final class IntegrationDesk {
    enum Heard {
        case request(ControlRequest.Kind, actor: String)
        /// It reads that value already: nothing to write.
        case confirmed(point: String, value: Double, actor: String)
        /// Nil: one of a flood, only counted. Then the point may have to go back to safe.
        case refused(EventDraft?, then: (kind: ControlRequest.Kind, actor: String)?)
        case echo(OutgoingMessage)
        case nothing
    }

    /// Between the first attempts to go back to safe; each costs events, so a device that is away for long is
    /// asked ever less often.
    static let returnEvery = Nanoseconds.seconds(15)
    static let returnEveryMax = Nanoseconds.seconds(300)
    /// Control answers every request within its own limits (30 s of the guard's); this is for a lost answer.
    static let answerWithin = Nanoseconds.seconds(60)

    private let board: Board
    private let startedAt: MonotonicTime
    private var offers: [IntegrationOffer] = []
    private var callers: [IntegrationCaller] = []
    private var memory: StateFile
    /// Points of the last life that nobody may ask for any more: they keep what they were given.
    private(set) var orphans: [String] = []

    init(site: String, plan: UpstreamPlan, board: Board, stateFolder: String?, now: MonotonicTime) {
        self.board = board
        startedAt = now
        let book = IdentityBook(site: site, plan: plan, table: board.points)
        for integration in plan.integrations {
            callers.append(IntegrationCaller(integration, site))
            for point in integration.points {
                offers.append(IntegrationOffer(point, integration.id, site, board.points, book))
            }
        }
        memory = StateFile(stateFolder.map { $0 + "/integrations" })
        recall()
    }

    var metadata: [OutgoingMessage] { callers.flatMap(\.metadata) + offers.map(\.metadata) }
    var topics: [(topic: String, qos: Int32)] {
        callers.map { ($0.heartbeatTopic, 0) } + offers.map { ($0.topic, 1) }
    }
    var trouble: String? {
        memory.trouble.map { "what integrations have set cannot be kept (\($0)): after a restart it would stay" }
    }

    // MARK: - Requests

    /// Nil: not a topic of ours.
    func hear(_ message: IncomingMessage, at now: Moment) -> Heard? {
        if let index = callers.firstIndex(where: { $0.heartbeatTopic == message.topic }) {
            guard let value = IntegrationValue(message.payload), let number = value.number, value.isGood,
                !message.isRetained
            else { return .nothing }
            callers[index].beats(number, at: now.monotonic)
            return .echo(
                OutgoingMessage(topic: callers[index].echoTopic, payload: IntegrationValue.render(number, now)))
        }
        guard let index = offers.firstIndex(where: { $0.topic == message.topic }),
            let caller = callers.firstIndex(where: { $0.plan.id == offers[index].integration })
        else { return nil }
        do throws(Objection) {
            let value = try judge(message, offers[index], callers[caller], now)
            if callers[caller].refusals.isReached(at: now.monotonic) { return .refused(nil, then: nil) }
            return ask(index, value, now.monotonic)
        } catch {
            let back = error.isNonsense ? backToSafe(index, "asks for nonsense", now.monotonic) : nil
            let more = callers[caller].refusals.add(at: now.monotonic)
            let draft = more.map { more in
                EventDraft(
                    time: now, kind: .commandRefused, severity: .warning, subject: offers[index].point.name,
                    text: "request refused: \(error.text)\(more)", actor: offers[index].actor)
            }
            return .refused(draft, then: back)
        }
    }

    private struct Objection: Error {
        let text: String
        /// The asker is confused, and the point must not keep what it set. Else only this request is not taken.
        var isNonsense = false
    }

    private func judge(
        _ message: IncomingMessage, _ offer: IntegrationOffer, _ caller: IntegrationCaller, _ now: Moment
    )
        throws(Objection) -> Double
    {
        if message.isRetained { throw Objection(text: "a retained request may be of any age") }
        guard let value = IntegrationValue(message.payload) else {
            throw Objection(text: "not a value message: expected value, timestamp and quality, and nothing else")
        }
        guard caller.isAlive(at: now.monotonic) else { throw Objection(text: "its heartbeat is not there") }
        let off = (value.time.milliseconds - now.wall.milliseconds).magnitude
        if off > UInt64(max(caller.plan.heartbeatTimeout.wholeMilliseconds, 60_000)) {
            throw Objection(text: "its time is \(off / 1000) s from ours")
        }
        guard value.isGood, let number = value.number else {
            throw Objection(text: "the integration calls its own value bad", isNonsense: true)
        }
        if number < offer.point.minimum || number > offer.point.maximum {
            throw Objection(
                text: "\(number) is outside \(offer.point.minimum) to \(offer.point.maximum)", isNonsense: true)
        }
        if let rate = offer.point.changePerMinuteMax {
            let from = offer.asked?.value ?? reading(offer, now.monotonic) ?? offer.point.safe
            // However long nobody asked: one request moves at most what a minute allows.
            let minutes = offer.asked.map { min(max((now.monotonic - $0.at).seconds / 60, 1 / 60), 1) } ?? 1
            if (number - from).magnitude > rate * minutes * (1 + 1e-9) {
                throw Objection(text: "\(number) after \(from) is faster than \(rate) per minute")
            }
        }
        return number
    }

    private func reading(_ offer: IntegrationOffer, _ now: MonotonicTime) -> Double? {
        guard let id = board.points.id(of: offer.point.name) else { return nil }
        let reading = board.reading(id, at: now)
        guard reading.isGood, case .number(let number) = reading.value else { return nil }
        return number
    }

    private func ask(_ index: Int, _ value: Double, _ now: MonotonicTime) -> Heard {
        if isUnderWay(index, now) {
            offers[index].next = value
            return .nothing
        }
        let offer = offers[index]
        offers[index].before = (offer.hold, offer.asked)
        offers[index].asked = (value, now)
        offers[index].hold = .asked
        offers[index].attempts = 0
        remember()
        // The bus tells current values again and again; each would cost a write and two events.
        if reading(offer, now) == value { return .confirmed(point: offer.point.name, value: value, actor: offer.actor) }
        offers[index].underWayUntil = now + IntegrationDesk.answerWithin
        return .request(
            .write(point: offer.point.name, value: value, purpose: "integration \(offer.integration)", hold: nil),
            actor: offer.actor)
    }

    private func isUnderWay(_ index: Int, _ now: MonotonicTime) -> Bool {
        offers[index].underWayUntil.map { now < $0 } ?? false
    }

    /// What Control said to a request of ours; nil was no answer. Returns what was asked for meanwhile.
    func answered(_ answer: ControlAnswer?, _ actor: String, _ point: String, _ value: Double?, at now: MonotonicTime)
        -> Heard
    {
        guard let index = offers.firstIndex(where: { $0.actor == actor && $0.point.name == point }) else {
            return .nothing
        }
        offers[index].underWayUntil = nil
        var isConfirmed = false, isRefused = false
        switch answer {
        case .written(.confirmed): isConfirmed = true
        case .written(.rejected), .refused, .notFound, .forbidden, nil: isRefused = true
        case .written, .done: break
        }
        if case .returning = offers[index].hold {
            // The answer to an earlier request frees the way for the safe value.
            let isSafeValue = value == offers[index].point.safe
            let again = isSafeValue ? now + IntegrationDesk.pause(after: offers[index].attempts) : now
            offers[index].hold = isSafeValue && isConfirmed ? .safe : .returning(dueAt: again)
            remember()
        } else if isRefused {
            (offers[index].hold, offers[index].asked) = offers[index].before
            remember()
            if let caller = callers.firstIndex(where: { $0.plan.id == offers[index].integration }) {
                _ = callers[caller].refusals.add(at: now)
            }
        }
        guard let next = offers[index].next else { return .nothing }
        offers[index].next = nil
        return ask(index, next, now)
    }

    // MARK: - Back to safe

    /// Points whose integration is silent, and those that did not get there yet.
    func overdue(at now: MonotonicTime) -> [(kind: ControlRequest.Kind, actor: String)] {
        var requests: [(kind: ControlRequest.Kind, actor: String)] = []
        for index in offers.indices where offers[index].hold != .safe {
            switch offers[index].hold {
            case .asked where !isHeard(offers[index].integration, now):
                if let request = backToSafe(index, "is silent", now) { requests.append(request) }
            case .returning(let dueAt) where now >= dueAt:
                if let request = backToSafe(index, "no longer holds it", now) { requests.append(request) }
            case .safe, .asked, .returning: break
            }
        }
        return requests
    }

    /// After a start an integration has its time to be heard first.
    private func isHeard(_ integration: String, _ now: MonotonicTime) -> Bool {
        guard let caller = callers.first(where: { $0.plan.id == integration }) else { return false }
        return caller.isAlive(at: now) || now - startedAt <= caller.plan.heartbeatTimeout
    }

    private func backToSafe(_ index: Int, _ why: String, _ now: MonotonicTime) -> (
        kind: ControlRequest.Kind, actor: String
    )? {
        if offers[index].hold == .safe { return nil }
        offers[index].asked = nil
        offers[index].next = nil
        let offer = offers[index]
        if isUnderWay(index, now) {
            // The guard takes one write at a time.
            offers[index].hold = .returning(dueAt: now)
            return nil
        }
        if reading(offer, now) == offer.point.safe {
            offers[index].hold = .safe
            remember()
            return nil
        }
        offers[index].attempts += 1
        offers[index].hold = .returning(dueAt: now + IntegrationDesk.pause(after: offers[index].attempts))
        offers[index].underWayUntil = now + IntegrationDesk.answerWithin
        return (
            .write(
                point: offer.point.name, value: offer.point.safe,
                purpose: "integration \(offer.integration) \(why): back to safe", hold: nil), offer.actor
        )
    }

    private static func pause(after attempts: Int) -> Nanoseconds {
        // 15 s twice, then 30 s, a minute, two, four, and five from then on.
        min(Nanoseconds(returnEvery.count << Int64(max(0, min(attempts, 8) - 2))), returnEveryMax)
    }

    // MARK: - Over a restart

    /// Lines of "integration point" that are not known to be at their safe value.
    private func remember() {
        memory.write(offers.filter { $0.hold != .safe }.map { "\($0.integration) \($0.point.name)\n" }.joined())
    }

    private func recall() {
        for line in memory.read().split(separator: 0x0A) {
            let words = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
            guard words.count == 2 else { continue }
            if let index = offers.firstIndex(where: { $0.integration == words[0] && $0.point.name == words[1] }) {
                offers[index].hold = .asked
            } else {
                orphans.append(words[1])
            }
        }
        if !orphans.isEmpty { remember() }
    }
}
