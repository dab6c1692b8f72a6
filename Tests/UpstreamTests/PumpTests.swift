import Journal
import Platform
import Site
import Testing

@testable import Upstream

private struct Rig {
    let time = HandTime()
    let feed = FakeFeed()
    let sink = RecordingSink()
    let board: Board
    var pump: UpstreamPump

    init(_ definitions: [PointDefinition], plan: UpstreamPlan = UpstreamPlan()) {
        board = Board(PointTable(definitions))
        pump = UpstreamPump(site: "mdc7", plan: plan, board: board, feed: feed, now: time.now())
    }

    func id(_ name: String) throws -> PointID { try #require(board.points.id(of: name)) }

    /// Turns until nothing more goes out, as the owner does.
    mutating func turn() { while pump.turn(to: sink, at: time.now()) {} }

    mutating func pass(_ span: Nanoseconds) {
        time.pass(span)
        turn()
    }
}

private let leak = exchangePoint("rack1.leak", "Rack", "RackLeakDetect", states: ["dry", "wet"])
private let power = exchangePoint("ups1.power", "PowerMeter", "ActivePower", unit: .watts)

@Suite struct PumpTests {
    @Test func `metadata are retained and come before the first value, which is not retained`() throws {
        var rig = Rig([power])
        rig.board.publish(try rig.id("ups1.power"), 1500, at: rig.time.now())
        _ = rig.pump.connected(isSessionPresent: false, at: rig.time.now())
        rig.turn()
        let about = rig.sink.messages.filter { $0.topic.contains("ups1") }
        #expect(about.map(\.retain) == [true, false])
        #expect(about[1].topic.contains("/Value/"))
        #expect(
            rig.sink.texts("Value/PowerMeter").first
                == "{\"value\":1.5,\"timestamp\":1790000000000,\"quality\":1}")
    }

    @Test func `a change is told once, an unchanged value only on the cadence`() throws {
        var rig = Rig([power])
        _ = rig.pump.connected(isSessionPresent: true, at: rig.time.now())
        rig.board.publish(try rig.id("ups1.power"), 1000, at: rig.time.now())
        rig.turn()
        rig.sink.messages.removeAll()
        rig.pass(.seconds(1))
        #expect(rig.sink.texts("Value/PowerMeter").isEmpty)
        rig.board.publish(try rig.id("ups1.power"), 2000, at: rig.time.now())
        rig.pass(.seconds(1))
        #expect(rig.sink.texts("Value/PowerMeter").count == 1)
        rig.pass(.seconds(101))
        #expect(rig.sink.texts("Value/PowerMeter").count == 2)
        #expect(rig.sink.texts("Metadata/PowerMeter").count == 1)
    }

    @Test func `a change within the deadband waits for the cadence`() throws {
        var rig = Rig([power], plan: UpstreamPlan(deadbands: [DeadbandPlan(pattern: "*.power", absolute: 50)]))
        _ = rig.pump.connected(isSessionPresent: true, at: rig.time.now())
        rig.board.publish(try rig.id("ups1.power"), 1000, at: rig.time.now())
        rig.turn()
        rig.sink.messages.removeAll()
        rig.board.publish(try rig.id("ups1.power"), 1049, at: rig.time.now())
        rig.pass(.seconds(1))
        #expect(rig.sink.texts("Value/PowerMeter").isEmpty)
        rig.board.publish(try rig.id("ups1.power"), 1051, at: rig.time.now())
        rig.pass(.seconds(1))
        #expect(rig.sink.texts("Value/PowerMeter").count == 1)
    }

