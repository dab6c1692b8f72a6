internal import Control
internal import Platform
internal import Site
internal import Status

/// Makes the snapshot that everyone who asks is answered from: at most five a second, at least one a beat.
final class SnapshotPublisher {
    private static let spacing = Nanoseconds.milliseconds(200)

    private let plan: SitePlan
    private let board: Board
    private let rooms: Rooms
    private var decisions: Decisions?
    private var stuck: [String] = []
    private var pace = ControlPace()
    private var last = MonotonicTime.distantPast
    /// What was decided or said has changed: shown as soon as the spacing allows.
    private var hasNews = false
    /// Only readings have changed: nobody but a watcher sees them between two beats.
    var hasReadings = false

    init(_ plan: SitePlan, _ board: Board, _ rooms: Rooms) {
        self.plan = plan
        self.board = board
        self.rooms = rooms
    }

    var hasPublished: Bool { last > .distantPast }
    var nextDue: MonotonicTime? { isDue && decisions != nil ? last + SnapshotPublisher.spacing : nil }
    private var isDue: Bool { hasNews || hasReadings && rooms.status.isWatched }

    /// Before the first decision nothing is allowed.
    var posture: Posture {
        decisions?.posture
            ?? Posture(state: .drain, reason: "the agent has just started", since: WallTime(milliseconds: 0))
    }

    /// What there was to read has not been read yet.
    var isStarting: Bool { decisions?.isStarting ?? true }

    var statusLine: String {
        "\(posture.state.text): \(posture.reason); \(board.points.count) points, "
            + "\(decisions?.alarms.filter(\.isActive).count ?? 0) alarms"
    }

    /// True when the posture is another one than before.
    func take(_ decisions: Decisions) -> Bool {
        let isOtherPosture = decisions.posture != self.decisions?.posture
        if isOtherPosture || decisions.alarmsVersion != self.decisions?.alarmsVersion
            || decisions.zones != self.decisions?.zones || decisions.arming != self.decisions?.arming
        {
            hasNews = true
        }
        self.decisions = decisions
        return isOtherPosture
    }

    /// Counters of the rooms change all the time: they are shown once a beat.
    func beat(stuck: [String], pace: ControlPace) {
        self.stuck = stuck
        self.pace = pace
        hasNews = true
    }

    /// `isAsked`: somebody is about to be told that it is done, and must find it so.
    func publishIfDue(_ now: Moment, isAsked: Bool = false) {
        let isTimely = isDue && now.monotonic - last >= SnapshotPublisher.spacing
        guard isAsked || isTimely, let decisions else { return }
        hasNews = false
        hasReadings = false
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
        snapshot.pace = pace
        rooms.fill(&snapshot)
        rooms.status.publish(snapshot)
    }
}
