internal import Control
internal import Diagnostics
internal import Journal
internal import Platform
internal import Profiles
internal import Site
internal import Status
internal import Upstream

/// The site plane: the control loop, with everything it wakes for and everything it hands on. Runs on
/// the thread that calls `run`.
final class SitePlane {
    enum Ending {
        case stopped
        case reload(SitePlan)
    }

    /// Changed readings that come closer than this are judged together; what somebody said or asked is
    /// judged at once.
    private static let stepSpacing = Nanoseconds.milliseconds(40)
    /// The posture page is refreshed, the watchdog fed and ages are judged at least this often.
    private static let beatSpacing = Nanoseconds.milliseconds(500)

    private let plan: SitePlan
    private let isReload: Bool
    private let time: any TimeSource
    private let manager: ServiceManager
    private let page: PosturePageFile
    /// A predecessor's posture, judged moments ago, stands until this plane has judged: a restart and a reload
    /// refuse nobody. It grows stale as it would under a dead agent.
    private var inheritsPosture: Bool
    private let board: Board
    private let boardWakeup: Wakeup
    private let desk: RequestDesk
    private let rooms: Rooms
    private let watch: Watch
    private let console = Console(isJSON: false)
    private var control: Control
    private var outbox = Outbox()
    private let publisher: SnapshotPublisher
    private var firstRound: FirstRound
    private var samples: [Sample] = []
    private var changedPoints: [PointID] = []
    private var changedSlots: [Int] = []
    private var health = AgentHealth()
    private var pace = ControlPace()
    private var hasReadings = true
    private var hasNews = true
    private var lastStep = MonotonicTime.distantPast
    private var nextBeat = MonotonicTime.distantPast
    private var lastComputed = MonotonicTime.distantPast
    private var controlDeadline: MonotonicTime?
    private var areDoorsOpen = false
    private var isReady = false
    private var givesBackAt: MonotonicTime?

    /// What Control remembers, for the plane that follows a reload.
    private(set) var memory: [UInt8]?
    /// Reads the site file again; throws the faults of one that is refused.
    private let reload: () throws(SiteFile.Refused) -> SitePlan

    init(
        _ plan: SitePlan, runFolder: String, page: PosturePageFile, doors: PassedDoors, manager: ServiceManager,
        memory: [UInt8]?, reload: @escaping () throws(SiteFile.Refused) -> SitePlan
    ) throws(SystemError) {
        let time = SystemTime()
        // Where it cannot be made the journal says so, and keeps its events in memory.
        do throws(SystemError) { try makeFolder(plan.journal.folder, mode: 0o750) } catch {
            Log.write(.warning, "journal", "\(error)")
        }
        let now = time.now()
        inheritsPosture = page.page.posture(at: now.monotonic, staleAfter: plan.inference.postureStaleAfter) != nil
        self.plan = plan
        isReload = memory != nil
        self.time = time
        self.page = page
        self.manager = manager
        self.reload = reload
        boardWakeup = try Wakeup()
        board = Board(PointTable(plan.points), wakeup: boardWakeup)
        desk = try RequestDesk()
        rooms = try Rooms(plan, board: board, time: time, desk: desk, runFolder: runFolder, doors: doors, page: page)
        firstRound = FirstRound(plan, board, now: now.monotonic)
        let remembered = memory ?? SitePlane.storedMemory(rooms.journal)
        self.memory = remembered
        control = Control(
            site: plan, points: board.points, memory: remembered, seed: UInt64(now.wall.milliseconds), now: now)
        publisher = SnapshotPublisher(plan, board, rooms)
        watch = Watch(rooms.heartbeats, manager)
    }

    private static func storedMemory(_ journal: JournalRoom) -> [UInt8]? {
        do throws(StorageFault) { return try journal.reader().state("control") } catch {
            Log.write(.warning, "journal", "what Control remembered cannot be read: \(error)")
            return nil
        }
    }

