import Foundation
import Platform
import Site
import Testing

@testable import Journal

@Suite struct HistoryTests {
    private let table = PointTable([PointDefinition(name: "air.temperature"), PointDefinition(name: "air.humidity")])

    private func moment(_ second: Int64) -> Moment {
        Moment(
            monotonic: MonotonicTime(nanoseconds: 1_000_000_000_000 + second * 1_000_000_000),
            wall: WallTime(milliseconds: 1_795_645_680_000 + second * 1000))
    }

    private func sample(_ second: Int64, _ number: Double, _ quality: Quality = .good) -> HistorySample {
        HistorySample(point: PointID(0), wall: moment(second).wall, number: number, quality: quality)
    }

    private func critical(_ second: Int64) -> Event {
        Event(
            sequence: 7, id: "x", wall: moment(second).wall, kind: .alarmRaised, severity: .critical, subject: "air",
            text: "hot", evidence: [], actor: nil)
    }

    @Test func `changes are kept as they came, minutes as minimum, mean and maximum`() throws {
        let folder = try TemporaryFolder()
        let writer = HistoryWriter(plan: JournalPlan(folder: folder.path), points: table)
        writer.add([sample(0, 20), sample(10, 22), sample(20, 0, .failed), sample(59, 24)], [], moment(59))
        writer.add([sample(60, 30)], [], moment(70))
        writer.close(moment(80))
        let reader = HistoryReader(folder: folder.path)
        let (from, to) = (moment(-10).wall, moment(1000).wall)
        let changes = try reader.changes(of: "air.temperature", from: from, to: to)
        #expect(changes.map(\.number) == [20, 22, nil, 24, 30])
        let minutes = try reader.minutes(of: "air.temperature", from: from, to: to)
        #expect(minutes.map(\.minimum) == [20, 30] && minutes.map(\.maximum) == [24, 30])
        #expect(minutes.map(\.mean) == [22, 30] && minutes.map(\.count) == [3, 1])
        #expect(try reader.changes(of: "air.humidity", from: from, to: to).isEmpty)
    }

    @Test func `what lies around a critical event outlives its hours, and all of it its weeks no more`() throws {
        let folder = try TemporaryFolder()
        var plan = JournalPlan(folder: folder.path)
        plan.fullRateFor = .seconds(3600)
        plan.blackBoxAround = .seconds(60)
        let writer = HistoryWriter(plan: plan, points: table)
        writer.add((0..<600).map { sample($0, Double($0)) }, [critical(300)], moment(600))
        writer.add([sample(2 * 3600, 1)], [], moment(2 * 3600))
        let reader = HistoryReader(folder: folder.path)
        let kept = try reader.changes(of: "air.temperature", from: moment(0).wall, to: moment(3000).wall)
        #expect(kept.count == 121 && kept.first?.number == 240 && kept.last?.number == 360)
        #expect(try reader.blackBoxes().map(\.sequence) == [7])
        writer.add([sample(31 * 86_400, 1)], [], moment(31 * 86_400))
        #expect(try reader.changes(of: "air.temperature", from: moment(0).wall, to: moment(3000).wall).isEmpty)
        writer.close(moment(31 * 86_400))
    }

    @Test func `a history at its size limit gives way, oldest first`() throws {
        let folder = try TemporaryFolder()
        var plan = JournalPlan(folder: folder.path)
        plan.historyBytesMax = 400_000
        let writer = HistoryWriter(plan: plan, points: table)
        for hour in 0..<5 {
            let start = Int64(hour) * 600
            writer.add((0..<5000).map { sample(start + $0 / 10, Double($0)) }, [], moment(start + 599))
        }
        #expect(writer.byteCount <= 400_000)
        writer.close(moment(4000))
        let reader = HistoryReader(folder: folder.path)
        let left = try reader.changes(of: "air.temperature", from: moment(0).wall, to: moment(9000).wall)
        #expect(!left.isEmpty && left.last?.time == moment(2400 + 499).wall)
    }
}
