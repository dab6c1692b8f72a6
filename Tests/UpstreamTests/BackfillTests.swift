import Foundation
import Journal
import Platform
import Site
import Synchronization
import Testing

@testable import Upstream

/// A point that read the number of the minute.
private final class FakeHistory: HistoryFeed {
    private let silent: Set<Int64>
    init(silent: Set<Int64> = []) { self.silent = silent }
    func minute(_ minute: Int64, of names: [String]) -> [HistoryMinute] {
        silent.contains(minute)
            ? []
            : names.map {
                HistoryMinute(
                    name: $0, start: WallTime(milliseconds: 0), minimum: 0, mean: Double(minute), maximum: 9, count: 60)
            }
    }
}

private func at(_ minute: Int64, _ second: Int64 = 0) -> WallTime {
    WallTime(milliseconds: minute * 60_000 + second * 1000)
}

private let table = PointTable([exchangePoint("ups1.power", unit: .watts), exchangePoint("ups1.other")])

private func backfill(_ feed: FakeHistory = FakeHistory(), folder: String? = nil, now: WallTime = at(1000))
    -> Backfill
{
    Backfill(
        plan: BackfillPlan(patterns: ["*.power"]), site: "mdc7", table: table, feed: feed, stateFolder: folder, now: now
    )
}

private func minutes(_ sink: RecordingSink) -> [Int64] {
    sink.messages.compactMap { (try? JSON.parse($0.payload))?["data"]?["from"]?.integer.map { Int64($0 / 60_000) } }
}

/// Sends and acknowledges all that can go at that time.
private func drain(_ backfill: inout Backfill, _ sink: RecordingSink, at now: WallTime) {
    while true {
        let before = (sink.messages.count, backfill.minutesLeft)
        while backfill.sendNext(to: sink, at: now) != nil {}
        // All but the last few were acknowledged before.
        backfill.acknowledge(sink.numbers.suffix(Backfill.inFlightMax))
        if (sink.messages.count, backfill.minutesLeft) == before { return }
    }
}

@Suite struct BackfillTests {
    @Test func `an outage is told afterwards, oldest minute first, marked as old, on a topic of its own`() throws {
        var backfill = backfill()
        let sink = RecordingSink()
        backfill.connected(at: at(1005, 20))
        drain(&backfill, sink, at: at(1010))
        #expect(minutes(sink) == Array(1000...1005))
        #expect(Set(sink.topics) == ["mdc/v1/mdc7/backfill"])
        let first = try JSON.parse(sink.messages[0].payload)
        #expect(first["id"]?.string == "mdc7-backfill-1000")
        #expect(first["data"]?["points"]?["ups1.power"]?["mean"]?.number == 1000)
        #expect(first["data"]?["points"]?["ups1.other"] == nil)
        #expect(backfill.gaps.isEmpty)
    }

    @Test func `a minute is told only when the history has written it`() {
        var backfill = backfill()
        let sink = RecordingSink()
        backfill.connected(at: at(1003))
        drain(&backfill, sink, at: at(1003, 10))
        #expect(minutes(sink) == [1000, 1001])
        drain(&backfill, sink, at: at(1005))
        #expect(minutes(sink) == [1000, 1001, 1002, 1003])
    }

    @Test func `a seven-day outage arrives whole, and silent minutes cost nothing`() {
        var backfill = backfill(FakeHistory(silent: Set(2000..<3000)))
        let sink = RecordingSink()
        backfill.connected(at: at(1000 + 7 * 1440))
        drain(&backfill, sink, at: at(1000 + 7 * 1440 + 5))
        #expect(sink.messages.count == 7 * 1440 + 1 - 1000)
        #expect(minutes(sink) == minutes(sink).sorted())
    }

    @Test func `a second outage in the middle of telling the first loses neither`() {
        var backfill = backfill()
        let sink = RecordingSink()
        backfill.connected(at: at(1010))
        sink.room = 3
        while backfill.sendNext(to: sink, at: at(1020)) != nil {}
        backfill.acknowledge([1])
        backfill.disconnected(at: at(1020))
        backfill.connected(at: at(1025))
        sink.room = .max
        sink.messages.removeAll()
        drain(&backfill, sink, at: at(1030))
        #expect(minutes(sink) == Array(1001...1010) + Array(1020...1025))
    }

    @Test func `a restart in an outage does not forget when it began`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-backfill-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        _ = backfill(folder: folder.path, now: at(1000))
        var second = backfill(folder: folder.path, now: at(1500))
        second.connected(at: at(1600))
        #expect(second.gaps == [Backfill.Gap(from: 1000, to: 1601)])
    }

    @Test func `a week in which nothing was measured holds the thread only for a look at a time`() {
        let feed = FakeHistory(silent: Set(1000..<20_000))
        var backfill = backfill(feed)
        backfill.connected(at: at(1000 + 7 * 1440))
        #expect(backfill.sendNext(to: RecordingSink(), at: at(12_000)) == nil)
        #expect(backfill.minutesLeft == 7 * 1440 + 1 - Backfill.silentMinutesMax)
    }

    @Test func `a link that breaks a hundred times before anything can be told loses no minute`() {
        var backfill = backfill()
        let sink = RecordingSink()
        sink.room = 0
        for count in 0..<100 as Range<Int64> {
            backfill.connected(at: at(1005 + count * 10))
            backfill.disconnected(at: at(1006 + count * 10))
        }
        backfill.connected(at: at(2005))
        sink.room = .max
        drain(&backfill, sink, at: at(2010))
        let told = Set(minutes(sink))
        let outages = (0..<100 as Range<Int64>).flatMap { count -> [Int64] in [1000 + count * 10, 1003 + count * 10] }
        #expect(told.isSuperset(of: outages))
        #expect(backfill.gaps.isEmpty)
    }

    @Test func `a break in the middle of telling repeats only what was not acknowledged`() {
        var backfill = backfill()
        let sink = RecordingSink()
        backfill.connected(at: at(1040))
        for number in 1...20 as ClosedRange<Int32> {
            _ = backfill.sendNext(to: sink, at: at(1050))
            backfill.acknowledge([number])
        }
        backfill.disconnected(at: at(1050))
        backfill.connected(at: at(1050, 30))
        drain(&backfill, sink, at: at(1055))
        #expect(minutes(sink) == Array(1000...1040))
    }

    @Test func `a short break needs no telling afterwards`() {
        var backfill = backfill()
        backfill.connected(at: at(1000, 50))
        #expect(backfill.gaps.isEmpty)
    }
}
