import Foundation
import Platform
import Site
import Synchronization
import Testing

@testable import Upstream

/// Control and the device behind it: does what it is asked, unless told otherwise, and shows it on the board.
private final class Machine: Sendable {
    private let isStopping = Mutex(false)
    private let written: Mutex<[Double]> = Mutex([])
    private let refusal: Mutex<String?> = Mutex(nil)
    private let thread: Mutex<OwnerThread?> = Mutex(nil)

    init(_ rig: LiveRig, _ point: PointID) throws {
        let requests = rig.requests, board = rig.board, time = rig.time
        let owner = try OwnerThread("machine") { [self] in
            while !isStopping.withLock({ $0 }) {
                for request in requests.takeAll() {
                    guard case .write(_, let value, _, _) = request.kind else { continue }
                    if let why = refusal.withLock({ $0 }) {
                        request.answer?(.written(.rejected(why)))
                        continue
                    }
                    written.withLock { $0.append(value) }
                    board.publish(point, value, at: time.now())
                    request.answer?(.written(.confirmed(value)))
                }
                usleep(2000)
            }
        }
        thread.withLock { $0 = owner }
    }

    var values: [Double] { written.withLock { $0 } }
    func refuse(_ why: String?) { refusal.withLock { $0 = why } }
    func stop() {
        isStopping.withLock { $0 = true }
        thread.withLock { $0 }?.join()
    }
}

private func eventually(_ check: () -> Bool) -> Bool {
    let deadline = SystemTime.monotonic + .seconds(30)
    while SystemTime.monotonic < deadline {
        if check() { return true }
        usleep(10_000)
    }
    return check()
}

@Suite(.serialized, .enabled(if: LiveBroker.isInstalled(.mosquitto), "mosquitto is not installed"))
struct LiveIntegrationTests {
    @Test func `an integration finds its point, moves it within limits, hears what came of it, and falls silent`()
        throws
    {
        let broker = try LiveBroker(.mosquitto)
        try broker.start()
        let plan = UpstreamPlan(
            brokers: [BrokerPlan(host: "127.0.0.1", port: broker.port)],
            integrations: [
                IntegrationPlan(
                    id: "opt", heartbeatTimeout: .seconds(3),
                    points: [
                        IntegrationPlan.Point(
                            name: "cdu1.setpoint", objectType: "CDU", pointType: "LiquidTemperatureSpRequest",
                            minimum: 20, maximum: 45, safe: 30)
                    ])
            ])
        let rig = try LiveRig(plan, [exchangePoint("cdu1.setpoint", unit: .celsius)])
        rig.board.publish(PointID(0), 30, at: rig.time.now())
        let machine = try Machine(rig, PointID(0))
        defer { machine.stop() }
        try rig.room.start()
        defer { rig.room.stop() }
        #expect(eventually { rig.room.status.value.isConnected })
        // The integration knows the metadata, and nothing else of us.
        let integration = try #require(Consumer(port: broker.port, topics: ["BMS/v1/PUB/#", "mdc/v1/mdc7/#"]))
        #expect(integration.listen(seconds: 20) { integration.messages.contains { isOffer($0) } })
        let offer = try #require(integration.messages.first { isOffer($0) })
        let topic = offer.topic.replacingOccurrences(of: "/PUB/Metadata/", with: "/opt/Value/")
        func beat() {
            let now = rig.time.now().wall.milliseconds
            integration.send(
                "BMS/v1/opt/Value/System/HeartbeatTimestampIntegration/mdc7/integrations/opt",
                "{\"value\":\(now),\"timestamp\":\(now),\"quality\":1}", qos: 0)
        }
        func ask(_ value: Double) {
            beat()
            integration.send(
                topic, "{\"value\":\(value),\"timestamp\":\(rig.time.now().wall.milliseconds),\"quality\":1}")
        }
        func outcome(_ part: String) -> Bool {
            integration.listen(seconds: 20) {
                integration.texts("/outcomes").contains { $0.contains(part) }
            }
        }
        ask(35)
        #expect(outcome("\"value\":35,\"outcome\":\"confirmed\""))
        #expect(machine.values == [35])
        #expect(!integration.texts("HeartbeatEchoBms").isEmpty)
        machine.refuse("not while 'leak' stands")
        ask(36)
        #expect(outcome("\"value\":36,\"outcome\":\"rejected\",\"reason\":\"not while 'leak' stands\""))
        #expect(eventually { rig.room.status.value.lastRefusal?.contains("not while 'leak' stands") == true })
        machine.refuse(nil)
        ask(99)
        #expect(outcome("request refused: 99.0 is outside 20.0 to 45.0"))
        #expect(eventually { machine.values == [35, 30] })
        ask(40)
        #expect(eventually { machine.values == [35, 30, 40] })
        // Silence.
        #expect(eventually { machine.values == [35, 30, 40, 30] })
        let journalled = rig.events.takeAll().filter { $0.kind == .commandRefused }
        #expect(journalled.map(\.subject) == ["cdu1.setpoint"])
        #expect(journalled.map(\.actor) == ["upstream:opt"])
    }

