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

@Suite struct SimulatedDayTests {
    @Test(.enabled(if: FileManager.default.fileExists(atPath: validator.path), "../shared is absent"))
    func `a day of every kind of point conforms to the DSX Exchange contract`() throws {
        let time = HandTime()
        let definitions = everyKind()
        let board = Board(PointTable(definitions))
        let plan = UpstreamPlan(identities: [
            ExchangeIdentity(
                name: "ups1", objectID: "U-1", objectName: "UPS 1", serves: ["R-1"], processArea: ["Secondary"]),
            ExchangeIdentity(name: "rack1", rackLocationName: "A01", rackLocationID: "DH1.A01"),
            ExchangeIdentity(name: "chiller1", associateID: "PLANT-1", processArea: ["Primary", "Return"]),
        ])
        var pump = UpstreamPump(site: "mdc7", plan: plan, board: board, feed: FakeFeed(), now: time.now())
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
            while pump.turn(to: capture, at: time.now()) {}
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-day-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(capture.lines).write(to: file)
        // 24 h of a heartbeat every 10 s, and every point and its metadata every 100 s.
        #expect(capture.count >= 8640 + definitions.count * 2 * 863)
        let (code, output) = try run(["python3", validator.path, file.path, "--require-heartbeat"])
        #expect(code == 0, "\(output)")
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
