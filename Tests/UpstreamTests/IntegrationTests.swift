import Foundation
import Platform
import Site
import Testing

@testable import Upstream

private let setpoint = "cdu1.setpoint"

/// A desk whose device is the board, whose guard is the test, and whose clock the test moves.
private struct Desk {
    let time = HandTime()
    let board: Board
    let desk: IntegrationDesk

    init(rate: Double? = nil, folder: String? = nil, points: [String] = [setpoint], reads: Double? = 30) {
        board = Board(PointTable([exchangePoint(setpoint, unit: .celsius)]))
        if let reads { board.publish(PointID(0), reads, at: time.now()) }
        desk = IntegrationDesk(
            site: "mdc7", plan: integrationPlan(rate: rate, points: points), board: board, stateFolder: folder,
            now: time.now().monotonic)
    }

    /// Carries out what the guard lets pass.
    func carryOut(_ value: Double, of asked: Double) -> IntegrationDesk.Heard {
        board.publish(PointID(0), value, at: time.now())
        return desk.answered(
            .written(value == asked ? .confirmed(value) : .mismatch(readBack: value)), "upstream:opt", setpoint, asked,
            at: time.now().monotonic)
    }

    func refuse(_ asked: Double) -> IntegrationDesk.Heard {
        desk.answered(.written(.rejected("no")), "upstream:opt", setpoint, asked, at: time.now().monotonic)
    }

    @discardableResult
    func beat() -> IntegrationDesk.Heard? {
        let now = time.now()
        return desk.hear(
            IncomingMessage(
                topic: "BMS/v1/opt/Value/System/HeartbeatTimestampIntegration/mdc7/integrations/opt",
                payload: IntegrationValue.render(Double(now.wall.milliseconds), now)), at: now)
    }

    func ask(_ value: Double, isRetained: Bool = false, payload: String? = nil) -> IntegrationDesk.Heard? {
        let now = time.now()
        return desk.hear(
            IncomingMessage(
                topic: requestTopic, payload: payload.map { Array($0.utf8) } ?? IntegrationValue.render(value, now),
                isRetained: isRetained), at: now)
    }

    func overdue() -> [Double] {
        desk.overdue(at: time.now().monotonic).compactMap { written(.request($0.kind, actor: "")) }
    }
}

private let requestTopic = "BMS/v1/opt/Value/CDU/LiquidTemperatureSpRequest/mdc7/cdu1/setpoint/request"

private func integrationPlan(rate: Double? = nil, points: [String] = [setpoint], timeout: Nanoseconds = .seconds(30))
    -> UpstreamPlan
{
    UpstreamPlan(integrations: [
        IntegrationPlan(
            id: "opt", heartbeatTimeout: timeout,
            points: points.map {
                IntegrationPlan.Point(
                    name: $0, objectType: "CDU", pointType: "LiquidTemperatureSpRequest", minimum: 20, maximum: 45,
                    changePerMinuteMax: rate, safe: 30)
            })
    ])
}

private func written(_ heard: IntegrationDesk.Heard?) -> Double? {
    if case .request(.write(_, let value, _, _), _) = heard { return value }
    return nil
}

private func refusal(_ heard: IntegrationDesk.Heard?) -> (text: String, back: Double?)? {
    guard case .refused(let draft?, let back) = heard else { return nil }
    return (draft.text, back.flatMap { written(.request($0.kind, actor: $0.actor)) })
}

private func isNothing(_ heard: IntegrationDesk.Heard?) -> Bool {
    if case .nothing = heard { return true }
    return false
}

