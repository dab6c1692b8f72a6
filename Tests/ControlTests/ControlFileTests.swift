import Foundation
import Profiles
import Site
import Testing

/// A site file in a folder of its own, read against an empty library.
private func load(_ control: String) -> (plan: SitePlan?, faults: [String]) {
    let folder = NSTemporaryDirectory() + "control-file-\(UUID().uuidString)"
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/site.yaml"
    let text = """
        site: test
        security:
          source: gpio
          zones:
            front: {title: Front door, kind: door, line: DOOR1}
        control:
        \(control.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }.joined(separator: "\n"))
        """
    try? text.write(toFile: path, atomically: true, encoding: .utf8)
    do throws(SiteFile.Refused) {
        return (try SiteFile.load(path, hardware: folder), [])
    } catch {
        return (nil, error.faults.map { $0.description.replacingOccurrences(of: path, with: "site.yaml") })
    }
}

@Suite struct ControlFileTests {
    @Test func `a condition is read with its defaults`() throws {
        let (plan, faults) = load(
            """
            conditions:
              door-open:
                point: zone.front.state
                is: [alarm]
                for: 10min
                severity: warning
                text: the front door stands open
              busy:
                point: zone.front.activations
                moves-faster-than: 60
                severity: notice
                text: much traffic
                posture: drain
            """)
        #expect(faults == [])
        let conditions = try #require(plan).control.conditions
        #expect(conditions.map(\.id) == ["door-open", "busy"])
        #expect(conditions[0].test == .states(point: "zone.front.state", named: ["alarm"]))
        #expect(conditions[0].subject == "zone.front.state" && conditions[0].whenUnknown == .hold)
        #expect(conditions[1].whenUnknown == .raise)
    }

    @Test func `every name that does not exist is reported where it stands`() {
        let (_, faults) = load(
            """
            conditions:
              a:
                point: zone.frnt.state
                is: [alarm]
                severity: warning
                text: x
              b:
                point: zone.front.state
                is: [ajar]
                severity: warning
                text: x
                depends-on: [c]
              c:
                at-least: 1
                of: [b, nowhere]
                severity: warning
                text: x
                depends-on: [b]
            """)
        #expect(
            faults.contains {
                $0.hasPrefix("site.yaml:9:14: no point is named 'zone.frnt.state'; did you mean 'zone.front.state'?")
            })
        #expect(faults.contains { $0.contains("'b': 'zone.front.state' is never 'ajar'; it knows normal, alarm") })
        #expect(faults.contains { $0.contains("'c' counts the condition 'nowhere'") })
        #expect(faults.contains { $0.contains("'b' depends on itself") })
    }

    @Test func `a condition with no test or with two is refused`() {
        let (_, faults) = load(
            """
            conditions:
              a: {point: zone.front.activations, above: 3, below: 1, severity: info, text: x}
              b: {point: zone.front.activations, severity: info, text: x}
            """)
        #expect(faults.count == 2)
        #expect(faults.first?.contains("found above and below, expected one of") == true)
        #expect(faults.last?.contains("found no test") == true)
    }

    @Test func `a meter must measure power, and a fence needs both ends of its expiry`() {
        let (_, faults) = load(
            """
            feeds:
              main: {meters: [zone.front.activations], maximum: 1000, default: 2000}
            writable:
              crac1.setpoint: {minimum: 18, maximum: 27, safe: 22}
            """)
        let (_, later) = load("feeds:\n  main: {meters: [zone.front.activations], maximum: 1000}")
        #expect(later.contains { $0.contains("'zone.front.activations' is in 'count', expected a point in W or kW") })
        #expect(faults.contains { $0.contains("expected at most the maximum") })
        #expect(faults.contains { $0.contains("'safe' and 'hold' belong together") })
    }

    @Test func `the demonstration site alarms usefully with no tuning, and every name in it exists`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let site = try SiteFile.load(root + "/Hardware/sites/demo.yaml", hardware: root + "/Hardware")
        let table = PointTable(site.points)
        let conditions = site.allConditions
        for condition in conditions {
            for point in condition.points { #expect(table.id(of: point) != nil, "\(condition.id): \(point)") }
        }
        #expect(Set(conditions.map(\.id)).count == conditions.count)
        // Each kind of trouble that a container has is an alarm with a posture of its own.
        for id in ["ups1.on-battery", "ups1.backup-low", "ups1.backup-ends", "cdu1.leak", "npu0.failed", "inlet-hot"] {
            let condition = try #require(conditions.first { $0.id == id }, "\(id)")
            #expect(condition.posture != nil || condition.drainsAccelerator != nil)
        }
        for unit in site.modbus.buses.flatMap(\.units) {
            #expect(conditions.contains { $0.id == "\(unit.name).silent" })
        }
    }
}
