import Control
import Platform
import Site
import Testing

private func zone(
    _ name: String, _ kind: ZoneKind, _ line: Int, entry: Int64 = 0, complement: Int? = nil, bypass: Bool = true
) -> ZonePlan {
    ZonePlan(
        name: name, title: name, kind: kind, line: line, complement: complement, entryDelay: .seconds(entry),
        isBypassable: bypass)
}

private let keyholder = Actor("technician@console", .technician)
private let chief = Actor("engineer@console", .engineer)

/// A container's panel on a bench: front door (30 s entry), rear door, motion (30 s), smoke, leak,
/// tamper, mains.
private struct Panel {
    let plan = SecurityPlan(
        zones: [
            zone("front", .door, 0, entry: 30), zone("rear", .door, 1, complement: 7),
            zone("motion", .motion, 2, entry: 30),
            zone("smoke", .smoke, 3), zone("leak", .leak, 4), zone("tamper", .tamper, 5, bypass: false),
            zone("mains", .mains, 6),
        ])
    var arming: Arming
    var readings: [ZoneReading?]
    var activations: [Double]
    var now = Moment(
        monotonic: MonotonicTime(nanoseconds: 1_000_000_000_000), wall: WallTime(milliseconds: 1_795_645_683_000))
    var last = ArmingDecisions()
    var events: [EventDraft] = []

    init() {
        arming = Arming(plan: plan)
        readings = plan.zones.map { _ in .normal }
        activations = plan.zones.map { _ in 0 }
        step()
    }

    @discardableResult
    mutating func step(
        after span: Nanoseconds = .zero, _ request: ArmingRequest? = nil, by actor: Actor = keyholder
    ) -> ControlAnswer? {
        now = now.advanced(by: span)
        last = arming.step(
            zones: plan.zones.indices.map {
                ZoneInput(name: plan.zones[$0].name, reading: readings[$0], activations: activations[$0])
            }, requests: request.map { [($0, actor)] } ?? [], now: now)
        events += last.events
        return last.answers.first
    }

    mutating func set(_ name: String, _ reading: ZoneReading?) {
        guard let index = plan.zones.firstIndex(where: { $0.name == name }) else { return }
        if reading == .alarm { activations[index] += 1 }
        readings[index] = reading
    }

    /// Ids of the conditions that hold.
    var alarms: [String] {
        zip(arming.conditions, last.holding).compactMap { $1 == true ? $0.id : nil }
    }

    mutating func armAway() {
        step(.arm(.away))
        step(after: .seconds(45))
    }
}

@Suite struct ArmingTests {
    @Test func `doors and motion are no alarm while disarmed, smoke leak and tamper always are`() {
        var panel = Panel()
        for zone in panel.plan.zones { panel.set(zone.name, .alarm) }
        panel.step()
        #expect(panel.alarms == ["zone.smoke.fire", "zone.leak.leak", "zone.tamper.tamper", "zone.mains.mains-failed"])
    }

    @Test func `arming away leaves the exit time, and the way out may be open meanwhile`() {
        var panel = Panel()
        panel.set("front", .alarm)
        #expect(panel.step(.arm(.away)) == .done("armed away in 45 s"))
        #expect(panel.last.state == .exiting)
        #expect(panel.last.nextDeadline == panel.now.monotonic + .seconds(45))
        panel.set("motion", .alarm)
        panel.step(after: .seconds(20))
        #expect(panel.alarms == [])
        panel.set("front", .normal)
        panel.set("motion", .normal)
        panel.step(after: .seconds(25))
        #expect(panel.last.state == .away)
        #expect(panel.alarms == [])
    }

