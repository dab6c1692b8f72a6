import Foundation
import Platform
import Site
import Synchronization
import Testing

@testable import Upstream

/// A room on a real broker.
struct LiveRig {
    let board: Board
    let feed = FakeFeed()
    let events: Mailbox<EventDraft>
    let requests: Mailbox<ControlRequest>
    let room: UpstreamRoom
    let time = SystemTime()

    init(
        _ plan: UpstreamPlan,
        _ definitions: [PointDefinition] = [exchangePoint("ups1.power", "PowerMeter", "ActivePower", unit: .watts)],
        stateFolder: String? = nil, dial: UpstreamRoom.Dial? = nil
    ) throws {
        board = Board(PointTable(definitions))
        events = try Mailbox(capacity: 1000)
        requests = try Mailbox(capacity: 100)
        room = try UpstreamRoom(
            site: "mdc7", plan: plan, board: board, time: time, events: events, feed: feed, requests: requests,
            stateFolder: stateFolder, history: nil
        ) { (broker, client, will, skip) throws(BrokerConnection.Refusal) in
            if let dial { return try dial(broker, client, will, skip) }
            return try BrokerConnection(broker, clientID: client, will: will, numbersToSkip: skip)
        }
    }

    /// Texts of what was journalled since the last look.
    func told() -> [String] { events.takeAll().map(\.text) }

    func id(_ name: String) throws -> PointID { try #require(board.points.id(of: name)) }
}

private func plan(_ brokers: [Int]) -> UpstreamPlan {
    UpstreamPlan(brokers: brokers.map { BrokerPlan(host: "127.0.0.1", port: $0) })
}

private func eventually(_ seconds: Double = 20, _ check: () -> Bool) -> Bool {
    let deadline = SystemTime.monotonic + Nanoseconds(seconds: seconds)
    while SystemTime.monotonic < deadline {
        if check() { return true }
        usleep(10_000)
    }
    return check()
}

private func sequences(_ consumer: Consumer) -> [Int] {
    consumer.texts("/events").compactMap { try? JSON.parse(Array($0.utf8))["sequence"]?.integer }
}

@Suite(.serialized, .enabled(if: LiveBroker.isInstalled(.mosquitto), "mosquitto is not installed"))
struct LiveBrokerTests {
    @Test func `a value that changes reaches a listener, and a new listener gets the metadata`() throws {
        let broker = try LiveBroker(.mosquitto)
        try broker.start()
        let rig = try LiveRig(plan([broker.port]))
        try rig.room.start()
        defer { rig.room.stop() }
        #expect(eventually { rig.room.status.value.isConnected })
        let consumer = try #require(Consumer(port: broker.port, topics: ["BMS/#"]))
        rig.board.publish(try rig.id("ups1.power"), 42_000, at: rig.time.now())
        #expect(consumer.listen(seconds: 20) { consumer.texts("Value/PowerMeter").contains { $0.contains("42,") } })
        #expect(consumer.texts("Metadata/PowerMeter").count == 1)
    }

    @Test func `without a broker events wait, and are counted`() throws {
        let rig = try LiveRig(plan([LiveBroker.freePort()]))
        for _ in 0..<500 { rig.feed.append(at: rig.time.now().wall) }
        try rig.room.start()
        defer { rig.room.stop() }
        #expect(eventually { rig.room.status.value.lastError?.contains("Connection refused") == true })
        #expect(eventually { rig.room.status.value.eventsBehind == 500 })
        #expect(rig.room.status.value.oldestUnsent != nil)
    }

    @Test func `events that piled up arrive in order, and each is acknowledged`() throws {
        let broker = try LiveBroker(.mosquitto)
        try broker.start()
        let consumer = try #require(Consumer(port: broker.port, topics: ["mdc/#"]))
        let rig = try LiveRig(plan([broker.port]))
        for _ in 0..<2000 { rig.feed.append(at: rig.time.now().wall) }
        try rig.room.start()
        defer { rig.room.stop() }
        #expect(consumer.listen(seconds: 30) { consumer.messages.count >= 2000 })
        #expect(sequences(consumer) == Array(1...2000))
        #expect(eventually { rig.feed.cursor == 2000 })
    }

