internal import Platform
internal import Site

/// The container as flexible load: hears commands, tells power states and breaches.
final class FlexDesk {
    private let plan: FlexPlan
    private let gate: FlexGate
    private let window: ReplayWindow
    private let voice: FlexVoice
    private var key: SigningKey?
    private var keyTrouble: String?
    private var feeds: [PowerFeedStatus] = []
    private var toldBreaches: [String: PowerBreach.State] = [:]
    private var statusDueAt = MonotonicTime.distantPast
    private var refusals = RefusalLimit()

    init(plan: FlexPlan, site: String, stateFolder: String?) {
        self.plan = plan
        window = ReplayWindow(path: stateFolder.map { $0 + "/flex-accepted" })
        gate = FlexGate(plan: plan, window: window)
        voice = FlexVoice(plan: plan, site: site)
        loadKey()
    }

    private func loadKey() {
        do throws(SigningKey.Unusable) {
            key = try SigningKey.load(plan.keyFile, keyID: plan.keyID)
            keyTrouble = nil
        } catch {
            keyTrouble = error.text
        }
    }

    var topics: [(topic: String, qos: Int32)] { gate.topics }

    /// What keeps us from saying or keeping something; nil: nothing.
    var trouble: String? {
        if let keyTrouble { return "power states cannot be signed: \(keyTrouble)" }
        return window.trouble.map { "accepted commands cannot be kept (\($0)): after a restart they could be replayed" }
    }

    // MARK: - Out

    /// What Control decided: a transition goes out at once, the state itself also on a cadence.
    func take(_ feeds: [PowerFeedStatus], into outbox: inout Outbox, at now: Moment) {
        let isFirst = self.feeds.isEmpty
        let hasMoved =
            self.feeds.count != feeds.count || zip(self.feeds, feeds).contains { $0.hasMoved(to: $1) }
        self.feeds = feeds
        if hasMoved, !isFirst, let key,
            let message = voice.powerState(feeds, isPeriodic: false, key: key, at: now)
        {
            outbox.add(message)
            statusDueAt = now.monotonic + plan.statusEvery
        }
        for breach in feeds.compactMap(\.breach) where toldBreaches[breach.id] != breach.state {
            // Resolved before anyone was told of it: there is nothing to resolve out there.
            if breach.state == .resolved, toldBreaches[breach.id] == nil { continue }
            toldBreaches[breach.id] = breach.state == .resolved ? nil : breach.state
            if let key, let message = voice.breach(breach, key: key, at: now) { outbox.add(message) }
        }
    }

    func turn(_ feeds: [PowerFeedStatus], into outbox: inout Outbox, at now: Moment) {
        if now.monotonic < statusDueAt { return }
        statusDueAt = now.monotonic + plan.statusEvery
        if key == nil { loadKey() }
        guard !feeds.isEmpty, let key,
            let message = voice.powerState(feeds, isPeriodic: true, key: key, at: now)
        else { return }
        outbox.add(message)
    }

    // MARK: - In

    enum Heard {
        case request(ControlRequest.Kind, actor: String)
        case event(EventDraft)
        case nothing
    }

    /// Nil: not a topic of ours.
    func hear(_ message: IncomingMessage, at now: Moment) -> Heard? {
        guard let verdict = gate.judge(message, at: now) else { return nil }
        switch verdict {
        case .repetition: return .nothing
        case .loadTargets(let targets, let actor, let correlationID, let trace):
            voice.remember(trace, correlationID)
            return .request(.powerTargets(targets), actor: actor)
        case .enforcement(let breachID, let feed, let text, let actor):
            return .event(
                EventDraft(
                    time: now, kind: .powerBreach, severity: .notice, subject: "feed-\(feed)", text: text,
                    evidence: [Evidence("breach", breachID)], actor: actor))
        case .refused(let why, let actor): return refuse(why, actor, now)
        }
    }

    private func refuse(_ why: String, _ actor: String, _ now: Moment) -> Heard {
        guard let more = refusals.add(at: now.monotonic) else { return .nothing }
        return .event(
            EventDraft(
                time: now, kind: .commandRefused, severity: .warning, subject: "upstream.flex",
                text: "command refused: \(why)\(more)", actor: actor))
    }
}
