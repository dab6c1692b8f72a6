import Foundation
import Platform
import Site
import Testing

@testable import Profiles

private func load(_ security: String, wiring: String? = nil) -> (plan: SecurityPlan?, faults: [String]) {
    let faults = FaultCollector()
    var library = HardwareLibrary(folder: "Hardware")
    if let wiring, let node = YAMLReader.read(Array(wiring.utf8), file: "wiring/box.yaml", faults),
        let profile = Shape.wiring("box").read(node, faults)
    {
        library.wirings["box"] = profile
        library.wiringNames = ["box"]
    }
    let plan = YAMLReader.read(Array(security.utf8), file: "site.yaml", faults).flatMap {
        Shape.security(library).read($0, faults)
    }
    return (plan, faults.inFileOrder.map(\.description))
}

private let box = """
    title: A box
    source: Made up for the test
    zones:
      door: {kind: door, line: DOOR1, entry-delay: 30s}
      leak: {kind: leak, line: {chip: box-io, offset: 3}, normal: open, closed-reads: high}
    """

@Suite struct SecurityPlanTests {
    @Test func `a site file zone replaces the one of the same name in its wiring`() throws {
        let (plan, faults) = load(
            "wiring: box\nzones:\n  door: {kind: door, line: DOOR2, debounce: 250ms}\n", wiring: box)
        #expect(faults == [])
        let zones = try #require(plan).zones
        #expect(zones.map(\.name) == ["leak", "door"])
        #expect(plan?.lines.map(\.name) == ["box-io:3", "DOOR2"])
        #expect(plan?.lines[zones[1].line].debounce == .milliseconds(250))
        #expect(plan?.points.map(\.name).contains("zone.door.state") == true)
    }

    @Test func `debounce is by kind where nothing is said`() throws {
        let (plan, _) = load("wiring: box\n", wiring: box)
        #expect(plan?.lines.map(\.debounce) == [.milliseconds(100), .milliseconds(400)])
    }

    @Test func `smoke, leak and tamper are never disarmed`() {
        let (_, faults) = load("zones:\n  s: {kind: smoke, line: S, 24-hour: false}\n")
        #expect(faults == ["site.yaml:2:38: found 'false', but a smoke zone is never disarmed"])
        let (_, delayed) = load("zones:\n  s: {kind: smoke, line: S, entry-delay: 5s}\n")
        #expect(delayed == ["site.yaml:2:42: a 24-hour zone is in force at once: it has no entry delay"])
    }

    @Test func `two zones on one line are refused where the second stands, and told where the first is`() {
        let (plan, faults) = load("zones:\n  a: {kind: door, line: L1}\n  b: {kind: door, line: L1}\n")
        #expect(plan == nil)
        #expect(faults == ["site.yaml:3:25: zone 'b' wants line L1, which is zone 'a's already (site.yaml:2:25)"])
    }

    @Test func `a supervised pair needs two different lines`() {
        let (_, faults) = load("zones:\n  a: {kind: door, line: L1, complement: L1}\n")
        #expect(faults.first?.hasPrefix("site.yaml:2:41: zone 'a' wants line L1") == true)
    }

    @Test func `impossible delays are refused with what is possible`() {
        let (_, faults) = load(
            """
            exit-delay: 10min
            zones:
              a: {kind: door, line: L1, entry-delay: 46s}
              b: {kind: motion, line: L2, debounce: 500ms}
              c: {kind: door, line: L3, entry-delay: -1s}
            """)
        #expect(faults.count == 4)
        #expect(faults[0].hasPrefix("site.yaml:1:13: found '10min', expected a time from 0s to 2min"))
        #expect(faults[1].hasPrefix("site.yaml:3:42: found '46s', expected a time from 0s to 45s"))
        #expect(faults[2].hasPrefix("site.yaml:4:41: found '500ms', expected a time from 0s to 400ms"))
        #expect(faults[3].hasPrefix("site.yaml:5:42: found '-1s'"))
    }

    @Test func `an unknown wiring is refused with those that there are`() {
        let (_, faults) = load("wiring: bx\n", wiring: box)
        #expect(faults == ["site.yaml:1:9: no wiring 'bx' in Hardware/wiring; known: box"])
    }

    @Test func `the simulated source needs its socket, and only it`() {
        #expect(load("source: simulated\n").faults == ["site.yaml:1:9: source simulated needs 'socket'"])
        #expect(load("socket: /x\n").faults == ["site.yaml:1:9: 'socket' belongs to source simulated"])
        #expect(load("source: simulated\nsocket: /x\n").plan?.source == .simulated(socket: "/x"))
    }

    @Test func `every wiring we ship can be read and wires each zone's lines apart`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Hardware").path(percentEncoded: false)
        let faults = FaultCollector()
        let wirings = HardwareLibrary.load(folder, faults).wirings
        #expect(faults.faults == [])
        #expect(!wirings.isEmpty)
        for (name, profile) in wirings {
            var library = HardwareLibrary(folder: folder)
            library.wirings[name] = profile
            let node = try #require(YAMLReader.read(Array("wiring: \(name)".utf8), file: "site.yaml", faults))
            #expect(Shape.security(library).read(node, faults)?.zones.isEmpty == false)
            #expect(faults.faults == [])
        }
    }
}