    @Test func `arming is refused while an instant zone is open, cut or unreadable, and says which`() {
        var panel = Panel()
        panel.set("rear", .alarm)
        panel.set("smoke", .fault)
        #expect(
            panel.step(.arm(.away))
                == .refused("rear is in alarm; smoke cannot be read: close, mend or bypass"))
        #expect(panel.last.state == .disarmed)
        #expect(panel.events.last?.kind == .commandRefused && panel.events.last?.actor == "technician@console")
    }

    @Test func `an instant zone is an intrusion at once`() {
        var panel = Panel()
        panel.armAway()
        panel.set("rear", .alarm)
        panel.step()
        #expect(panel.alarms == ["zone.rear.intrusion"])
    }

    @Test func `whoever comes in through the entry door has its time to disarm`() {
        var panel = Panel()
        panel.armAway()
        panel.set("front", .alarm)
        panel.step()
        #expect(panel.last.state == .entering && panel.alarms == [])
        #expect(panel.step(after: .seconds(29), .disarm) == .done("disarmed"))
        panel.step(after: .seconds(60))
        #expect(panel.alarms == [] && panel.last.state == .disarmed)
    }

    @Test func `nobody disarms: the intrusion is raised although the door was closed again`() {
        var panel = Panel()
        panel.armAway()
        panel.set("front", .alarm)
        panel.step()
        panel.set("front", .normal)
        panel.step(after: .seconds(5))
        #expect(panel.alarms == [])
        panel.step(after: .seconds(25))
        #expect(panel.alarms == ["zone.front.intrusion"])
        #expect(panel.last.state == .away)
        panel.step(after: .seconds(1))
        #expect(panel.alarms == [], "it is over, and stays in the list until acknowledged")
    }

    @Test func `an alarm during entry is local first and reported after the grace`() {
        var panel = Panel()
        panel.armAway()
        panel.set("front", .alarm)
        panel.step()
        panel.set("rear", .alarm)
        panel.step(after: .seconds(2))
        #expect(panel.alarms == [])
        panel.step(after: .seconds(28))
        #expect(panel.alarms.contains("zone.rear.intrusion"))
    }

    @Test func `a door that opens and closes between two looks is not missed`() {
        var panel = Panel()
        panel.armAway()
        panel.set("rear", .alarm)
        panel.set("rear", .normal)
        panel.step()
        #expect(panel.alarms == ["zone.rear.intrusion"])
        panel.step()
        #expect(panel.alarms == [])
    }

    @Test func `stay leaves motion out and guards the doors`() {
        var panel = Panel()
        #expect(panel.step(.arm(.stay)) == .done("armed stay"))
        panel.set("motion", .alarm)
        panel.step()
        #expect(panel.alarms == [])
        panel.set("rear", .alarm)
        panel.step()
        #expect(panel.alarms == ["zone.rear.intrusion"])
    }

    @Test func `a cut or shorted loop is tamper even while disarmed`() {
        var panel = Panel()
        panel.set("rear", .open)
        panel.step()
        #expect(panel.alarms == ["zone.rear.tamper"])
        panel.set("rear", .short)
        panel.set("tamper", .open)
        panel.step()
        #expect(panel.alarms == ["zone.rear.tamper", "zone.tamper.tamper"])
    }

    @Test func `an unreadable zone is a fault of its own and neither safe nor alarm`() throws {
        var panel = Panel()
        panel.set("smoke", .fault)
        panel.step()
        #expect(panel.alarms == ["zone.smoke.fault"])
        let fire = try #require(panel.arming.conditions.firstIndex { $0.id == "zone.smoke.fire" })
        #expect(panel.last.holding[fire] == nil)
        #expect(panel.last.zones[3].state == "fault")
    }

    @Test func `who may do what: upstream arms, a technician disarms, an engineer bypasses smoke`() {
        var panel = Panel()
        let viewer = Actor("viewer@page", .viewer)
        let upstream = Actor("upstream:isv-a", .upstream)
        #expect(panel.step(.arm(.stay), by: viewer) == .forbidden("the authority of viewer is not enough"))
        #expect(panel.step(.arm(.stay), by: upstream) == .done("armed stay"))
        #expect(panel.step(.disarm, by: upstream) == .forbidden("the authority of upstream is not enough"))
        #expect(panel.step(.disarm) == .done("disarmed"))
        #expect(
            panel.step(.bypass(zone: "smoke"))
                == .forbidden("smoke guards life and machines: an engineer's to bypass"))
        guard case .done = panel.step(.bypass(zone: "smoke"), by: chief) else {
            Issue.record("an engineer may bypass smoke")
            return
        }
        #expect(panel.step(.bypass(zone: "tamper"), by: chief) == .refused("tamper may not be bypassed (site file)"))
        #expect(
            panel.events.filter { $0.kind == .armingChanged }.map(\.actor) == ["upstream:isv-a", "technician@console"])
    }

    @Test func `a bypassed zone is silent, is shown as bypassed, and its bypass ends by itself`() {
        var panel = Panel()
        panel.step(.bypass(zone: "leak"), by: chief)
        panel.set("leak", .alarm)
        panel.step()
        #expect(panel.alarms == [])
        #expect(panel.last.zones[4].isBypassed && panel.last.zones[4].state == "alarm")
        #expect(panel.last.nextDeadline == panel.now.monotonic + .seconds(86_400))
        panel.step(after: .seconds(86_400))
        #expect(panel.alarms == ["zone.leak.leak"])
        #expect(panel.events.last?.text == "leak is in service again: the bypass ended its time is over")
    }

    @Test func `a door's bypass ends with disarming`() {
        var panel = Panel()
        panel.set("rear", .alarm)
        panel.step(.bypass(zone: "rear"))
        #expect(panel.step(.arm(.stay)) == .done("armed stay"))
        panel.step(.disarm)
        #expect(panel.last.zones[1].isBypassed == false)
    }

    @Test func `a walk test raises nothing, ticks each zone off and ends by itself`() {
        var panel = Panel()
        panel.step(.walkTest(true))
        for name in ["front", "rear", "motion", "smoke", "leak", "tamper"] {
            panel.set(name, .alarm)
            panel.step(after: .seconds(5))
            panel.set(name, .normal)
            panel.step(after: .seconds(5))
        }
        #expect(panel.alarms == [])
        panel.step(after: .seconds(1800))
        #expect(panel.events.last?.text == "walk test ended its time is over: 6 of 7 zones seen; not seen: mains")
        panel.set("smoke", .alarm)
        panel.step()
        #expect(panel.alarms == ["zone.smoke.fire"])
    }

    @Test func `nothing is raised by the first look, whatever the counters say`() {
        var panel = Panel()
        panel.armAway()
        // The agent starts again: counters from zero, readings not there yet.
        panel.activations = panel.plan.zones.map { _ in 0 }
        panel.readings = panel.plan.zones.map { _ in nil }
        panel.step()
        #expect(panel.alarms == [])
    }
}

