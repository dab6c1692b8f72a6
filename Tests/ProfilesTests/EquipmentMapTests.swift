import Foundation
import Platform
import Profiles
import Site
import Testing

/// Hardware/ of the repository that this file stands in.
private var hardware: String {
    #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Hardware"
}

/// A site file in a folder of its own.
private func load(_ yaml: String, maps: [String: String] = [:]) -> Result<SitePlan, SiteFile.Refused> {
    let folder = FileManager.default.temporaryDirectory.path + "/mdc-map-test-\(UUID().uuidString)"
    try? FileManager.default.createDirectory(atPath: folder + "/equipment", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try? yaml.write(toFile: folder + "/site.yaml", atomically: false, encoding: .utf8)
    for (name, text) in maps {
        try? text.write(toFile: folder + "/equipment/\(name).yaml", atomically: false, encoding: .utf8)
    }
    do throws(SiteFile.Refused) {
        return .success(try SiteFile.load(folder + "/site.yaml", hardware: maps.isEmpty ? hardware : folder))
    } catch { return .failure(error) }
}

private func faults(_ result: Result<SitePlan, SiteFile.Refused>) -> [String] {
    switch result {
    case .success: []
    case .failure(let refused): refused.faults.map(\.text)
    }
}

@Suite struct EquipmentMapTests {
    @Test func `a meter is added to a site with three lines`() throws {
        let plan = try load(
            """
            site: demo
            modbus:
              buses:
                power:
                  tcp: 192.0.2.7
                  units:
                    feed-a: {profile: eastron-sdm630}
            """
        ).get()
        let bus = try #require(plan.modbus.buses.first)
        #expect(bus.link == .tcp(host: "192.0.2.7", port: 502))
        let voltage = try #require(plan.points.first { $0.name == "feed-a.l1.voltage" })
        #expect(voltage.unit == .volts)
        #expect(voltage.interval == .seconds(1))
        let power = try #require(plan.points.first { $0.name == "feed-a.power" })
        #expect(power.exchange?.objectType == "PowerMeter" && power.exchange?.pointType == "ActivePower")
        #expect(plan.points.first { $0.name == "feed-a.l1.apparent-power" }?.isVerified == false)
    }

    @Test func `every map that is shipped loads without a fault`() {
        let collector = FaultCollector()
        let library = HardwareLibrary.load(hardware, collector)
        #expect(collector.inFileOrder.map(\.description) == [])
        #expect(!library.equipment.isEmpty)
        for profile in library.equipment.values {
            #expect(!profile.source.isEmpty)
            for point in profile.points where point.table.holdsBits == false {
                #expect(point.address + point.words <= 65536, "\(profile.name) \(point.path)")
            }
        }
    }

    static let sketch = """
        kind: genset
        title: A
        manufacturer: B
        model: C
        source: D
        manners: {first-address: 1}
        invalid: {u16: [0xFFF8..0xFFFF], i16: [0x7FFF]}
        points:
          oil: {holding: 1025, unit: kPa}
          coolant: {holding: 1026, type: i16, unit: C, invalid: [0x7FF8..0x7FFF]}
          status: {holding: 1, type: u32, flags: {1: online, 2: on-battery}}
          mode: {holding: 773, states: {0: stop, 1: auto}}
          control:
            holding: 4105
            readable: false
            states: {35701: auto}
            write: {function: 16, complement: true, settle: 1s, readback: {holding: 773, shows: {35701: 1}}}
        alarms:
          - {name: stopped, point: mode, is: stop, for: 5s, severity: major, text: It stands still.}
        """

    @Test func `a map says what the wire needs, and flags become points`() throws {
        let plan = try load(
            """
            site: demo
            modbus:
              buses:
                b:
                  rtu: /dev/ttyS9
                  serial: 19200 8E1
                  units:
                    g1: {profile: x, unit: 10, write: {control: {every: 1min}}}
            """, maps: ["x": Self.sketch]
        ).get()
        let unit = try #require(plan.modbus.buses.first?.units.first)
        #expect(unit.unitID == 10)
        let points = Dictionary(uniqueKeysWithValues: unit.points.map { ($0.path, $0) })
        #expect(points["oil"]?.address == 1024)
        #expect(points["oil"]?.invalid == [RawRange(0xFFF8, 0xFFFF)])
        #expect(points["coolant"]?.invalid == [RawRange(0x7FF8, 0x7FFF)])
        #expect(points["status.on-battery"]?.bits == 2...2)
        #expect(points["status.on-battery"]?.states.map(\.text) == ["no", "yes"])
        let rule = try #require(points["control"]?.write)
        #expect(rule.readBack == .effect(.holding, address: 772, expected: [35701: 1]))
        #expect(plan.points.map(\.name).contains("g1.control") == false)
        #expect(unit.profile.alarms.first?.condition == .state(0))
        #expect(unit.writable == [WritablePoint(path: "control", minimumInterval: .seconds(60))])
    }

    @Test func `what is wrong in a map or a bus is said where it stands`() {
        let site = """
            site: demo
            modbus: {buses: {b: {tcp: h, units: {g1: {profile: x}}}}}
            """
        func faultsOfMap(_ change: (String) -> String) -> [String] {
            faults(load(site, maps: ["x": change(Self.sketch)]))
        }
        #expect(
            faultsOfMap { $0.replacing("is: stop", with: "is: stopt") }.contains { $0.contains("no state 'stopt'") })
        #expect(
            faultsOfMap { $0.replacing("{2: on-battery}", with: "").replacing("2: on-battery", with: "32: x") }
                .contains { $0.contains("no bit 32") })
        #expect(faultsOfMap { $0.replacing("holding: 1025", with: "holding: 0") }.contains { $0.contains("from 1") })
        #expect(
            faultsOfMap { $0.replacing("states: {35701: auto}", with: "type: u16") }
                .contains { $0.contains("'min' and 'max'") })
        #expect(
            faults(load(site.replacing("profile: x", with: "profile: eastron-sdm63"))).contains {
                $0.contains("nearest name is 'eastron-sdm630'")
            })
        #expect(
            faults(load(site.replacing("tcp: h", with: "rtu: /dev/ttyS0"), maps: ["x": Self.sketch])).contains {
                $0.contains("'serial' is missing")
            })
        #expect(
            faults(load(site.replacing("profile: x", with: "profile: x, write: {oil: {}}"), maps: ["x": Self.sketch]))
                .contains {
                    $0.contains("'oil' cannot be written in 'x'; what can: control") || $0.contains("what can: control")
                })
    }
}
