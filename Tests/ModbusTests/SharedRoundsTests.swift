import Platform
import Site
import Synchronization
import Testing

@testable import Modbus

/// Several real machines behind one room: their rounds run together on one thread.
private struct Hall {
    let machines: [RealMachine]
    let board: Board
    let room: ModbusRoom
    let events: Mailbox<EventDraft>

    init(_ count: Int) throws {
        let machines = try (0..<count).map { _ in try RealMachine() }
        let plan = ModbusPlan(
            buses: machines.enumerated().map { number, machine in
                ModbusBus(
                    name: "bus\(number)", link: .tcp(host: "127.0.0.1", port: machine.port),
                    timeout: .milliseconds(500),
                    units: [
                        ModbusUnit(
                            name: "m\(number)", unitID: 1, profile: pairProfile([0, 2]),
                            intervals: PollIntervals(
                                fast: .milliseconds(50), normal: .milliseconds(50), slow: .seconds(60)))
                    ])
            })
        self.machines = machines
        board = Board(PointTable(plan.points))
        events = try Mailbox(capacity: 1000)
        room = try ModbusRoom(plan: plan, board: board, time: SystemTime(), events: events)
        try room.start()
    }

    func end() {
        room.stop()
        for machine in machines { machine.end() }
    }

    func isGood(_ number: Int) -> Bool {
        board.points.id(of: "m\(number).p2").map { board.reading($0, at: SystemTime.monotonic).goodNumber } == 131_075
    }

    /// On a busy machine for a minute, otherwise at once.
    func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0..<3000 {
            if condition() { return true }
            pause(.milliseconds(20))
        }
        return false
    }
}

@Suite(.serialized) struct SharedRoundsTests {
    @Test func `machines that share a thread are all read, and one that falls silent holds up no other`() throws {
        let hall = try Hall(5)
        defer { hall.end() }
        #expect(hall.eventually { (0..<5).allSatisfy(hall.isGood) })
        hall.machines[2].isMute.store(true, ordering: .relaxed)
        #expect(hall.eventually { hall.room.status[2].units[0].state == .dormant })
        // The others go on meanwhile.
        let before = hall.machines.map { $0.requests.load(ordering: .relaxed) }
        #expect(
            hall.eventually {
                [0, 1, 3, 4].allSatisfy { hall.machines[$0].requests.load(ordering: .relaxed) > before[$0] + 10 }
            })
        #expect(!hall.isGood(2) && hall.isGood(3))
        hall.machines[2].isMute.store(false, ordering: .relaxed)
        #expect(hall.eventually { hall.isGood(2) })
    }

    @Test func `a question is answered by a machine whose rounds run elsewhere`() throws {
        let hall = try Hall(2)
        defer { hall.end() }
        #expect(hall.eventually { hall.isGood(0) && hall.isGood(1) })
        for address in 0..<50 {
            let box = Box(Mutex([]))
            let question = #"{"do":"ask","unit":"m1","table":"holding","address":\#(address),"count":1}"#
            hall.room.perform(try JSON.parse(Array(question.utf8))) { _, json in box.value.withLock { $0 = json } }
            #expect(hall.eventually { box.value.withLock { !$0.isEmpty } })
            #expect(box.value.withLock { String(decoding: $0, as: UTF8.self) } == #"{"values":[\#(address)]}"#)
        }
        #expect(hall.eventually { hall.isGood(1) })
    }

    /// Many machines hang up after some idle time.
    @Test func `a machine that hangs up between two rounds is called again, and no reading is lost by it`() throws {
        let hall = try Hall(2)
        defer { hall.end() }
        #expect(hall.eventually { hall.isGood(0) && hall.isGood(1) })
        _ = hall.events.takeAll()
        for call in 2...4 {
            hall.machines[1].hangsUp.store(true, ordering: .relaxed)
            #expect(hall.eventually { hall.machines[1].connections.load(ordering: .relaxed) == call })
            #expect(hall.eventually { hall.isGood(1) })
        }
        // A poll that met the closing door failed once; that makes no machine dormant and is no event.
        #expect(hall.events.takeAll().isEmpty)
    }

    @Test func `a room of lent engines stops at once`() throws {
        let hall = try Hall(8)
        #expect(hall.eventually { (0..<8).allSatisfy(hall.isGood) })
        hall.end()
        #expect(hall.room.heartbeats.count == 9)
    }
}

private final class Box: Sendable {
    let value: Mutex<[UInt8]>
    init(_ value: consuming Mutex<[UInt8]>) { self.value = value }
}