    @Test func `a broker killed and empty afterwards gets what it has forgotten again`() throws {
        let broker = try LiveBroker(.mosquitto)
        try broker.start()
        let rig = try LiveRig(plan([broker.port]))
        for _ in 0..<50 { rig.feed.append(at: rig.time.now().wall) }
        try rig.room.start()
        defer { rig.room.stop() }
        #expect(eventually { rig.feed.cursor == 50 })
        broker.kill()
        #expect(eventually { !rig.room.status.value.isConnected })
        try broker.start()
        // Acknowledged once is not kept for ever: the cursor goes back, and all are acknowledged again.
        #expect(eventually { rig.feed.moves.dropFirst().contains(0) && rig.feed.cursor == 50 })
        #expect(rig.room.status.value.eventsSent >= 100)
    }

    @Test func `a broker that refuses is left for the next one`() throws {
        let closed = try LiveBroker(.mosquitto, anonymous: false), open = try LiveBroker(.mosquitto)
        try closed.start()
        try open.start()
        let rig = try LiveRig(plan([closed.port, open.port]))
        try rig.room.start()
        defer { rig.room.stop() }
        #expect(eventually { rig.room.status.value.isConnected })
        #expect(rig.room.status.value.broker == "mqtt://127.0.0.1:\(open.port)")
    }

    @Test func `the last will tells of an end without farewell, and a farewell is told at once`() throws {
        let broker = try LiveBroker(.mosquitto)
        try broker.start()
        let rig = try LiveRig(plan([broker.port]))
        try rig.room.start()
        #expect(eventually { rig.room.status.value.isConnected })
        let consumer = try #require(Consumer(port: broker.port, topics: ["BMS/v1/PUB/Value/System/Available/#"]))
        rig.room.stop()
        #expect(consumer.listen(seconds: 10) { !consumer.texts("Available").isEmpty })
        #expect(consumer.texts("Available").first?.contains("\"value\":0") == true)
    }

    @Test func `stopping takes no longer than two seconds, connected or not`() throws {
        let rig = try LiveRig(plan([LiveBroker.freePort()]))
        try rig.room.start()
        usleep(100_000)
        let before = SystemTime.monotonic
        rig.room.stop()
        #expect(SystemTime.monotonic - before < .seconds(2))
    }

    @Test func `a name server that hangs holds neither the thread nor a stop`() throws {
        let isAsked = Mutex(0)
        let rig = try LiveRig(plan([1])) { (_, _, _, _) throws(BrokerConnection.Refusal) in
            isAsked.withLock { $0 += 1 }
            sleep(30)
            throw BrokerConnection.Refusal(text: "Lookup error.")
        }
        try rig.room.start()
        #expect(eventually { isAsked.withLock { $0 } == 1 })
        // The thread goes on: it takes what it is asked, and beats.
        usleep(700_000)
        let heartbeat = try #require(rig.room.heartbeats.first)
        #expect(eventually { heartbeat.silence(at: SystemTime.monotonic) < .milliseconds(500) })
        let before = SystemTime.monotonic
        rig.room.stop()
        #expect(SystemTime.monotonic - before < .seconds(5))
    }

    @Test func `a broker that lets us in and throws us out is tried ever less often, and the next one in between`()
        throws
    {
        // One session of a name at a time: each of the two throws the other out.
        let broker = try LiveBroker(.mosquitto)
        try broker.start()
        let seed = Backoff(seed: 1)
        var waits = seed
        var sum = Nanoseconds.zero
        for _ in 0..<12 { sum = sum + waits.next(atMost: UpstreamOwner.dropLimit) }
        // A day of it is less than 24,000 events; it was 170,000.
        #expect(sum > .seconds(60) && sum < .seconds(180))
        let first = try LiveRig(plan([broker.port])), second = try LiveRig(plan([broker.port]))
        try first.room.start()
        try second.room.start()
        defer {
            first.room.stop()
            second.room.stop()
        }
        var lost = 0
        func count() -> Int {
            lost += (first.told() + second.told()).filter { $0.contains("lost") }.count
            return lost
        }
        #expect(eventually { count() >= 1 })
        // Each waits at least a half, one, two seconds: at once, it would be hundreds.
        usleep(4_000_000)
        #expect(count() <= 12)
    }

    @Test func `a replay sends events again from a number, and a request may come from any thread`() throws {
        let broker = try LiveBroker(.mosquitto)
        try broker.start()
        let rig = try LiveRig(plan([broker.port]))
        for _ in 0..<20 { rig.feed.append(at: rig.time.now().wall) }
        try rig.room.start()
        defer { rig.room.stop() }
        #expect(eventually { rig.feed.cursor == 20 })
        let consumer = try #require(Consumer(port: broker.port, topics: ["mdc/#"]))
        rig.room.replay(after: 15)
        #expect(consumer.listen(seconds: 20) { sequences(consumer).count >= 5 })
        #expect(sequences(consumer) == Array(16...20))
    }
}