@Suite struct ArmingMemoryTests {
    private static let site = SecurityPlan(
        zones: [
            ZonePlan(name: "front", title: "front", kind: .door, line: 0, entryDelay: .seconds(30)),
            ZonePlan(name: "leak", title: "leak", kind: .leak, line: 1),
        ],
        points: SecurityPlan.points(of: [
            ZonePlan(name: "front", title: "front", kind: .door, line: 0),
            ZonePlan(name: "leak", title: "leak", kind: .leak, line: 1),
        ]))

    private static func control(_ memory: [UInt8]?, _ now: Moment) -> (Control, PointTable) {
        let plan = SitePlan(name: "test", title: "test", security: site)
        let table = PointTable(plan.points)
        return (Control(site: plan, points: table, memory: memory, now: now), table)
    }

    @Test func `an armed container with somebody inside is armed and counting after the agent was killed`() throws {
        var now = Moment(
            monotonic: MonotonicTime(nanoseconds: 1_000_000_000_000), wall: WallTime(milliseconds: 1_795_645_683_000))
        var (control, table) = Self.control(nil, now)
        var values: [String: Double] = ["zone.front.state": 0, "zone.leak.state": 0, "zone.front.activations": 0]
        var memory: [UInt8]?
        func step(_ requests: [ControlRequest] = [], after span: Nanoseconds = .zero) -> Decisions {
            now = now.advanced(by: span)
            let samples = control.watched.map { id in
                values[table[id].name].map { Sample.good($0, at: now.monotonic) } ?? .neverRead
            }
            let decisions = control.step(ControlInputs(samples: samples, requests: requests), now: now)
            memory = decisions.memory ?? memory
            return decisions
        }
        _ = step()
        _ = step([ControlRequest(actor: chief, kind: .arming(.bypass(zone: "leak")))])
        _ = step([ControlRequest(actor: chief, kind: .arming(.arm(.away)))])
        _ = step(after: .seconds(45))
        values["zone.front.state"] = 1
        values["zone.front.activations"] = 1
        #expect(step(after: .seconds(1)).arming == .entering)

        // Killed, and back after five seconds on a monotonic clock that goes on.
        now = now.advanced(by: .seconds(5))
        (control, table) = Self.control(memory, now)
        values = [:]
        #expect(step().arming == .entering)
        values = ["zone.front.state": 0, "zone.leak.state": 1, "zone.front.activations": 0]
        let back = step(after: .milliseconds(10))
        #expect(back.zones[1].isBypassed)
        #expect(back.alarms.isEmpty)
        let late = step(after: .seconds(30))
        #expect(late.alarms.map(\.id) == ["zone.front.intrusion"])
    }
}
