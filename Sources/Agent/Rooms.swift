internal import Accelerators
internal import Control
internal import Journal
internal import Modbus
internal import Platform
internal import Security
internal import Site
internal import Status
internal import Upstream

/// Every room of the site plane beside Control, made for one plan, started and stopped together.
struct Rooms {
    let modbus: ModbusRoom
    let security: SecurityRoom
    let accelerators: AcceleratorRoom
    let journal: JournalRoom
    let status: StatusRoom
    let upstream: UpstreamRoom
    let inference: InferenceWatch?
    let agentCheck: AgentCheckRoom?

    init(
        _ plan: SitePlan, board: Board, time: any TimeSource, desk: RequestDesk, runFolder: String, doors: PassedDoors,
        page: PosturePageFile
    ) throws(SystemError) {
        modbus = try ModbusRoom(plan: plan.modbus, board: board, time: time, events: desk.events)
        security = try SecurityRoom(plan: plan.security, board: board, time: time, events: desk.events)
        accelerators = AcceleratorRoom(plan: plan.accelerators, board: board, time: time, events: desk.events)
        let journalled = desk.journalled
        journal = try JournalRoom(
            plan: plan.journal, points: board.points, time: time, key: Credentials.read("journal-key")
        ) { committed in
            journalled.send(committed.ticket)
        }
        upstream = try UpstreamRoom(
            site: plan.name, plan: plan.upstream, board: board, time: time, events: desk.events,
            feed: JournalFeed(journal), requests: desk.requests, stateFolder: plan.journal.folder,
            history: JournalHistory(folder: plan.journal.folder))
        status = try StatusRoom(
            plan: plan.status, layout: SiteLayout(plan), socketPath: runFolder + "/agent.sock",
            stateFolder: plan.journal.folder,
            passed: doors.forStatus(),
            events: JournalEvents(journal),
            actions: ControlActions.table(desk.requests).merging(RoomActions.table(modbus, upstream)) { $1 })
        inference = plan.inference.isEnabled ? try InferenceWatch(plan.inference, accelerators) : nil
        // A page that is not refreshed for three beats belongs to a loop that has stopped deciding.
        agentCheck = try plan.upstream.agentCheck.map { (check) throws(SystemError) in
            try AgentCheckRoom(plan: check) { now in page.page.posture(at: now, staleAfter: .milliseconds(1500)) }
        }
    }

    /// The memory first, so that nothing happens unwritten.
    func start() throws(SystemError) {
        try journal.start()
        try security.start()
        try modbus.start()
        try accelerators.start()
        try inference?.start()
        try upstream.start()
        startAgentCheck()
    }

    /// After the first snapshot: who finds them open finds somebody at home.
    func openDoors() throws(SystemError) { try status.start() }

    /// One door that cannot be opened keeps no other shut.
    private func startAgentCheck() {
        do throws(SystemError) { try agentCheck?.start() } catch {
            Log.write(
                .warning, "agent-check",
                "\(error): load balancers cannot ask; another program has the port, or change upstream.agent-check")
        }
    }

    /// Hands a released command to the thread that owns the device.
    func write(_ command: WriteCommand, results: Mailbox<WriteResult>) {
        let answer: @Sendable (WriteOutcome) -> Void = { outcome in
            results.send(WriteResult(id: command.id, outcome: outcome))
        }
        if accelerators.owns(command.point) {
            accelerators.write(command, answer: answer)
        } else {
            modbus.write(command, answer: answer)
        }
    }

    /// Writers first: nothing changes a device while the rest goes down. The journal goes last.
    func stop() {
        status.stop()
        agentCheck?.stop()
        modbus.stop()
        accelerators.stop()
        security.stop()
        inference?.stop()
        upstream.stop()
        journal.stop()
    }

    var heartbeats: [Heartbeat] {
        modbus.heartbeats + security.heartbeats + accelerators.heartbeats + journal.heartbeats + upstream.heartbeats
            + status.heartbeats
    }

    /// What the rooms say of themselves, beside their points.
    func fill(_ snapshot: inout SiteSnapshot) {
        snapshot.buses = modbus.status
        snapshot.accelerators = accelerators.status.value
        // Control says what is bypassed, the room why a zone cannot be read or is quieted.
        for (index, wires) in security.status.value.enumerated()
        where index < snapshot.zones.count && snapshot.zones[index].reason == nil {
            snapshot.zones[index].reason = wires.reason
        }
        snapshot.journal = journal.status.value
        snapshot.upstream = upstream.heartbeats.isEmpty ? nil : upstream.status.value
        snapshot.inference = inference?.status.value
    }
}
