import Platform
import Security
import Site
import Testing

private struct Bench {
    let clock = HandClock()
    let board: Board
    let events: Mailbox<EventDraft>
    let keeper: ZoneKeeper
    let status = Latest<[ZoneStatus]>([])

    init(_ plan: SecurityPlan, mailbox: Int = 64) throws {
        board = Board(PointTable(plan.points))
        events = try Mailbox(capacity: mailbox)
        keeper = ZoneKeeper(plan: plan, board: board, time: clock, events: events, status: status)
    }

    func reading(_ point: String) throws -> Reading {
        board.reading(try #require(board.points.id(of: point)), at: clock.now().monotonic)
    }

    func move(_ line: Int, _ isHigh: Bool) {
        keeper.lineMoved(line, isHigh: isHigh, isSettled: true, at: clock.now().monotonic)
    }
}

@Suite struct ZoneKeeperTests {
    @Test func `a zone is a fault on the status and unread on the board until its line is read`() throws {
        let bench = try Bench(plan([door()]))
        #expect(bench.status.value.map(\.state) == ["fault"])
        #expect(try bench.reading("zone.door.state") == .neverRead)
        bench.move(0, false)
        #expect(try bench.reading("zone.door.state").goodNumber == 0)
        #expect(bench.status.value.map(\.state) == ["normal"])
    }

    @Test func `an opened door is one event with the kernel's stamp, its line and level`() throws {
        let bench = try Bench(plan([door()]))
        bench.move(0, false)
        #expect(bench.events.takeAll().map(\.text) == ["1 zones read at the start: all normal"])
        let stamp = bench.clock.now()
        bench.clock.pass(.milliseconds(7))  // the thread woke a little later
        bench.keeper.lineMoved(0, isHigh: true, isSettled: true, at: stamp.monotonic)
        let draft = try #require(bench.events.takeAll().first)
        #expect(draft.kind == .zoneChanged && draft.subject == "zone.door" && draft.time == stamp)
        #expect(draft.evidence.contains(Evidence("line", "L0")))
        #expect(draft.evidence.contains(Evidence("level", "high")))
        #expect(draft.evidence.contains(Evidence("monotonic-ns", "\(stamp.monotonic.nanoseconds)")))
        #expect(try bench.reading("zone.door.state").measured == stamp)
        #expect(try bench.reading("zone.door.activations").goodNumber == 1)
    }

    @Test func `a chip that goes makes its zones failed, and back again they are read`() throws {
        let bench = try Bench(plan([door()]))
        bench.move(0, false)
        bench.keeper.lineFailed(0, LineFault(.chipGone, "/dev/gpiochip0 was removed"))
        let reading = try bench.reading("zone.door.state")
        #expect(reading.quality == .failed && reading.reason == .chipGone && reading.shown == nil)
        #expect(bench.status.value[0].state == "fault")
        #expect(bench.status.value[0].reason == "GPIO chip gone (/dev/gpiochip0 was removed)")
        bench.move(0, false)
        #expect(try bench.reading("zone.door.state").goodNumber == 0)
        let told = bench.events.takeAll().map(\.text)
        #expect(
            told.suffix(2) == ["Door door: fault, GPIO chip gone (/dev/gpiochip0 was removed)", "Door door: normal"])
    }

    @Test func `what is not normal at the start is told, and the start is summed up once`() throws {
        let bench = try Bench(plan([door("a", line: 0), door("b", line: 1)]))
        bench.move(0, true)
        bench.keeper.lineFailed(1, LineFault(.lineBusy, "held by nut"))
        let told = bench.events.takeAll().map(\.text)
        #expect(
            told == [
                "Door a: alarm (as found at the start)",
                "Door b: fault, line held by another program (held by nut) (as found at the start)",
                "2 zones read at the start: a alarm, b fault",
            ])
    }

    @Test func `lost edges are said at once, then once a second with the sum`() throws {
        let bench = try Bench(plan([door()]))
        bench.keeper.edgesLost(10)
        for _ in 0..<50 { bench.keeper.edgesLost(5) }
        #expect(bench.events.takeAll().map { $0.evidence[0] } == [Evidence("lost", "10")])
        #expect(bench.keeper.nextDeadline == bench.clock.now().monotonic + .seconds(1))
        bench.clock.pass(.seconds(1))
        bench.keeper.tick()
        let said = try #require(bench.events.takeAll().first)
        #expect(said.evidence == [Evidence("lost", "250"), Evidence("total", "260")])
        #expect(try bench.reading("security.edges-lost").goodNumber == 260)
        #expect(bench.keeper.nextDeadline == nil)
    }

    @Test func `events that find the mailbox full wait and keep their order`() throws {
        let bench = try Bench(plan([door(swinger: neverQuiet)]), mailbox: 4)
        bench.move(0, false)
        for flip in 0..<10 {
            bench.clock.pass(.milliseconds(100))
            bench.move(0, flip % 2 == 0)
        }
        var told: [String] = []
        while bench.keeper.nextDeadline != nil {
            told += bench.events.takeAll().map(\.text)
            bench.clock.pass(.milliseconds(20))
            bench.keeper.tick()
        }
        told += bench.events.takeAll().map(\.text)
        #expect(
            told == ["1 zones read at the start: all normal"]
                + (0..<10).map { "Door door: \($0 % 2 == 0 ? "alarm" : "normal")" })
    }

    @Test func `a storm on one door is a handful of events and one that says so`() throws {
        let bench = try Bench(plan([door()]))
        bench.move(0, false)
        for flip in 0..<10_000 {
            bench.clock.pass(.milliseconds(1))
            bench.move(0, flip % 2 == 0)
        }
        let told = bench.events.takeAll()
        #expect(told.count <= 15)
        #expect(told.contains { $0.evidence.contains(Evidence("quieted", "true")) })
        #expect(try bench.reading("zone.door.activations").goodNumber == 5000)
        #expect(bench.status.value[0].reason == "flaps: quieted until at rest")
        #expect(try bench.reading("zone.door.state").goodNumber == 1)
    }
}
