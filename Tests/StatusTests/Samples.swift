import Foundation
import HTTP
import Platform
import Site
import Status

/// A container on a certain day, with something of everything.
enum Samples {
    static let moment = Moment(
        monotonic: MonotonicTime(nanoseconds: 5_000_000_000), wall: WallTime(milliseconds: 1_795_000_000_000))

    static let points = PointTable([
        PointDefinition(name: "ups1.battery.charge", title: "Battery charge", unit: .percent, interval: .seconds(1)),
        PointDefinition(
            name: "ups1.mode", title: "Mode",
            kind: .state([StateText(code: 0, text: "online"), StateText(code: 1, text: "on-battery")])),
        PointDefinition(name: "ups1.input.voltage", unit: .volts, interval: .seconds(1)),
        PointDefinition(name: "meter1.energy", title: "Energy", unit: .kilowattHours, interval: .seconds(1)),
        PointDefinition(name: "ups2.battery.charge", title: "Battery charge", unit: .percent, isVerified: false),
        PointDefinition(name: "ups1.serial", kind: .text),
        PointDefinition(name: "meter1.phase.b.current", unit: .amperes),
    ])

    static func snapshot() -> SiteSnapshot {
        var snapshot = SiteSnapshot(
            site: "mdc-a", title: "Container \"A\"", version: "1.0.0", time: moment, points: points,
            readings: [
                .good(97.5, moment), .good(1, moment),
                Reading(value: .number(231), measured: moment, quality: .stale, reason: .timeout),
                .good(12.25, moment), .neverRead,
                Reading(value: .text("A\\B\n1"), measured: moment, quality: .good),
                Reading(value: nil, measured: nil, quality: .failed, reason: .notConnected),
            ],
            posture: Posture(
                state: .conserve, reason: "mains lost: UPS on battery", since: moment.wall, watts: 12_000,
                drainedAccelerators: ["npu1"]))
        snapshot.arming = .stay
        var alarm = Alarm(
            id: "mains-lost", severity: .major, subject: "ups1.mode", text: "Mains is lost", raised: moment.wall)
        var consequence = Alarm(
            id: "battery-low", severity: .warning, subject: "ups1.battery.charge", text: "Battery runs down",
            raised: moment.wall)
        consequence.consequenceOf = "mains-lost"
        alarm.acknowledgedBy = "root@console"
        snapshot.alarms = [consequence, alarm]
        var unit = UnitStatus(name: "ups1", unitID: 1, profile: "riello-multicom302", state: .online)
        unit.requests = 100
        unit.timeouts = 2
        unit.roundTripP50 = .milliseconds(3)
        unit.roundTripP99 = .milliseconds(17)
        var bus = BusStatus(name: "power", address: "tcp 127.0.0.1:1502", isConnected: true)
        bus.requests = 120
        bus.utilisation = 0.25
        var silent = UnitStatus(name: "meter1", unitID: 2, profile: "eastron-sdm630", state: .offline)
        silent.lastError = "no answer in time"
        bus.units = [unit, silent]
        snapshot.buses = [bus]
        snapshot.zones = [
            ZoneStatus(
                name: "door1", title: "Front door", kind: "door", state: "normal", isBypassed: false, since: moment.wall
            )
        ]
        snapshot.accelerators = [
            AcceleratorStatus(
                name: "npu1", vendor: "Rebellions", model: "ATOM", address: "0000:c3:00.0", slot: "slot-3",
                health: .degraded, since: moment.wall,
                findings: [
                    AcceleratorFinding(
                        code: "hot", text: "hotter than its neighbours", since: moment.wall, action: "observe",
                        evidence: [Evidence("npu1.temperature", "91 C")])
                ])
        ]
        snapshot.inference = InferenceStatus(
            isReady: true,
            lanes: [LaneStatus(model: "mlp", accelerator: "npu1", state: "ready", inferences: 7, failures: 1)])
        snapshot.upstream = UpstreamStatus(
            broker: "mqtt.example:8883", isConnected: false, lastError: "refused", eventsBehind: 3)
        snapshot.journal = JournalStatus(isDurable: true, lastSequence: 42, bytes: 65_536, dropped: 0)
        return snapshot
    }

    static let layout = SiteLayout(machines: [
        .init(name: "meter1", title: "Main meter", kind: .meter, manufacturer: "Eastron", model: "SDM630"),
        .init(name: "ups1", title: "UPS of the racks", kind: .ups, manufacturer: "Riello", model: "MultiCOM 302"),
        .init(name: "ups2", title: "UPS of the cooling", kind: .ups, manufacturer: "Riello", model: "MultiCOM 302"),
        .init(name: "pdu-a", title: "Rack A", kind: .pdu, manufacturer: "Raritan", model: "PX3"),
        .init(name: "chiller1", title: "Chiller", kind: .chiller, manufacturer: "Daikin", model: "Microtech III"),
        .init(name: "cdu1", title: "Coolant distribution", kind: .cdu, manufacturer: "Meta", model: "ORv3 RPU"),
    ])

    static let events = [
        Event(
            sequence: 41, id: "0000-41", wall: moment.wall, kind: .alarmRaised, severity: .major, subject: "ups1.mode",
            text: "Mains is lost", evidence: [Evidence("ups1.mode", "on-battery")], actor: nil),
        Event(
            sequence: 42, id: "0000-42", wall: moment.wall, kind: .alarmAcknowledged, severity: .info,
            subject: "mains-lost", text: "Acknowledged", evidence: [], actor: "root@console"),
    ]
}

struct SampleEvents: EventSource {
    func events(since: UInt64, limit: Int) -> [Event] {
        Array(Samples.events.filter { $0.sequence > since }.prefix(limit))
    }
    func newest(limit: Int) -> [Event] { Samples.events.suffix(limit) }
}
