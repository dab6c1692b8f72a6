import CSQLite
import Foundation
import Glibc
import Platform
import Site
import Synchronization
import Testing

@testable import Journal

@Suite struct StorageTests {
    @Test func `a damaged file is put aside, said so, and the numbers go on in a new one`() throws {
        let folder = try TemporaryFolder()
        let room = try makeRoom(folder, Told())
        try room.start()
        room.append((1...50).map { draft("before \($0)") })
        room.stop()
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder.file))
        try handle.write(contentsOf: Data(repeating: 0x55, count: 40_000))
        try handle.close()

        let told = Told()
        let again = try makeRoom(folder, told)
        try again.start()
        again.append([draft("after")])
        #expect(eventually { again.status.value.isDurable && told.events.contains { $0.text == "after" } })
        again.stop()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.contains { $0.hasPrefix("journal.sqlite.damaged-") && !$0.hasSuffix("-wal") })
        let events = try JournalReader(folder: folder.path).events(limit: 100)
        #expect(events.first?.sequence == 51)
        #expect(events.contains { $0.kind == .storageChanged && $0.severity == .critical })
        #expect(JournalVerifier.verify(folder: folder.path).isWhole)
    }

    @Test func `a file cut back to an older state is put aside, not written over`() throws {
        let folder = try TemporaryFolder()
        for text in ["one", "two"] {
            let room = try makeRoom(folder, Told())
            try room.start()
            room.append([draft(text)])
            room.stop()
            if text == "one" { try FileManager.default.copyItem(atPath: folder.file, toPath: folder.path + "/old") }
        }
        try FileManager.default.removeItem(atPath: folder.file)
        try FileManager.default.moveItem(atPath: folder.path + "/old", toPath: folder.file)
        let room = try makeRoom(folder, Told())
        try room.start()
        room.append([draft("three")])
        room.stop()
        let events = try JournalReader(folder: folder.path).events(limit: 100)
        #expect(events.map(\.sequence) == [3, 4] && events.contains { $0.text.contains("put aside") })
    }

    @Test func `the log beside the file has its size from the start, is folded in time, and goes at the end`() throws {
        let folder = try TemporaryFolder()
        func logBytes() -> Int {
            (try? FileManager.default.attributesOfItem(atPath: folder.file + "-wal")[.size] as? Int) ?? 0
        }
        let told = Told()
        let room = try makeRoom(folder, told)
        try room.start()
        room.append([draft("first")])
        #expect(eventually { told.events.count == 1 })
        let atStart = logBytes()
        // Two pages at least for each commit: many times what the log holds.
        for n in 1...3000 {
            room.append([draft("event \(n)")])
            if n % 100 == 0 { #expect(eventually { told.events.count == n + 1 }) }
        }
        #expect(eventually { told.events.count == 3001 })
        // 64 MB of free room are more than a test machine may have: then it grows as it is needed.
        if atStart > 4_000_000 { #expect(logBytes() < 2 * atStart) }
        room.stop()
        #expect(logBytes() == 0)
        // A copy of the one file is whole.
        let alone = folder.path + "/alone"
        try FileManager.default.createDirectory(atPath: alone, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: folder.file, toPath: alone + "/journal.sqlite")
        #expect(try JournalReader(folder: alone).lastSequence() == 3001)
    }

    @Test func `a folder that appears late costs no event`() throws {
        let folder = try TemporaryFolder()
        let told = Told()
        let room = try makeRoom(folder, told, { $0.folder = folder.path + "/late" })
        try room.start()
        room.append([draft("early", .critical)])
        // Told all the same, and said to be in memory only.
        #expect(eventually { told.events.contains { $0.text == "early" } })
        #expect(told.all.withLock { $0.allSatisfy { !$0.isDurable } })
        #expect(try room.reader().events(limit: 10).contains { $0.text == "early" })
        try FileManager.default.createDirectory(atPath: folder.path + "/late", withIntermediateDirectories: true)
        #expect(eventually(90) { room.status.value.isDurable })
        room.stop()
        let events = try JournalReader(folder: folder.path + "/late").events(limit: 10)
        #expect(events.contains { $0.text == "early" && $0.id == told.events.first { $0.text == "early" }?.id })
        #expect(events.map(\.sequence) == Array(1...UInt64(events.count)))
        #expect(JournalVerifier.verify(folder: folder.path + "/late").isWhole)
    }

    @Test func `a file removed under the running agent is noticed and a new one continues the chain`() throws {
        let folder = try TemporaryFolder()
        let store = try EventStore(folder.file, continuing: ChainHead())
        #expect(!store.hasMoved)
        try FileManager.default.removeItem(atPath: folder.file)
        #expect(store.hasMoved)
    }

    @Test func `while memory fills, the grave events still get in and every drop is counted`() throws {
        let inbox = try JournalInbox(limit: 100)
        for _ in 0..<200 { _ = inbox.add([draft("noise")], nil) }
        for _ in 0..<10 { _ = inbox.add([draft("grave", .critical)], nil) }
        let contents = inbox.takeAll()
        let drafts = Array(contents.batches.joined())
        #expect(drafts.count { $0.severity == .critical } == 10)
        #expect(drafts.count { $0.severity == .info } == 50)
        #expect(contents.dropped == 150)
        #expect(contents.ticket == 210)
    }

    @Test func `a transaction that finds the disk full is undone whole, and done once there is room`() throws {
        // SQLite's own page limit fails in the way of a full disk.
        let folder = try TemporaryFolder()
        let store = try EventStore(folder.file, continuing: ChainHead())
        var row = EventRow()
        row.fill(
            previous: [UInt8](repeating: 0, count: 32), sequence: 1, draft(String(repeating: "y", count: 100_000)))
        try store.limitPages(20)
        let fault = #expect(throws: StorageFault.self) {
            try store.transaction { () throws(StorageFault) in try store.add(row) }
        }
        #expect(fault?.kind == .full)
        try store.limitPages(100_000)
        try store.transaction { () throws(StorageFault) in try store.add(row) }
    }
}
