// Upstream: tells the world what the container measures and what happened in it, over MQTT, and takes
// requests from there. It loses no event, keeps no growing queue, and must never change a device itself:
// what is asked of the container goes to Control.
public import Platform
public import Site

public final class UpstreamRoom: Sendable {
    public let status: Latest<UpstreamStatus>
    let site: String
    let plan: UpstreamPlan
    let board: Board
    let time: any TimeSource
    let events: Mailbox<EventDraft>
    let feed: any EventFeed
    let commands: Mailbox<UpstreamCommand>
    let heartbeat: Heartbeat
    private let thread: Latest<OwnerThread?>
    private let connectedPoint: PointID?
    private let behindPoint: PointID?

    var clientID: String { plan.clientID ?? "mdc-agent-\(site)" }

    public init(
        site: String, plan: UpstreamPlan, board: Board, time: any TimeSource, events: Mailbox<EventDraft>,
        feed: any EventFeed
    ) throws(SystemError) {
        self.site = site
        self.plan = plan
        self.board = board
        self.time = time
        self.events = events
        self.feed = feed
        commands = try Mailbox(capacity: 64)
        // A name server that does not answer holds the thread for its own time-out: 5 s, twice, for two servers.
        heartbeat = Heartbeat("upstream", limit: .seconds(40))
        status = Latest(UpstreamStatus(broker: nil, isConnected: false))
        thread = Latest(nil)
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
        commands.send(.stop)
        thread.value?.join()
        thread.publish(nil)
    }

    /// Sends every event after this number again.
    public func replay(after sequence: UInt64) { commands.send(.replay(after: sequence)) }

    /// Sends every event since that time again.
    public func replay(since time: WallTime) { commands.send(.replaySince(time)) }

    func publish(_ status: UpstreamStatus, _ now: Moment) {
        self.status.publish(status)
        if let connectedPoint { board.publish(connectedPoint, status.isConnected ? 1 : 0, at: now) }
        if let behindPoint { board.publish(behindPoint, Double(status.eventsBehind), at: now) }
    }
}
