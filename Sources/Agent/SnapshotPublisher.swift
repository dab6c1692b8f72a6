internal import Control
internal import Platform
internal import Site
internal import Status

/// Makes the snapshot that everyone who asks is answered from: at most five a second, at least one.
struct SnapshotPublisher {
    private static let spacing = Nanoseconds.milliseconds(200)

    private let plan: SitePlan
    private let board: Board
    private let rooms: Rooms
    private var decisions: Decisions?
    private var stuck: [String] = []
    private var last = MonotonicTime.distantPast
    var isChanged = false

    init(_ plan: SitePlan, _ board: Board, _ rooms: Rooms) {
        self.plan = plan
        self.board = board
        self.rooms = rooms
    }

    var hasPublished: Bool { last > .distantPast }
    var nextDue: MonotonicTime? { isChanged && decisions != nil ? last + SnapshotPublisher.spacing : nil }

    /// Before the first decision nothing is allowed.
    var posture: Posture {
        decisions?.posture
            ?? Posture(state: .drain, reason: "the agent has just started", since: WallTime(milliseconds: 0))
    }

    var statusLine: String {
        "\(posture.state.text): \(posture.reason); \(board.points.count) points, "
            + "\(decisions?.alarms.filter(\.isActive).count ?? 0) alarms"
    }

    mutating func take(_ decisions: Decisions) {
        if decisions.alarmsVersion != self.decisions?.alarmsVersion || decisions.posture != self.decisions?.posture
            || decisions.zones != self.decisions?.zones || decisions.arming != self.decisions?.arming
            || decisions.power != self.decisions?.power
        {
            isChanged = true
        }
        self.decisions = decisions
    }

    /// Counters of the rooms change all the time: they are shown once a beat.
    mutating func beat(stuck: [String]) {
        self.stuck = stuck
        isChanged = true
    }

    /// `isAsked`: somebody is about to be told that it is done, and must find it so.
    mutating func publishIfDue(_ now: Moment, isAsked: Bool = false) {
        guard isChanged, let decisions, isAsked || now.monotonic - last >= SnapshotPublisher.spacing else { return }
        isChanged = false
        last = now.monotonic
        var snapshot = SiteSnapshot(
            site: plan.name, title: plan.title, version: agentVersion, time: now, points: board.points,
            readings: board.points.ids.map { board.reading($0, at: now.monotonic) }, posture: decisions.posture)
        snapshot.arming = decisions.arming
        snapshot.alarms = decisions.alarms
        snapshot.zones = decisions.zones
        snapshot.power = decisions.power
        snapshot.energy = decisions.energy
        snapshot.stuck = stuck
        rooms.fill(&snapshot)
        rooms.status.publish(snapshot)
    }
}
