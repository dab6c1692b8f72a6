import Foundation
import Platform
import Site
import Testing

@testable import Upstream

private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
let validator = root.deletingLastPathComponent().appendingPathComponent("shared/tools/dsx-validate")

/// A capture as the validator reads it. A message that came before with the same content gets the same
/// verdict, so each is written once; how many there were is counted.
final class Capture: MessageSink {
    var canTake = true
    var now = 0.0
    private(set) var count = 0
    private var seen: Set<[UInt8]> = []
    private(set) var lines: [UInt8] = []
    var last: Int32 { Int32(count) }

    func publish(_ message: OutgoingMessage) -> Int32? {
        count += 1
        let identity = Array(message.topic.utf8) + [message.retain ? 1 : 0, UInt8(message.qos)] + message.payload
        guard seen.insert(identity).inserted else { return Int32(count) }
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("topic", message.topic)
        writer.field("payload", String(decoding: message.payload, as: UTF8.self))
        writer.field("retain", message.retain)
        writer.field("qos", message.qos)
        writer.field("t", now)
        writer.endObject()
        lines += writer.bytes + [0x0A]
        return Int32(count)
    }
}

/// One point of every kind that the contract knows, in units the site's own devices use.
private func everyKind() -> [PointDefinition] {
    var points: [PointDefinition] = []
    let states = ["off", "on"]
    func add(_ object: String, _ type: String, _ unit: Site.Unit = .none, _ texts: [String] = [], phase: String? = nil)
    {
        points.append(
            exchangePoint(
                "\(object.lowercased())1.\(type.lowercased())", object, type, unit: unit, states: texts, phase: phase,
                interval: .seconds(1)))
    }
    for (type, unit) in [
        ("RackLiquidSupplyTemperature", Site.Unit.celsius), ("RackLiquidReturnTemperature", .celsius),
        ("RackLiquidFlow", .cubicMetresPerHour), ("RackLiquidDifferentialPressure", .bar),
        ("RackLiquidDifferentialPressureSp", .kilopascals), ("RackControlValvePosition", .percent),
        ("RackPower", .watts),
    ] { add("Rack", type, unit) }
    for type in ["LeakDetect", "LeakSensorFault", "LiquidIsolationStatus", "ElectricalIsolationStatus"] {
        add("Rack", "Rack" + type, .none, states)
    }
    for (type, unit) in [
        ("Voltage", Site.Unit.volts), ("Frequency", .hertz), ("ApparentPower", .voltAmperes), ("ActivePower", .watts),
        ("Current", .amperes), ("CurrentLimit", .amperes), ("PowerFactor", .none), ("GenericPoint", .kilowattHours),
    ] { add("PowerMeter", type, unit) }
    add("PowerMeter", "PhaseCurrent", .amperes, phase: "B")
    for object in ["BESS", "UPS", "ATS", "Generator", "Shunt", "Breaker"] {
        add(object, "Status", .none, states)
        add(object, "Available", .none, states)
        add(object, "GenericPoint", .percent)
    }
    // A UPS with a meter of its own: its other points then refer to it.
    points.append(exchangePoint("ups1.output", "PowerMeter", "ActivePower", unit: .kilowatts, interval: .seconds(1)))
    let cooling = [
        "CDU", "CoolingTower", "HX", "CRAH", "CRAC", "AHU", "Chiller", "Tank", "GenericObject", "Sensor",
    ]
    for object in cooling {
        for (type, unit) in [
            ("LiquidTemperature", Site.Unit.celsius), ("LiquidDifferentialPressure", .pascals),
            ("LiquidFlow", .litresPerMinute), ("LiquidPressure", .bar), ("AirTemperature", .celsius),
            ("AirDifferentialPressure", .pascals), ("AirRelativeHumidity", .percent), ("AirFlow", .cubicMetresPerHour),
            ("AirPressure", .kilopascals), ("ValvePosition", .percent), ("PumpSpeed", .revolutionsPerMinute),
            ("FanSpeed", .percent), ("DamperPosition", .percent), ("Sound", .decibels), ("GenericPoint", .count),
        ] { add(object, type, unit) }
        for type in ["Status", "Available", "LeakDetect"] { add(object, type, .none, states) }
    }
    for (object, type) in [
        ("Valve", "ValvePosition"), ("Pump", "PumpSpeed"), ("Fan", "FanSpeed"), ("Damper", "DamperPosition"),
    ] {
        add(object, type, .percent)
        add(object, "Available", .none, states)
        add(object, "GenericPoint")
    }
    // And what no profile mapped, or mapped wrongly.
    points.append(exchangePoint("agent.load"))
    points.append(exchangePoint("cdu1.delta", "CDU", "LiquidTemperature", unit: .kelvinDifference))
    points.append(exchangePoint("rack1.mode", "Rack", "NoSuchType", states: states))
    points.append(exchangePoint("door1", "NoSuchObject", "Status", states: states))
    return points
}

private func integration() -> IntegrationPlan {
    IntegrationPlan(
        id: "opt", heartbeatTimeout: .seconds(30),
        points: [
            IntegrationPlan.Point(
                name: "cdu1.liquidtemperature", objectType: "CDU", pointType: "LiquidTemperatureSpRequest", minimum: 20,
                maximum: 45, safe: 30),
            IntegrationPlan.Point(
                name: "rack1.rackliquidisolationstatus", objectType: "Rack", pointType: "RackLiquidIsolationRequest",
                minimum: 0, maximum: 1, safe: 0),
            IntegrationPlan.Point(
                name: "fan1.fanspeed", objectType: "Fan", pointType: "FanSpeed", minimum: 0, maximum: 100, safe: 50),
        ])
}