    @Test func `a reading that grows stale says so, with the time of its measurement`() throws {
        var rig = Rig([exchangePoint("a.t", "Sensor", "AirTemperature", unit: .celsius, interval: .seconds(1))])
        _ = rig.pump.connected(isSessionPresent: true, at: rig.time.now())
        rig.board.publish(try rig.id("a.t"), 21.5, at: rig.time.now())
        rig.turn()
        rig.pass(.seconds(5))
        #expect(
            rig.sink.texts("Value/Sensor") == [
                "{\"value\":21.5,\"timestamp\":1790000000000,\"quality\":1}",
                "{\"value\":21.5,\"timestamp\":1790000000000,\"quality\":0}",
            ])
    }

    @Test func `a point never read is null and not good`() {
        var rig = Rig([power])
        _ = rig.pump.connected(isSessionPresent: true, at: rig.time.now())
        rig.turn()
        #expect(
            rig.sink.texts("Value/PowerMeter") == ["{\"value\":null,\"timestamp\":1790000000000,\"quality\":0}"])
    }

    @Test func `heartbeats come every ten seconds`() {
        var rig = Rig([])
        _ = rig.pump.connected(isSessionPresent: true, at: rig.time.now())
        rig.turn()
        for _ in 0..<60 { rig.pass(.seconds(1)) }
        #expect(rig.sink.texts("Value/System/HeartbeatTimestampBms").count == 7)
    }

    @Test func `a leak overtakes everything and is acknowledged`() throws {
        var definitions = (0..<500).map { exchangePoint("m\($0).p", "PowerMeter", "ActivePower", unit: .watts) }
        definitions.append(leak)
        var rig = Rig(definitions)
        _ = rig.pump.connected(isSessionPresent: true, at: rig.time.now())
        rig.sink.room = 10
        rig.board.publish(try rig.id("rack1.leak"), 1, at: rig.time.now())
        rig.turn()
        let told = try #require(rig.sink.messages.first { $0.topic.contains("Value/Rack/RackLeakDetect") })
        #expect(told.qos == 1)
        #expect(told.retain == false)
    }

    @Test func `a blocked network keeps no queue: what goes out later is the newest value`() throws {
        var rig = Rig([power])
        _ = rig.pump.connected(isSessionPresent: true, at: rig.time.now())
        rig.turn()
        rig.sink.canTake = false
        for watts in 0..<1000 {
            rig.board.publish(try rig.id("ups1.power"), Double(watts * 1000), at: rig.time.now())
            rig.pass(.milliseconds(100))
        }
        rig.sink.messages.removeAll()
        rig.sink.canTake = true
        rig.pass(.milliseconds(100))
        let values = rig.sink.texts("Value/PowerMeter")
        #expect(values.count == 1)
        #expect(values.first?.hasPrefix("{\"value\":999,") == true)
    }

    @Test func `a thin link is not overrun`() throws {
        let definitions = (0..<200).map { exchangePoint("m\($0).p", "PowerMeter", "ActivePower", unit: .watts) }
        var rig = Rig(definitions, plan: UpstreamPlan(bytesPerSecondMax: 1000))
        _ = rig.pump.connected(isSessionPresent: true, at: rig.time.now())
        for _ in 0..<600 { rig.pass(.milliseconds(100)) }
        let bytes = rig.sink.messages.reduce(0) { $0 + $1.byteCount }
        // A minute at 1,000 bytes, two seconds' worth of start, and at most a message of debt.
        #expect(bytes <= 62_600)
        #expect(bytes >= 50_000)
    }

    @Test func `every event of an outage leaves before its first measurement, also when the broker is slow`() throws {
        let plan = UpstreamPlan(backfill: BackfillPlan(patterns: ["*"]))
        var rig = Rig([power], plan: plan)
        rig.pump.backfill = Backfill(
            plan: BackfillPlan(patterns: ["*"]), site: "mdc7", table: rig.board.points, feed: EveryMinute(),
            stateFolder: nil, now: rig.time.now().wall)
        for _ in 0..<1000 { rig.feed.append(at: rig.time.now().wall) }
        rig.time.pass(.seconds(3 * 86_400))
        _ = rig.pump.connected(isSessionPresent: true, at: rig.time.now())
        // Acknowledgements come for a few at a time, as over a long way.
        var acknowledged = 0
        for _ in 0..<500 {
            rig.pass(.milliseconds(100))
            let next = min(rig.sink.messages.count, acknowledged + 25)
            rig.pump.acknowledge((acknowledged..<next).map { Int32($0 + 1) }, at: rig.time.now().monotonic)
            acknowledged = next
        }
        let kinds = rig.sink.topics.filter { $0.hasPrefix("mdc/") }
        let firstOld = try #require(kinds.firstIndex { $0.hasSuffix("/backfill") })
        #expect(kinds[..<firstOld].count == 1000)
    }
}

private struct EveryMinute: HistoryFeed {
    func minute(_ minute: Int64, of names: [String]) -> [HistoryMinute] {
        names.map {
            HistoryMinute(
                name: $0, start: WallTime(milliseconds: minute * 60_000), minimum: 0, mean: 1, maximum: 2, count: 60)
        }
    }
}