    func run(_ signals: borrowing Signals) throws(SystemError) -> Ending {
        let loop = try EventLoop()
        let timer = try TimerDescriptor()
        try rooms.start()
        desk.events.send(
            isReload
                ? note(.configurationChanged, .notice, "the site file was taken over: \(board.points.count) points")
                : note(.agentStarted, .notice, "mdc-agent \(agentVersion) started: \(board.points.count) points"))
        try loop.add(boardWakeup.descriptor.raw, .readable) { [self] _ in
            boardWakeup.hush()
            hasReadings = true
        }
        for wakeup in desk.news { try loop.add(wakeup.descriptor.raw, .readable) { [self] _ in hasNews = true } }
        try loop.add(desk.journalled.wakeup.descriptor.raw, .readable) { _ in }
        try loop.add(timer.descriptor.raw, .readable) { _ in }
        var wishes: [Signals.Wish] = []
        let signalDescriptor = signals.descriptor.raw
        try loop.add(signalDescriptor, .readable) { _ in wishes += Signals.take(signalDescriptor) }
        while true {
            try work()
            timer.arm(at: nextWake())
            try loop.turn()
            timer.drain()
            for wish in wishes {
                guard let ending = obey(wish) else { continue }
                if case .stopped = ending { sayGoodbye() }
                shutDown()
                return ending
            }
            wishes = []
        }
    }

    private func showPosture(_ now: MonotonicTime) {
        inheritsPosture =
            inheritsPosture && publisher.isStarting
            && page.page.posture(at: now, staleAfter: plan.inference.postureStaleAfter) != nil
        if !inheritsPosture { page.page.publish(publisher.posture, at: now) }
    }

    // MARK: - One turn

    private func work() throws(SystemError) {
        let now = time.now()
        for ticket in desk.journalled.takeAll() { outbox.isJournalled(ticket) }
        let isBeat = now.monotonic >= nextBeat
        if isBeat { lookAtOurselves(now) }
        if isBeat || hasNews || (hasReadings && now.monotonic - lastStep >= SitePlane.stepSpacing)
            || controlDeadline.map({ $0 <= now.monotonic }) ?? false
        {
            step(now, ages: isBeat)
        }
        while let decisions = outbox.next(at: now.monotonic) { carryOut(decisions, now) }
        if isBeat {
            nextBeat = now.monotonic + SitePlane.beatSpacing
            if let due = givesBackAt, now.monotonic >= due {
                givesBackAt = now.monotonic + .seconds(600)
                giveBackIdleMemory()
            }
            publisher.beat(stuck: health.stuck, pace: pace)
        }
        if isBeat { showPosture(now.monotonic) }
        publisher.publishIfDue(now)
        if !areDoorsOpen, publisher.hasPublished {
            areDoorsOpen = true
            try rooms.openDoors()
        }
        if !isReady, firstRound.isOver(board, now: now.monotonic), publisher.hasPublished { becomeReady() }
    }

    /// `ages`: every watched point is looked at, because readings grow old without a change; otherwise
    /// what changed.
    private func step(_ now: Moment, ages: Bool) {
        hasNews = false
        hasReadings = false
        lastStep = now.monotonic
        boardWakeup.drain()
        let changes = takeChanges(now)
        if !changes.isEmpty { rooms.journal.record(changes) }
        if ages || samples.isEmpty {
            control.gather(board, at: now.monotonic, into: &samples)
        } else {
            control.gather(changedPoints, of: board, at: now.monotonic, into: &samples, changed: &changedSlots)
        }
        let decisions = control.step(
            ControlInputs(
                samples: samples, changed: ages ? nil : changedSlots, requests: desk.requests.takeAll(),
                drafts: desk.events.takeAll(), writeResults: desk.writeResults.takeAll(),
                lanes: rooms.inference?.status.value?.lanes ?? [], health: health),
            now: now)
        controlDeadline = decisions.nextDeadline
        if let fresh = decisions.memory { memory = fresh }
        var ticket: UInt64?
        if !decisions.events.isEmpty || decisions.memory != nil {
            let given = rooms.journal.append(decisions.events, memory: decisions.memory)
            // A memory alone is not news: nobody waits for it.
            if !decisions.events.isEmpty { ticket = given }
        }
        outbox.add(decisions, ticket: ticket, at: now.monotonic)
        pace.add(SystemTime.monotonic - now.monotonic)
    }

