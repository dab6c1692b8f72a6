import Foundation
import Platform
import Site
import Synchronization
import Testing

@testable import Journal

/// A folder of its own, gone afterwards.
final class TemporaryFolder {
    let path: String
    init(_ name: String = "journal") throws {
        path = NSTemporaryDirectory() + "\(name)-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    var file: String { path + "/journal.sqlite" }
}

func draft(_ text: String, _ severity: Severity = .info, kind: EventKind = .busChanged) -> EventDraft {
    EventDraft(
        time: SystemTime().now(), kind: kind, severity: severity, subject: "ups1.battery", text: text,
        evidence: [Evidence("ups1.battery.charge", "42 %")], actor: "kim@console")
}

final class Told: Sendable {
    let all = Mutex<[JournalRoom.Committed]>([])
    var events: [Event] { all.withLock { $0.flatMap(\.events) } }
}

/// Waits, with patience for a busy machine, until it is so.
func eventually(_ seconds: Double = 30, _ isSo: () throws -> Bool) rethrows -> Bool {
    let end = SystemTime.monotonic + Nanoseconds(seconds: seconds)
    while SystemTime.monotonic < end {
        if try isSo() { return true }
        usleep(5000)
    }
    return false
}

func makeRoom(
    _ folder: TemporaryFolder, _ told: Told, _ change: (inout JournalPlan) -> Void = { _ in }, key: [UInt8]? = nil
)
    throws -> JournalRoom
{
    var plan = JournalPlan(folder: folder.path)
    change(&plan)
    return try JournalRoom(plan: plan, time: SystemTime(), key: key) { committed in
        told.all.withLock { $0.append(committed) }
    }
}

@Suite struct JournalTests {
    @Test func `an event is in the file before anyone is told, with a number and an id that last`() throws {
        let folder = try TemporaryFolder()
        let told = Told()
        let room = try makeRoom(folder, told)
        try room.start()
        let ticket = room.append([draft("first"), draft("둘째", .major)], memory: Array("{}".utf8))
        #expect(eventually { room.durableTicket >= ticket && told.events.count == 2 })
        room.stop()
        let reader = JournalReader(folder: folder.path)
        let events = try reader.events(limit: 10)
        #expect(events == told.events)
        #expect(events.map(\.sequence) == [1, 2])
        #expect(events[1].text == "둘째" && events[1].evidence == [Evidence("ups1.battery.charge", "42 %")])
        #expect(try reader.state("control") == Array("{}".utf8))
    }

    @Test func `numbers go on after a restart`() throws {
        let folder = try TemporaryFolder()
        for run in 0..<3 {
            let told = Told()
            let room = try makeRoom(folder, told)
            try room.start()
            room.append([draft("run \(run)")])
            room.stop()
            #expect(told.events.map(\.sequence) == [UInt64(run + 1)])
        }
    }

    @Test func `a reader filters by time, severity, kind and subject, and hands out the newest`() throws {
        let folder = try TemporaryFolder()
        let room = try makeRoom(folder, Told())
        try room.start()
        room.append((1...20).map { draft("n\($0)", $0 % 5 == 0 ? .critical : .info) })
        room.append([draft("posture", .major, kind: .postureChanged)])
        room.save(cursor: "broker", 7)
        room.stop()
        let reader = JournalReader(folder: folder.path)
        #expect(
            try reader.events(.init(minimumSeverity: .critical), limit: 100).map(\.text) == ["n5", "n10", "n15", "n20"])
        #expect(try reader.events(.init(since: 18), limit: 1).map(\.text) == ["n19"])
        #expect(try reader.newest(limit: 2).map(\.text) == ["n20", "posture"])
        #expect(try reader.events(.init(kinds: [.postureChanged]), limit: 9).count == 1)
        #expect(try reader.events(.init(subject: "ups1"), limit: 99).count == 21)
        #expect(try reader.events(.init(subject: "ups"), limit: 99).isEmpty)
        #expect(try reader.cursor("broker") == 7)
        #expect(try reader.cursor("nobody") == nil)
    }
}