private func heartbeat(at now: Moment) -> IncomingMessage {
    IncomingMessage(
        topic: "BMS/v1/opt/Value/System/HeartbeatTimestampIntegration/mdc7/integrations/opt",
        payload: IntegrationValue.render(Double(now.wall.milliseconds), now))
}

/// Six steps of an hour: a target is set, reached, broken, broken badly, kept again, and gone.
private func step(_ feed: inout PowerFeedStatus, _ count: Int, _ now: Moment) {
    let target = PowerTarget(
        id: UUIDText.make(), feeds: ["main"], start: now.wall,
        end: WallTime(milliseconds: now.wall.milliseconds + 3_600_000), watts: 30_000, actor: "upstream:isv-acme")
    switch count % 6 {
    case 0:
        feed.targets = [target]
        feed.activeTarget = target
        feed.isRamping = true
        feed.lastTransition = .startRampDown
        feed.eventStart = now.wall
    case 1:
        feed.isRamping = false
        feed.lastTransition = .endRampDown
    case 2:
        feed.breach = PowerBreach(
            id: UUIDText.make(), feed: "main", state: .active, isCritical: false, detected: now.wall,
            target: feed.targets[0], measuredWatts: 33_000)
        feed.isCompliant = false
    case 3:
        feed.breach?.state = .escalated
        feed.breach?.isCritical = true
    case 4:
        feed.breach?.state = .resolved
        feed.breach?.resolved = now.wall
        feed.isCompliant = true
    default:
        feed.targets = []
        feed.activeTarget = nil
        feed.lastTransition = .endRampUp
    }
}

@Suite struct SimulatedDayTests {
    @Test(.enabled(if: FileManager.default.fileExists(atPath: validator.path), "../shared is absent"))
    func `a day of every kind of point conforms to the DSX Exchange contract`() throws {
        let time = HandTime()
        let definitions = everyKind()
        let board = Board(PointTable(definitions))
        let plan = UpstreamPlan(
            identities: [
                ExchangeIdentity(
                    name: "ups1", objectID: "U-1", objectName: "UPS 1", serves: ["R-1"], processArea: ["Secondary"]),
                ExchangeIdentity(name: "rack1", rackLocationName: "A01", rackLocationID: "DH1.A01"),
                ExchangeIdentity(name: "chiller1", associateID: "PLANT-1", processArea: ["Primary", "Return"]),
            ], integrations: [integration()])
        let desk = IntegrationDesk(
            site: "mdc7", plan: plan, board: board, stateFolder: nil, now: time.now().monotonic)
        var pump = UpstreamPump(
            site: "mdc7", plan: plan, board: board, feed: FakeFeed(), now: time.now(), metadata: desk.metadata)
        let key = try KeyPair("EC", keyID: "mdc7-1")
        let flex = FlexDesk(
            plan: FlexPlan(agent: "mdc7", keyFile: key.pem, keyID: "mdc7-1", callers: []), site: "mdc7",
            stateFolder: nil)
        var feed = PowerFeedStatus(
            tag: "main", minimumWatts: 1000, maximumWatts: 60_000, defaultWatts: 50_000, targets: [],
            activeTarget: nil, allowedWatts: 50_000, calculatedWatts: 40_000)
        let capture = Capture()
        var random = SplitMix64(seed: 20_261_125)
        _ = pump.connected(isSessionPresent: true, at: time.now())
        for second in stride(from: 0, to: 86_400, by: 5) {
            time.pass(.seconds(5))
            capture.now = Double(second)
            // Every minute some points move, fail, or come back; half the day many are silent and grow stale.
            if second % 60 == 0 {
                for _ in 0..<4 {
                    let id = PointID(Int(random.next() % UInt64(definitions.count)))
                    switch random.next() % 10 {
                    case 0: board.publish(id, .failed, .timeout)
                    case 1: board.publish(id, .invalid, .notANumber)
                    case 2: board.publish(id, .infinity, at: time.now())
                    default: board.publish(id, Double(random.next() % 2000) / 7, at: time.now())
                    }
                }
            }
            if second % 10 == 0, case .echo(let echo)? = desk.hear(heartbeat(at: time.now()), at: time.now()) {
                pump.add(urgent: echo)
            }
            if second % 600 == 0 { step(&feed, second / 600, time.now()) }
            flex.take([feed], into: &pump.outbox, at: time.now())
            flex.turn([feed], into: &pump.outbox, at: time.now())
            let before = capture.last
            while pump.turn(to: capture, at: time.now()) {}
            pump.acknowledge((before..<capture.last).map { $0 + 1 }, at: time.now().monotonic)
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-day-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(capture.lines).write(to: file)
        // 24 h of a heartbeat every 10 s, and every point and its metadata every 100 s.
        #expect(capture.count >= 8640 + definitions.count * 2 * 863)
        let (code, output) = try run(["python3", validator.path, file.path, "--require-heartbeat"])
        #expect(code == 0, "\(output)")
        // Every minute a power state, and each hour a target, a ramp, a breach and its end.
        let lines = String(decoding: capture.lines, as: UTF8.self).split(separator: "\n")
        #expect(lines.filter { $0.contains("/powerstate/status") }.count >= 1440)
        #expect(lines.filter { $0.contains("v1/dsx-flex-agent/mdc7/powerbreach") }.count >= 3 * 23)
        #expect(lines.contains { $0.contains("HeartbeatEchoBms") && $0.contains("/Value/") })
        print("a day: \(capture.count) messages; \(output.suffix(80))")
    }
}

func run(_ command: [String]) throws -> (Int32, String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
}