    private func isOffer(_ message: IncomingMessage) -> Bool {
        message.topic.contains("/Metadata/CDU/LiquidTemperatureSpRequest/")
            && String(decoding: message.payload, as: UTF8.self).contains("\"integration\":\"opt\"")
    }

    @Test func `messages too large or too many are dropped and counted, and the rest goes on`() throws {
        let broker = try LiveBroker(.mosquitto)
        try broker.start()
        let plan = UpstreamPlan(
            brokers: [BrokerPlan(host: "127.0.0.1", port: broker.port)],
            integrations: [
                IntegrationPlan(
                    id: "opt", heartbeatTimeout: .seconds(30),
                    points: [
                        IntegrationPlan.Point(
                            name: "cdu1.setpoint", objectType: "CDU", pointType: "LiquidTemperatureSpRequest",
                            minimum: 20, maximum: 45, safe: 30)
                    ])
            ])
        let rig = try LiveRig(plan, [exchangePoint("cdu1.setpoint", unit: .celsius)])
        let machine = try Machine(rig, PointID(0))
        defer { machine.stop() }
        try rig.room.start()
        defer { rig.room.stop() }
        #expect(eventually { rig.room.status.value.isConnected })
        let attacker = try #require(Consumer(port: broker.port, topics: ["mdc/v1/mdc7/#"]))
        let topic = "BMS/v1/opt/Value/CDU/LiquidTemperatureSpRequest/mdc7/cdu1/setpoint/request"
        attacker.send(topic, String(repeating: "x", count: BrokerConnection.incomingBytesMax + 1), qos: 0)
        #expect(eventually { rig.room.status.value.messagesDropped >= 1 })
        attacker.flood(topic, count: 5000)
        let now = rig.time.now().wall.milliseconds
        attacker.send(
            "BMS/v1/opt/Value/System/HeartbeatTimestampIntegration/mdc7/integrations/opt",
            "{\"value\":\(now),\"timestamp\":\(now),\"quality\":1}", qos: 0)
        // A minute's refusals are spent: but the connection stands, and events go on being told.
        rig.feed.append(at: rig.time.now().wall, text: "after the flood")
        #expect(attacker.listen(seconds: 30) { attacker.texts("/events").contains { $0.contains("after the flood") } })
        let refused = rig.events.takeAll().filter { $0.kind == .commandRefused }
        #expect(refused.count <= RefusalLimit.perMinute * 2)
        #expect(rig.room.status.value.isConnected)
    }

    @Test func `a command that cannot be remembered is said in the status and in the journal, and again when it can`()
        throws
    {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-state-\(UUID().uuidString)")
        let broker = try LiveBroker(.mosquitto)
        try broker.start()
        let key = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-key-\(UUID().uuidString).pem").path
        let plan = UpstreamPlan(
            brokers: [BrokerPlan(host: "127.0.0.1", port: broker.port)],
            flex: FlexPlan(agent: "mdc7", keyFile: key, keyID: "k1", callers: [], statusEvery: .seconds(1)))
        let rig = try LiveRig(plan, stateFolder: folder.path)
        try rig.room.start()
        defer { rig.room.stop() }
        #expect(eventually { rig.room.status.value.trouble?.contains("\(key) cannot be read") == true })
        _ = try run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key])
        defer { try? FileManager.default.removeItem(atPath: key) }
        #expect(eventually { rig.room.status.value.isConnected && rig.room.status.value.trouble == nil })
        let told = rig.told()
        #expect(told.contains { $0.contains("power states cannot be signed") })
        #expect(told.contains { $0.contains("can be again") })
    }
}
