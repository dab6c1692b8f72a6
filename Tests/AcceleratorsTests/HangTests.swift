import Foundation
import Platform
import Site
import Testing

@testable import Accelerators

private let threeCards = """
      intervals: {liveness: 50ms, fast: 50ms, slow: 200ms, rescan: 200ms}
      deadline: 300ms
      cards:
        - {name: npu0, layout: furiosa-rngd, address: "0000:03:00.0"}
        - {name: npu1, layout: furiosa-rngd, address: "0000:04:00.0"}
        - {name: npu2, layout: furiosa-rngd, address: "0000:05:00.0"}

    """

/// The whole room with its threads and the real clock.
@Suite(.serialized) struct HangTests {
    private func waitUntil(_ seconds: Double = 20, _ condition: () -> Bool) -> Bool {
        let end = SystemTime.monotonic + Nanoseconds(seconds: seconds)
        while SystemTime.monotonic < end {
            if condition() { return true }
            usleep(5000)
        }
        return condition()
    }

    /// A file whose reader waits for ever: a pipe that nobody writes to. A descriptor of the test's keeps
    /// it open both ways, and ends the hang when it writes.
    private func makeHang(_ path: String) throws -> FileHandle {
        try? FileManager.default.removeItem(atPath: path)
        let made = unsafe mkfifo(path, 0o600)
        try #require(made == 0)
        return FileHandle(fileDescriptor: unsafe open(path, O_RDWR), closeOnDealloc: true)
    }

    @Test func `a read that hangs marks its card alone, and the others go on without missing a beat`() throws {
        let sysfs = FakeSysfs()
        var folders: [String] = []
        for index in 0..<3 {
            folders.append(sysfs.addRNGD("0000:0\(3 + index):00.0", index: index, serial: "SN-\(index)").management)
        }
        let hang = try makeHang(sysfs.root + "/" + folders[1] + "/heartbeat")
        let plan = try makePlan(threeCards, root: sysfs.root)
        let board = Board(PointTable(plan.points))
        let events = try Mailbox<EventDraft>(capacity: 100)
        let room = AcceleratorRoom(plan: plan, board: board, time: SystemTime(), events: events)
        try room.start()
        func card(_ name: String) -> AcceleratorStatus? { room.status.value.first { $0.name == name } }
        func version(_ name: String) -> UInt64 { board.points.id(of: name).map(board.version) ?? 0 }
        #expect(waitUntil { card("npu1")?.findings.first?.code == "unresponsive" })
        #expect(card("npu1")?.findings.first?.text == "a read of heartbeat hangs in the kernel")
        #expect(waitUntil { card("npu0")?.health == .ok && card("npu2")?.health == .ok })
        // While one hangs, the others' values keep coming.
        let before = (version("npu0.heartbeat"), version("npu2.alive"))
        #expect(waitUntil { version("npu0.heartbeat") > before.0 + 5 && version("npu2.alive") > before.1 + 5 })
        let id = try #require(board.points.id(of: "npu1.temperature.peak"))
        #expect(board.reading(id, at: SystemTime.monotonic).reason == .unresponsive)
        #expect(waitUntil { events.takeAll().contains { $0.subject == "npu1" } })
        // The driver comes back: so does the card.
        hang.write(Data("7\n".utf8))
        #expect(waitUntil { (room.status.value.first { $0.name == "npu1" }?.findings ?? []).isEmpty == false })
        let stopped = SystemTime.monotonic
        room.stop()
        #expect((SystemTime.monotonic - stopped).seconds < 10)
        hang.write(Data(String(repeating: "8\n", count: 64).utf8))
    }

    @Test func `a file that is slow to read is put aside and named until it is fast again, and the card stays ok`()
        throws
    {
        let sysfs = FakeSysfs()
        let card = sysfs.addRNGD("0000:03:00.0", index: 0, serial: "SN-0")
        let pipe = try makeHang(sysfs.root + "/" + card.management + "/heartbeat")
        let plan = try makePlan(
            "  slow-read: 20ms\n" + threeCards.replacingOccurrences(of: "300ms", with: "20s"), root: sysfs.root)
        let board = Board(PointTable(plan.points))
        let room = AcceleratorRoom(plan: plan, board: board, time: SystemTime(), events: try Mailbox(capacity: 100))
        try room.start()
        var beats = 0
        let isNamed = waitUntil(60) {
            usleep(80_000)
            beats += 1
            pipe.write(Data("\(beats)\n".utf8))
            return room.status.value.first?.findings.contains { $0.code == "slow.heartbeat" } ?? false
        }
        #expect(isNamed)
        #expect(room.status.value.first?.health == .ok)
        // Something is always there to read now.
        let isForgiven = waitUntil(60) {
            usleep(50_000)
            pipe.write(Data("1\n".utf8))
            return !(room.status.value.first?.findings.contains { $0.code == "slow.heartbeat" } ?? true)
        }
        #expect(isForgiven)
        room.stop()
    }

    @Test func `a card plugged while running is found by the slow rescan, and the room stops clean`() throws {
        let sysfs = FakeSysfs()
        sysfs.addRNGD("0000:03:00.0", index: 0, serial: "SN-0")
        let plan = try makePlan(threeCards, root: sysfs.root)
        let board = Board(PointTable(plan.points))
        let room = AcceleratorRoom(plan: plan, board: board, time: SystemTime(), events: try Mailbox(capacity: 100))
        try room.start()
        #expect(waitUntil { room.status.value.first?.health == .ok })
        #expect(room.status.value.dropFirst().allSatisfy { $0.health == .absent })
        sysfs.addRNGD("0000:04:00.0", index: 1, serial: "SN-1")
        #expect(waitUntil { room.status.value.first { $0.name == "npu1" }?.health == .ok })
        #expect(room.heartbeats.allSatisfy { $0.isAlive(at: SystemTime.monotonic) })
        room.stop()
    }
}
