import Platform
import Site
import Testing

@testable import Upstream

private let start = WallTime(milliseconds: 1_790_000_000_000)

private func moment(_ seconds: Int64) -> Moment {
    Moment(
        monotonic: MonotonicTime(nanoseconds: seconds * 1_000_000_000),
        wall: WallTime(milliseconds: start.milliseconds + seconds * 1000))
}

private func forwarder(_ feed: FakeFeed, retention: Nanoseconds = .seconds(3600)) -> EventForwarder {
    EventForwarder(feed: feed, site: "mdc7", plan: EventsUpstreamPlan(retention: retention))
}

private func ids(_ sink: RecordingSink) -> [String] {
    sink.messages.compactMap { try? JSON.parse($0.payload)["id"]?.string }
}

@Suite struct EventForwarderTests {
    @Test func `an event is a CloudEvent whose id is the journal's`() throws {
        let feed = FakeFeed(), sink = RecordingSink()
        feed.append(.critical, at: start)
        var forwarder = forwarder(feed)
        #expect(forwarder.sendNext(to: sink, at: moment(0).monotonic) != nil)
        let message = sink.messages[0]
        let event = try JSON.parse(message.payload)
        #expect(message.topic == "mdc/v1/mdc7/events")
        #expect(message.qos == 1)
        #expect(event["specversion"]?.string == "1.0")
        #expect(event["id"]?.string == "id-1")
        #expect(event["source"]?.string == "//mdc/mdc7")
        #expect(event["sequence"]?.integer == 1)
        #expect(event["data"]?["severity"]?.string == "critical")
        #expect(event["data"]?["evidence"]?["ups1.status"]?.string == "on-battery")
    }

    @Test func `the cursor moves only over what is acknowledged without a gap`() {
        let feed = FakeFeed(), sink = RecordingSink()
        for _ in 0..<3 { feed.append(at: start) }
        var forwarder = forwarder(feed)
        while forwarder.sendNext(to: sink, at: moment(0).monotonic) != nil {}
        forwarder.acknowledge([2, 3], at: moment(0).monotonic)
        forwarder.commit(at: moment(0).monotonic, isLast: true)
        #expect(feed.cursor == nil)
        forwarder.acknowledge([1], at: moment(0).monotonic)
        forwarder.commit(at: moment(0).monotonic, isLast: true)
        #expect(feed.cursor == 3)
    }

    @Test func `what was sent and not acknowledged is sent again after a break, under the same id`() {
        let feed = FakeFeed(), sink = RecordingSink()
        for _ in 0..<4 { feed.append(at: start) }
        var forwarder = forwarder(feed)
        while forwarder.sendNext(to: sink, at: moment(0).monotonic) != nil {}
        forwarder.acknowledge([1, 2], at: moment(0).monotonic)
        forwarder.disconnected()
        sink.messages.removeAll()
        _ = forwarder.connected(isSessionPresent: true, at: moment(10))
        while forwarder.sendNext(to: sink, at: moment(0).monotonic) != nil {}
        #expect(ids(sink) == ["id-3", "id-4"])
    }

    @Test func `a restart goes on from the kept cursor`() {
        let feed = FakeFeed(), sink = RecordingSink()
        for _ in 0..<5 { feed.append(at: start) }
        feed.keep(3)
        var forwarder = forwarder(feed)
        _ = forwarder.connected(isSessionPresent: true, at: moment(0))
        while forwarder.sendNext(to: sink, at: moment(0).monotonic) != nil {}
        #expect(ids(sink) == ["id-4", "id-5"])
    }

    @Test func `a broker that has forgotten our session gets the retention window again`() {
        let feed = FakeFeed(), sink = RecordingSink()
        for hour in 0..<10 { feed.append(at: moment(Int64(hour) * 3600).wall) }
        feed.keep(10)
        var forwarder = forwarder(feed, retention: .seconds(3 * 3600))
        let again = forwarder.connected(isSessionPresent: false, at: moment(10 * 3600))
        while forwarder.sendNext(to: sink, at: moment(0).monotonic) != nil {}
        #expect(again == 3)
        #expect(ids(sink) == ["id-8", "id-9", "id-10"])
    }

    @Test func `a crash in the middle of a replay does not forget the rest of it`() {
        let feed = FakeFeed(), sink = RecordingSink()
        for _ in 0..<6 { feed.append(at: start) }
        feed.keep(6)
        var first = forwarder(feed)
        #expect(first.replay(after: 2) == 4)
        _ = first.sendNext(to: sink, at: moment(0).monotonic)
        first.acknowledge([1], at: moment(0).monotonic)
        first.commit(at: moment(0).monotonic, isLast: true)
        // A new life over the same journal.
        sink.messages.removeAll()
        var second = forwarder(feed)
        _ = second.connected(isSessionPresent: true, at: moment(1))
        while second.sendNext(to: sink, at: moment(0).monotonic) != nil {}
        #expect(ids(sink) == ["id-4", "id-5", "id-6"])
    }

    @Test func `no more events are under way than the broker may owe acknowledgements for`() {
        let feed = FakeFeed(), sink = RecordingSink()
        for _ in 0..<1000 { feed.append(at: start) }
        var forwarder = forwarder(feed)
        while forwarder.sendNext(to: sink, at: moment(0).monotonic) != nil {}
        #expect(sink.messages.count == EventForwarder.inFlightMax)
        #expect(forwarder.hasUnsent)
        forwarder.acknowledge(sink.numbers, at: moment(0).monotonic)
        #expect(forwarder.backlog().count == UInt64(1000 - EventForwarder.inFlightMax))
    }

    @Test func `a broker that takes events and acknowledges none is left`() {
        let feed = FakeFeed(), sink = RecordingSink()
        feed.append(at: start)
        var forwarder = forwarder(feed)
        _ = forwarder.sendNext(to: sink, at: moment(100).monotonic)
        #expect(!forwarder.isStalled(at: moment(129).monotonic))
        #expect(forwarder.isStalled(at: moment(131).monotonic))
        forwarder.acknowledge([1], at: moment(131).monotonic)
        #expect(!forwarder.isStalled(at: moment(500).monotonic))
    }
}