    private func takeChanges(_ now: Moment) -> [HistorySample] {
        var changes: [HistorySample] = []
        changedPoints.removeAll(keepingCapacity: true)
        board.takeChanges { id in
            changedPoints.append(id)
            publisher.hasReadings = true
            if board.holdsText(id) { return }
            let sample = board.sample(id, at: now.monotonic)
            changes.append(
                HistorySample(point: id, wall: now.wall, number: sample.number, quality: sample.quality))
        }
        return changes
    }

    /// The watchdog's look, and what the journal says of itself: alarms like any other.
    private func lookAtOurselves(_ now: Moment) {
        let journal = rooms.journal.status.value
        health = AgentHealth(
            storageTrouble: journal.isDurable ? nil : journal.lastError ?? "the journal is not open",
            historyTrouble: journal.isDurable ? journal.lastError : nil, stuck: watch.look(now.monotonic))
    }

    /// In the order that `Decisions` names: shown, then done, then answered.
    private func carryOut(_ decisions: Decisions, _ now: Moment) {
        // Sums that grow with every look would wake us for themselves: once a beat is enough.
        if now.monotonic - lastComputed >= SitePlane.beatSpacing {
            lastComputed = now.monotonic
            for computed in decisions.published { board.publish(computed, at: now) }
        }
        if publisher.take(decisions) { showPosture(now.monotonic) }
        rooms.upstream.tell(power: decisions.power)
        for command in decisions.writes { rooms.write(command, results: desk.writeResults) }
        if !decisions.answers.isEmpty { publisher.publishIfDue(now, isAsked: true) }
        for answered in decisions.answers { answered.request.answer?(answered.answer) }
    }

    private func nextWake() -> MonotonicTime {
        var wake = nextBeat
        if hasReadings { wake = min(wake, lastStep + SitePlane.stepSpacing) }
        if let controlDeadline { wake = min(wake, controlDeadline) }
        if let due = outbox.patienceEnds { wake = min(wake, due) }
        if let due = publisher.nextDue { wake = min(wake, due) }
        return wake
    }

    // MARK: - Life

    private func becomeReady() {
        isReady = true
        // The first rounds and the first writing of the history (10 s) run code that later ones rarely do.
        givesBackAt = SystemTime.monotonic + .seconds(12)
        manager.ready(publisher.statusLine)
        if !Log.isUnderSystemd {
            for address in rooms.status.addresses { console.line("agent       \(address)") }
            console.line("ready")
        }
    }

    private func obey(_ wish: Signals.Wish) -> Ending? {
        switch wish {
        case .stop: return .stopped
        case .reload:
            manager.reloading(at: SystemTime.monotonic)
            do throws(SiteFile.Refused) { return .reload(try reload()) } catch {
                for fault in error.faults { Log.write(.fault, "site file", fault.description) }
                desk.events.send(
                    note(
                        .configurationRefused, .warning,
                        "the site file was refused, the old one stays: \(error.faults.first?.description ?? "")"))
                manager.ready("site file refused, the old one stays; " + publisher.statusLine)
                return nil
            }
        }
    }

    private func sayGoodbye() {
        manager.stopping()
        desk.events.send(note(.agentStopping, .notice, "mdc-agent is stopping"))
    }

    /// What was decided is written before the rooms go: nothing is lost, nobody is left without an answer.
    private func shutDown() {
        step(time.now(), ages: true)
        rooms.stop()
        let now = time.now()
        for decisions in outbox.releaseAll() { carryOut(decisions, now) }
    }

    private func note(_ kind: EventKind, _ severity: Severity, _ text: String) -> EventDraft {
        EventDraft(time: time.now(), kind: kind, severity: severity, subject: "agent", text: text)
    }
}
