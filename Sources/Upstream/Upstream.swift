// Upstream: tells the world what the container measures and what happened in it, over MQTT, and takes
// requests from there. It loses no event, keeps no growing queue, and must never change a device itself:
// what is asked of the container goes to Control.
public import Platform
public import Site
internal import Synchronization

public final class UpstreamRoom: Sendable {
    public let status: Latest<UpstreamStatus>
    let site: String
    let plan: UpstreamPlan
    let board: Board
    let time: any TimeSource
    let events: Mailbox<EventDraft>
    let feed: any EventFeed
    let requests: Mailbox<ControlRequest>
    let stateFolder: String?
    let history: (any HistoryFeed)?
    let commands: Mailbox<UpstreamCommand>
    let heartbeat: Heartbeat
    private let thread: Latest<OwnerThread?>
    let isStopping = Atomic<Bool>(false)
    let power: Latest<[PowerFeedStatus]>
    private let connectedPoint: PointID?
    private let behindPoint: PointID?
    /// How a connection is made: tests put a slow name server in its place.
    let dial: Dial

    typealias Dial =
        @Sendable (BrokerPlan, _ clientID: String, _ will: OutgoingMessage, _ numbersToSkip: Int)
        throws(BrokerConnection.Refusal) -> BrokerConnection

    var clientID: String { plan.clientID ?? "mdc-agent-\(site)" }

    /// `requests` is Control's mailbox. In `stateFolder` (the journal's) stands what a restart must not forget
    /// of accepted commands.
    public convenience init(
        site: String, plan: UpstreamPlan, board: Board, time: any TimeSource, events: Mailbox<EventDraft>,
        feed: any EventFeed, requests: Mailbox<ControlRequest>, stateFolder: String? = nil,
        history: (any HistoryFeed)? = nil
    ) throws(SystemError) {
        try self.init(
            site: site, plan: plan, board: board, time: time, events: events, feed: feed, requests: requests,
            stateFolder: stateFolder, history: history
        ) { (broker, clientID, will, numbersToSkip) throws(BrokerConnection.Refusal) in
            try BrokerConnection(broker, clientID: clientID, will: will, numbersToSkip: numbersToSkip)
        }
    }

    init(
        site: String, plan: UpstreamPlan, board: Board, time: any TimeSource, events: Mailbox<EventDraft>,
        feed: any EventFeed, requests: Mailbox<ControlRequest>, stateFolder: String?, history: (any HistoryFeed)?,
        dial: @escaping Dial
    ) throws(SystemError) {
        self.dial = dial
        self.site = site
        self.plan = plan
        self.board = board
        self.time = time
        self.events = events
        self.feed = feed
        self.requests = requests
        self.stateFolder = stateFolder
        self.history = history
        commands = try Mailbox(capacity: 64)
        // The journal's reader waits this long for a busy disk at most; names are looked up elsewhere.
        heartbeat = Heartbeat("upstream", limit: .seconds(40))
        status = Latest(UpstreamStatus(broker: nil, isConnected: false))
        thread = Latest(nil)
        power = Latest([])
        connectedPoint = board.points.id(of: "upstream.connected")
        behindPoint = board.points.id(of: "upstream.events-behind")
    }

    /// Without a broker in the site file there is nothing to do and no thread.
    public func start() throws(SystemError) {
        if plan.brokers.isEmpty { return }
        let owner = try OwnerThread("upstream") { [self] in
            do throws(SystemError) { try UpstreamOwner(self).run() } catch {
                Log.write(.fault, "upstream", "cannot run: \(error.description)")
            }
        }
        thread.publish(owner)
    }

    public var heartbeats: [Heartbeat] { plan.brokers.isEmpty ? [] : [heartbeat] }

    public func stop() {
        isStopping.store(true, ordering: .releasing)
        commands.wakeup.signal()
        thread.value?.join()
        thread.publish(nil)
    }

    /// The power budget after a step of Control; cheap to call with each.
    public func tell(power feeds: [PowerFeedStatus]) {
        if plan.flex == nil || plan.brokers.isEmpty { return }
        let hasMoved = power.value.count != feeds.count || zip(power.value, feeds).contains { $0.hasMoved(to: $1) }
        power.publish(feeds)
        if hasMoved { commands.send(.power(feeds)) }
    }

    /// Sends every event after this number again; `answer` hears how many, on the upstream thread.
    public func replay(after sequence: UInt64, _ answer: @escaping @Sendable (UInt64) -> Void = { _ in }) {
        commands.send(.replay(after: sequence, answer))
    }

    /// Events to be sent again as asked over the agent's socket: {"since": epoch ms} or {"after": sequence}.
    /// Returns why not; nil when `answer` will hear how many are sent again.
    public func replay(asked body: JSON, _ answer: @escaping @Sendable (UInt64) -> Void) -> String? {
        if plan.brokers.isEmpty { return "the site file names no broker" }
        let command: UpstreamCommand
        if let sequence = body["after"]?.integer, sequence >= 0 {
            command = .replay(after: UInt64(sequence), answer)
        } else if let time = body["since"]?.integer {
            command = .replaySince(WallTime(milliseconds: Int64(time)), answer)
        } else {
            return "expected 'since' (epoch milliseconds) or 'after' (an event's number)"
        }
        return commands.send(command) ? nil : "the upstream thread has too much to do: try again"
    }

    func publish(_ status: UpstreamStatus, _ now: Moment) {
        self.status.publish(status)
        if let connectedPoint { board.publish(connectedPoint, status.isConnected ? 1 : 0, at: now) }
        if let behindPoint { board.publish(behindPoint, Double(status.eventsBehind), at: now) }
    }
}

extension PowerFeedStatus {
    /// Something that the outside is told at once; measurements alone wait for the cadence.
    func hasMoved(to next: PowerFeedStatus) -> Bool {
        tag != next.tag || lastTransition != next.lastTransition || targets != next.targets
            || isRamping != next.isRamping || isCompliant != next.isCompliant || breach?.id != next.breach?.id
            || breach?.state != next.breach?.state
    }
}