@Suite struct IntegrationDeskTests {
    @Test func `off until the site file names it: nothing is offered, nothing is listened to`() {
        let board = Board(PointTable([exchangePoint(setpoint, unit: .celsius)]))
        let desk = IntegrationDesk(
            site: "mdc7", plan: UpstreamPlan(), board: board, stateFolder: nil, now: HandTime().now().monotonic)
        #expect(desk.metadata.isEmpty && desk.topics.isEmpty)
        let now = HandTime().now()
        #expect(
            desk.hear(IncomingMessage(topic: requestTopic, payload: IntegrationValue.render(31, now)), at: now) == nil)
    }

    @Test func `the metadata name the integration, and the subscribed topic is derived from theirs`() throws {
        let desk = Desk()
        let offer = try #require(desk.desk.metadata.first { $0.topic.contains("SpRequest") })
        let json = try JSON.parse(offer.payload)
        #expect(json["integration"]?.string == "opt")
        #expect(json["engUnit"]?.string == "C")
        #expect(offer.retain)
        let derived = offer.topic.replacingOccurrences(of: "/PUB/Metadata/", with: "/opt/Value/")
        #expect(derived == requestTopic)
        #expect(desk.desk.topics.contains { $0.topic == derived && $0.qos == 1 })
    }

    @Test func `a request within the limits goes to the guard, and what it confirms stays`() {
        let desk = Desk()
        desk.beat()
        #expect(written(desk.ask(35)) == 35)
        #expect(isNothing(desk.carryOut(35, of: 35)))
        desk.time.pass(.seconds(20))
        desk.beat()
        #expect(desk.overdue().isEmpty)
    }

    @Test func `a heartbeat is echoed, and one that stands still is none`() {
        let desk = Desk()
        guard case .echo(let echo) = desk.beat() else {
            Issue.record("no echo")
            return
        }
        #expect(echo.topic == "BMS/v1/PUB/Value/System/HeartbeatEchoBms/mdc7/integrations/opt")
        let frozen = IncomingMessage(
            topic: "BMS/v1/opt/Value/System/HeartbeatTimestampIntegration/mdc7/integrations/opt",
            payload: IntegrationValue.render(1_790_000_000_000, desk.time.now()))
        for _ in 0..<4 {
            desk.time.pass(.seconds(10))
            _ = desk.desk.hear(frozen, at: desk.time.now())
        }
        #expect(refusal(desk.ask(35))?.text.contains("its heartbeat is not there") == true)
    }

    @Test func `without a heartbeat nothing is taken, and silence brings the safe value back until it is there`() {
        let desk = Desk()
        #expect(refusal(desk.ask(35))?.text.contains("heartbeat") == true)
        desk.beat()
        _ = desk.ask(40)
        _ = desk.carryOut(40, of: 40)
        desk.time.pass(.seconds(31))
        #expect(desk.overdue() == [30])
        #expect(desk.overdue().isEmpty)
        // The guard refuses, for the moment; then the device is away; then it is done.
        _ = desk.refuse(30)
        desk.time.pass(.seconds(16))
        #expect(desk.overdue() == [30])
        _ = desk.desk.answered(
            .written(.unknown("no answer")), "upstream:opt", setpoint, 30, at: desk.time.now().monotonic)
        desk.time.pass(.seconds(16))
        #expect(desk.overdue() == [30])
        _ = desk.carryOut(30, of: 30)
        desk.time.pass(.seconds(3600))
        #expect(desk.overdue().isEmpty)
    }

    @Test func `a machine that is away for a day is asked to go back to safe ever less often`() {
        let desk = Desk()
        desk.beat()
        _ = desk.ask(40)
        _ = desk.carryOut(40, of: 40)
        var attempts = 0
        for _ in 0..<86_400 / 5 {
            desk.time.pass(.seconds(5))
            if desk.overdue() == [30] {
                attempts += 1
                _ = desk.desk.answered(
                    .written(.unknown("no answer")), "upstream:opt", setpoint, 30, at: desk.time.now().monotonic)
            }
        }
        #expect(attempts > 280 && attempts < 310)
    }

    @Test func `a value out of range, or one the integration itself calls bad, brings the safe value back`() {
        for payload in [
            "{\"value\":45.1,\"timestamp\":1790000000000,\"quality\":1}",
            "{\"value\":35,\"timestamp\":1790000000000,\"quality\":0}",
            "{\"value\":null,\"timestamp\":1790000000000,\"quality\":1}",
        ] {
            let desk = Desk()
            desk.beat()
            _ = desk.ask(40)
            _ = desk.carryOut(40, of: 40)
            #expect(refusal(desk.ask(0, payload: payload))?.back == 30, "\(payload)")
        }
    }

    @Test func `what is only late, retained, too fast or malformed is not taken, and moves nothing`() {
        let desk = Desk(rate: 5)
        desk.beat()
        #expect(written(desk.ask(35)) == 35)
        _ = desk.carryOut(35, of: 35)
        desk.time.pass(.seconds(1))
        for heard in [
            desk.ask(36, isRetained: true), desk.ask(36), desk.ask(0, payload: "35"),
            desk.ask(0, payload: "{\"value\":35.05,\"timestamp\":1790000000000,\"quality\":1,\"more\":1}"),
            desk.ask(0, payload: "{\"value\":35.05,\"timestamp\":1789990000000,\"quality\":1}"),
        ] {
            let refused = refusal(heard)
            #expect(refused != nil)
            #expect(refused?.back == nil)
        }
    }

    @Test func `a point moves no faster than its rate, from what it reads, however long nobody asked`() {
        let desk = Desk(rate: 2, reads: 38)
        desk.beat()
        #expect(refusal(desk.ask(41))?.text.contains("faster than 2.0 per minute") == true)
        #expect(written(desk.ask(40)) == 40)
        _ = desk.carryOut(40, of: 40)
        for _ in 0..<30 {
            desk.time.pass(.seconds(20))
            desk.beat()
        }
        #expect(refusal(desk.ask(44)) != nil)
        #expect(written(desk.ask(42)) == 42)
    }

    @Test func `one request is with the guard at a time, and the newest of the others follows`() {
        let desk = Desk()
        desk.beat()
        #expect(written(desk.ask(35)) == 35)
        #expect(isNothing(desk.ask(36)))
        #expect(isNothing(desk.ask(37)))
        #expect(written(desk.carryOut(35, of: 35)) == 37)
    }

    @Test func `nonsense while a request is under way: the answer to the request does not pass for the safe value`() {
        let desk = Desk()
        desk.beat()
        _ = desk.ask(35)
        #expect(refusal(desk.ask(99))?.back == nil)
        _ = desk.carryOut(35, of: 35)
        #expect(desk.overdue() == [30])
    }

    @Test func `the same value told again costs no second write`() {
        let desk = Desk()
        desk.beat()
        _ = desk.ask(35)
        _ = desk.carryOut(35, of: 35)
        desk.time.pass(.seconds(5))
        guard case .confirmed(setpoint, 35, "upstream:opt") = desk.ask(35) else {
            Issue.record("written again")
            return
        }
    }

    @Test func `a flood of bad requests is counted, not journalled`() {
        let desk = Desk()
        desk.beat()
        let drafts = (0..<500).filter { _ in refusal(desk.ask(35, isRetained: true)) != nil }
        #expect(drafts.count == RefusalLimit.perMinute)
        // Nor does a flood that the guard refuses.
        let other = Desk()
        other.beat()
        var asked = 0
        for _ in 0..<500 where written(other.ask(35)) != nil {
            asked += 1
            _ = other.refuse(35)
        }
        #expect(asked == RefusalLimit.perMinute)
    }

    @Test func `a restart does not leave a point where a silent integration had put it`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-desk-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = Desk(folder: folder.path)
        first.beat()
        _ = first.ask(40)
        _ = first.carryOut(40, of: 40)
        // It is heard again in time: nothing moves.
        let second = Desk(folder: folder.path, reads: 40)
        second.beat()
        second.time.pass(.seconds(29))
        second.beat()
        second.time.pass(.seconds(10))
        #expect(second.overdue().isEmpty)
        // It is not.
        let third = Desk(folder: folder.path, reads: 40)
        #expect(third.overdue().isEmpty)
        third.time.pass(.seconds(31))
        #expect(third.overdue() == [30])
        // Nobody may ask for it any more: said once, then forgotten.
        #expect(Desk(folder: folder.path, points: ["other"]).desk.orphans == [setpoint])
        #expect(Desk(folder: folder.path, points: ["other"]).desk.orphans.isEmpty)
    }

    @Test func `a folder that cannot be written is said, and stops nothing`() {
        let desk = Desk(folder: "/nonexistent/folder")
        desk.beat()
        #expect(written(desk.ask(35)) == 35)
        #expect(desk.desk.trouble?.contains("/nonexistent/folder/integrations") == true)
    }

    @Test func `payloads of any shape are judged and never crash`() {
        let desk = Desk()
        var random = SplitMix64(seed: 11)
        let good = IntegrationValue.render(35, desk.time.now())
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0...(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() & 255)
            }
            desk.time.pass(.seconds(5))
            desk.beat()
            _ = desk.desk.hear(IncomingMessage(topic: requestTopic, payload: bytes), at: desk.time.now())
            if let value = written(desk.ask(35)) {
                #expect((20...45).contains(value))
                _ = desk.carryOut(value, of: value)
            }
        }
    }
}
