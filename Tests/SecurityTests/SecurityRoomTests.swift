import CLinux
import Foundation
import Glibc
import Platform
import Security
import Site
import Synchronization
import Testing

/// The make-believe container's end of the wire: one client at a time.
private final class FakeSimulator {
    let path: String
    private let listener: FileDescriptor
    private var client: Int32 = -1

    init() throws {
        path = "/tmp/mdc-lines-\(UUID().uuidString).sock"
        listener = FileDescriptor(owning: try checked(unsafe cl_listen_unix(path, 4, 0o600), "listen"))
    }

    deinit {
        if client >= 0 { close(client) }
        unsafe unlink(path)
    }

    /// Waits for the agent and tells it every line.
    func greet(_ levels: [(String, Int)]) throws {
        try #require(
            eventually {
                self.client = cl_accept(self.listener.raw); return self.client >= 0
            })
        for (name, level) in levels { say(name, level) }
    }

    func say(_ name: String, _ level: Int, at time: MonotonicTime = SystemTime.monotonic) {
        send("line \(name) \(level) \(time.nanoseconds)\n")
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe cl_send(client, $0.baseAddress, $0.count, 0) }
    }

    func hangUp() {
        close(client)
        client = -1
    }
}

/// Asked again until it holds, for 20 s at most: no test rests on how fast the machine is.
private func eventually(_ holds: () -> Bool) -> Bool {
    for _ in 0..<4000 {
        if holds() { return true }
        usleep(5000)
    }
    return false
}

private struct House {
    let board: Board
    let events: Mailbox<EventDraft>
    let room: SecurityRoom

    init(_ plan: SecurityPlan) throws {
        board = Board(PointTable(plan.points))
        events = try Mailbox(capacity: 256)
        room = try SecurityRoom(plan: plan, board: board, time: SystemTime(), events: events)
        try room.start()
    }

    func reading(_ zone: String) -> Reading {
        board.points.id(of: "zone.\(zone).state").map { board.reading($0, at: SystemTime.monotonic) } ?? .neverRead
    }
}

@Suite(.serialized) struct SecurityRoomTests {
    @Test func `the simulator's lines become zones, and its going away a fault until it is back`() throws {
        let simulator = try FakeSimulator()
        let house = try House(
            plan([door("a", line: 0), door("b", line: 1)], source: .simulated(socket: simulator.path)))
        defer { house.room.stop() }
        try simulator.greet([("L0", 0), ("L1", 1), ("a line of no zone", 1)])
        #expect(eventually { house.reading("a").goodNumber == 0 && house.reading("b").goodNumber == 1 })
        simulator.say("L0", 1)
        #expect(eventually { house.reading("a").goodNumber == 1 })

        simulator.hangUp()
        #expect(eventually { house.reading("a").quality == .failed && house.reading("b").quality == .failed })
        #expect(house.reading("a").reason == .notConnected)
        #expect(house.room.status.value.map(\.state) == ["fault", "fault"])

        // The room knocks again by itself.
        try simulator.greet([("L0", 0), ("L1", 0)])
        #expect(eventually { house.reading("a").goodNumber == 0 && house.reading("b").goodNumber == 0 })
    }

    @Test func `a line that the simulator does not tell stays unread`() throws {
        let simulator = try FakeSimulator()
        let house = try House(
            plan([door("a", line: 0), door("b", line: 1)], source: .simulated(socket: simulator.path)))
        defer { house.room.stop() }
        try simulator.greet([("L0", 0)])
        #expect(eventually { house.reading("a").goodNumber == 0 })
        #expect(house.reading("b") == .neverRead)
    }

    @Test func `what is not the protocol is a fault, not a level`() throws {
        let simulator = try FakeSimulator()
        let house = try House(plan([door("a", line: 0)], source: .simulated(socket: simulator.path)))
        defer { house.room.stop() }
        try simulator.greet([("L0", 0)])
        #expect(eventually { house.reading("a").goodNumber == 0 })
        simulator.send("line L0 closed 17\n")
        #expect(eventually { house.reading("a").quality == .failed && house.reading("a").reason == .malformedReply })
    }

    @Test func `levels that bounce are debounced here, since the simulator does not`() throws {
        let simulator = try FakeSimulator()
        let house = try House(
            plan([door("a", line: 0)], debounce: .milliseconds(50), source: .simulated(socket: simulator.path)))
        defer { house.room.stop() }
        try simulator.greet([("L0", 0)])
        #expect(eventually { house.reading("a").goodNumber == 0 })
        let start = SystemTime.monotonic
        for bounce in 0..<9 { simulator.say("L0", 1 - bounce % 2, at: start + .milliseconds(Int64(bounce))) }
        #expect(eventually { house.reading("a").goodNumber == 1 })
        let moved = house.events.takeAll().filter { $0.subject == "zone.a" }
        #expect(moved.count == 1)
        #expect(moved.first?.time.monotonic == start + .milliseconds(58))
    }

    @Test func `a machine without the chip has faults, not a dead room`() throws {
        let house = try House(plan([door("a", line: 0)]))
        defer { house.room.stop() }
        #expect(eventually { house.reading("a").quality == .failed })
        #expect([.chipGone, .lineMissing, .noPermission].contains(house.reading("a").reason))
    }

    @Test func `a waiting room is alive however long nothing moves, and wakes for nothing`() throws {
        let simulator = try FakeSimulator()
        let house = try House(plan([door("a", line: 0)], source: .simulated(socket: simulator.path)))
        defer { house.room.stop() }
        try simulator.greet([("L0", 0)])
        #expect(eventually { house.reading("a").goodNumber == 0 })
        let far = SystemTime.monotonic + .seconds(86_400)
        #expect(eventually { house.room.heartbeats.allSatisfy { $0.isAlive(at: far) } })
        let before = wakeUps()
        usleep(500_000)
        #expect(wakeUps() - before == 0)
    }

    /// How often the thread named "security" was put to sleep by itself.
    private func wakeUps() -> Int {
        let tasks = (try? namesInFolder("/proc/self/task")) ?? []
        for task in tasks {
            guard let name = try? readFile("/proc/self/task/\(task)/comm"), name == Array("security\n".utf8),
                let status = try? readFile("/proc/self/task/\(task)/status")
            else { continue }
            let line = String(decoding: status, as: UTF8.self).split(separator: "\n")
                .first { $0.hasPrefix("voluntary_ctxt_switches") }
            return line.flatMap { Int($0.split(separator: "\t").last ?? "") } ?? -1
        }
        return -1
    }

    @Test func `stopping joins the thread, also twice, also before the start`() throws {
        let simulator = try FakeSimulator()
        let house = try House(plan([door("a", line: 0)], source: .simulated(socket: simulator.path)))
        house.room.stop()
        house.room.stop()
        let never = try SecurityRoom(
            plan: plan([door()]), board: Board(PointTable([])), time: SystemTime(), events: try Mailbox(capacity: 1))
        never.stop()
    }

    @Test func `a site without zones makes no thread and no heartbeat`() throws {
        let room = try SecurityRoom(
            plan: SecurityPlan(), board: Board(PointTable([])), time: SystemTime(), events: try Mailbox(capacity: 1))
        try room.start()
        #expect(room.heartbeats.isEmpty)
        room.stop()
    }
}
