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

    @Test func `changes are kept as they came, minutes as minimum, mean and maximum`() throws {
        let folder = try TemporaryFolder()
        let writer = HistoryWriter(plan: JournalPlan(folder: folder.path), points: table)
        writer.add([sample(0, 20), sample(10, 22), sample(20, 0, .failed), sample(59, 24)], moment(59))
        writer.add([sample(60, 30)], moment(70))
        writer.close(moment(80))
        let reader = HistoryReader(folder: folder.path)
        let (from, to) = (moment(-10).wall, moment(1000).wall)
        let changes = try reader.changes(of: "air.temperature", from: from, to: to)
        #expect(changes.map(\.number) == [20, 22, nil, 24, 30])
        let minutes = try reader.minutes(of: "air.temperature", from: from, to: to)
        #expect(minutes.map(\.minimum) == [20, 30] && minutes.map(\.maximum) == [24, 30])
        #expect(minutes.map(\.mean) == [22, 30] && minutes.map(\.count) == [3, 1])
        #expect(try reader.changes(of: "air.humidity", from: from, to: to).isEmpty)
        // One minute of several points, of which one has nothing to tell and one is unknown.
        let names = ["air.humidity", "none", "air.temperature"]
        #expect(try reader.minute(moment(0).wall.milliseconds / 60_000, of: names) == Array(minutes.prefix(1)))
        #expect(try reader.minute(moment(600).wall.milliseconds / 60_000, of: names).isEmpty)
    }

    @Test func `what lies around a critical event outlives its hours, and all of it its weeks no more`() throws {
        let folder = try TemporaryFolder()
        var plan = JournalPlan(folder: folder.path)
        plan.fullRateFor = .seconds(3600)
        plan.blackBoxAround = .seconds(60)
        let writer = HistoryWriter(plan: plan, points: table)
        writer.add((0..<600).map { sample($0, Double($0)) }, around: [(7, moment(300).wall)], moment(600))
        writer.add([sample(2 * 3600, 1)], moment(2 * 3600))
        let reader = HistoryReader(folder: folder.path)
        let kept = try reader.changes(of: "air.temperature", from: moment(0).wall, to: moment(3000).wall)
        // In whole tens of seconds.
        #expect(kept.map(\.number) == (240..<370).map { Double($0) })
        #expect(try reader.blackBoxes().map(\.sequence) == [7])
        writer.add([sample(31 * 86_400, 1)], moment(31 * 86_400))
        #expect(try reader.changes(of: "air.temperature", from: moment(0).wall, to: moment(3000).wall).isEmpty)
        writer.close(moment(31 * 86_400))
    }

    @Test func `a history at its size limit gives way, oldest first`() throws {
        let folder = try TemporaryFolder()
        var plan = JournalPlan(folder: folder.path)
        plan.historyBytesMax = 150_000
        let writer = HistoryWriter(plan: plan, points: table)
        for hour in 0..<5 {
            let start = Int64(hour) * 600
            writer.add((0..<5000).map { sample(start + $0 / 10, Double($0) + 0.5) }, moment(start + 599))
        }
        #expect(writer.byteCount <= 150_000)
        writer.close(moment(4000))
        let reader = HistoryReader(folder: folder.path)
        let left = try reader.changes(of: "air.temperature", from: moment(0).wall, to: moment(9000).wall)
        #expect(!left.isEmpty && left.last?.time == moment(2400 + 499).wall)
    }

    @Test func `what is read back is what was recorded: whole, broken, negative and failed readings, clocks that jump`()
        throws
    {
        let folder = try TemporaryFolder()
        let writer = HistoryWriter(plan: JournalPlan(folder: folder.path), points: table)
        let numbers = [0, -0.0, 1, -1, 127, 128, 1e12, 1e13, -1e13, 0.1, -273.15, .pi, .infinity, 1e300]
        var samples: [HistorySample] = []
        for (second, number) in numbers.enumerated() {
            samples.append(sample(Int64(second) * 3, number))
            samples.append(
                HistorySample(point: PointID(1), wall: moment(Int64(second) * 3).wall, number: 1, quality: .good))
        }
        samples.append(sample(100, 7, .invalid))
        samples.append(sample(-50, 8))  // the clock went back
        samples.append(sample(3600, 9))
        writer.add(samples, moment(4000))
        writer.close(moment(4001))
        let read = try HistoryReader(folder: folder.path)
            .changes(of: "air.temperature", from: moment(-100).wall, to: moment(9000).wall)
        #expect(read.map(\.number) == [8] + numbers + [nil, 9])
        #expect(read[2].number?.sign == .minus && read[numbers.count + 1].quality == .invalid)
        #expect(
            try HistoryReader(folder: folder.path).changes(
                of: "air.temperature", from: moment(3).wall, to: moment(9).wall
            ).map(\.number) == [-0.0, 1, -1])
    }

    @Test func `a month of a point that moves is there by the minute, and not a day more`() throws {
        let folder = try TemporaryFolder()
        var plan = JournalPlan(folder: folder.path)
        plan.fullRateFor = .seconds(2 * 3600)
        let writer = HistoryWriter(plan: plan, points: table)
        let days: Int64 = 33
        for hour in 0..<days * 24 {
            // Two readings a minute are enough to see minimum, mean and maximum.
            writer.add(
                (0..<120).map { sample(hour * 3600 + $0 * 30, Double(hour) + Double($0 % 2)) },
                moment(hour * 3600 + 3599))
        }
        let reader = HistoryReader(folder: folder.path)
        let minutes = try reader.minutes(of: "air.temperature", from: moment(0).wall, to: moment(days * 86_400).wall)
        #expect((30 * 1440 - 2...30 * 1440 + 2).contains(minutes.count))
        #expect(minutes.allSatisfy { $0.maximum - $0.minimum == 1 && $0.mean == $0.minimum + 0.5 && $0.count == 2 })
        let changes = try reader.changes(of: "air.temperature", from: moment(0).wall, to: moment(days * 86_400).wall)
        #expect((240...250).contains(changes.count))
        writer.close(moment(days * 86_400))
    }
}
