import CFaultyDisk
import CSQLite
import Foundation
import Platform
import Site
import Testing

@testable import Journal

/// A disk that fails under the running journal. One after the other: there is one such disk.
@Suite(.serialized) struct DiskTests {
    private func folder() throws -> TemporaryFolder {
        faulty_disk_install()
        faulty_disk_fail(SQLITE_OK)
        return try TemporaryFolder("faulty-disk")
    }

    @Test(arguments: [SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY])
    func `what the disk does not take is told, can be read, and is in the file as soon as the disk works again`(
        code: Int32
    ) throws {
        let folder = try folder()
        defer { faulty_disk_fail(SQLITE_OK) }
        let told = Told()
        let room = try makeRoom(folder, told)
        try room.start()
        room.append((1...10).map { draft("before \($0)") })
        #expect(eventually { told.events.count == 10 })
        faulty_disk_fail(code)
        room.append((1...5).map { draft("meanwhile \($0)", .major) }, memory: Array("{\"a\":1}".utf8))
        #expect(eventually { told.events.contains { $0.text == "meanwhile 5" } })
        #expect(eventually { !room.status.value.isDurable && room.status.value.lastError != nil })
        // Who asks gets all of it, from the file and from memory.
        let reader = room.reader()
        #expect(try reader.events(limit: 100).map(\.text).starts(with: (1...10).map { "before \($0)" }))
        #expect(try reader.events(limit: 100).contains { $0.text == "meanwhile 5" })
        #expect(eventually { told.events.contains { $0.kind == .storageChanged && $0.severity == .critical } })
        faulty_disk_fail(SQLITE_OK)
        #expect(eventually(90) { room.status.value.isDurable })
        #expect(eventually { told.events.contains { $0.text.contains("the storage works again") } })
        room.stop()
        let events = try JournalReader(folder: folder.path).events(limit: 100)
        #expect(events.map(\.sequence) == Array(1...UInt64(events.count)))
        for event in told.events { #expect(events.contains { $0.id == event.id }, "\(event.text)") }
        #expect(try JournalReader(folder: folder.path).state("control") == Array("{\"a\":1}".utf8))
        let report = JournalVerifier.verify(folder: folder.path)
        #expect(report.isWhole, "\(report.findings)")
    }

    @Test func `a disk that keeps saying that files are damaged does not fill up with what was put aside`() throws {
        let folder = try folder()
        defer { faulty_disk_fail(SQLITE_OK) }
        let told = Told()
        let room = try makeRoom(folder, told)
        try room.start()
        room.append([draft("before")])
        #expect(eventually { told.events.count == 1 })
        faulty_disk_fail(SQLITE_CORRUPT)
        for n in 0..<6 {
            room.append([draft("meanwhile \(n)")])
            usleep(300_000)
        }
        faulty_disk_fail(SQLITE_OK)
        #expect(eventually(90) { room.status.value.isDurable })
        room.append([draft("after")])
        #expect(eventually { told.events.contains { $0.text == "after" } })
        room.stop()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let aside = names.filter { $0.contains(".damaged-") && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") }
        #expect((1...StorageFolder.asideMax).contains(aside.count))
        let events = try JournalReader(folder: folder.path).events(limit: 100)
        #expect(events.contains { $0.text == "meanwhile 5" } && events.contains { $0.text == "after" })
        #expect(JournalVerifier.verify(folder: folder.path).isWhole)
    }

    @Test func `the history that cannot be stored is said, and goes on with what comes after`() throws {
        let folder = try folder()
        defer { faulty_disk_fail(SQLITE_OK) }
        let writer = HistoryWriter(
            plan: JournalPlan(folder: folder.path), points: PointTable([PointDefinition(name: "air.temperature")]))
        let time = SystemTime().now()
        func sample(_ second: Int64) -> HistorySample {
            HistorySample(
                point: PointID(0), wall: time.advanced(by: .seconds(second)).wall, number: Double(second),
                quality: .good)
        }
        writer.add([sample(0)], time.advanced(by: .seconds(10)))
        faulty_disk_fail(SQLITE_FULL)
        writer.add([sample(20)], time.advanced(by: .seconds(30)))
        #expect(writer.trouble != nil)
        faulty_disk_fail(SQLITE_OK)
        writer.add([sample(90)], time.advanced(by: .seconds(100)))
        #expect(writer.trouble == nil)
        writer.close(time.advanced(by: .seconds(110)))
        let changes = try HistoryReader(folder: folder.path).changes(
            of: "air.temperature", from: time.wall, to: time.advanced(by: .seconds(1000)).wall)
        #expect(changes.map(\.number) == [0, 20, 90])
    }
}
