import Platform
import Site
import Testing

@testable import Accelerators

private let twoCards = """
      cards:
        - {name: npu0, layout: furiosa-rngd, slot: "1", address: "0000:03:00.0", serial: "SN-A"}
        - {name: npu1, layout: furiosa-rngd, slot: "2", address: "0000:04:00.0", serial: "SN-B"}

    """

@Suite struct CardHealthTests {
    private func twoHealthyCards() throws -> (FakeSysfs, Workbench, a: String, b: String) {
        let sysfs = FakeSysfs()
        let a = sysfs.addRNGD("0000:03:00.0", index: 0, serial: "SN-A")
        let b = sysfs.addRNGD("0000:04:00.0", index: 1, serial: "SN-B")
        let bench = try Workbench(twoCards, sysfs)
        bench.run(seconds: 3)
        return (sysfs, bench, a.management, b.management)
    }

    @Test func `a healthy card is ok and its values are on the Board, found by label`() throws {
        let (_, bench, _, _) = try twoHealthyCards()
        #expect(bench.health("npu0") == .ok)
        #expect(bench.codes("npu0") == [])
        #expect(bench.number("npu0.temperature.peak") == 41)
        #expect(bench.number("npu0.temperature.highest") == 41)
        #expect(bench.number("npu0.power") == 37)
        #expect(bench.number("npu0.errors") == 0, "doorbells are no errors")
        #expect(bench.number("npu0.occupancy") == 25)
        #expect(bench.number("npu0.health") == 0)
        #expect(bench.status("npu0")?.serial == "SN-A")
        #expect(bench.number("accelerators.present") == 2)
        #expect(bench.events.takeAll().isEmpty, "a container that is well says nothing")
    }

    @Test func `a card that leaves the bus is absent at the next look and comes back by itself`() throws {
        let (sysfs, bench, _, _) = try twoHealthyCards()
        sysfs.removeCard("0000:04:00.0", folder: "devices/pci0000:00/0000:00:04.1/0000:04:00.0")
        bench.supervisor.isRescanDue = true
        bench.run(seconds: 1)
        #expect(bench.health("npu1") == .absent)
        #expect(bench.health("npu0") == .ok)
        #expect(bench.reading("npu1.temperature.peak").quality == .failed)
        #expect(bench.reading("npu1.temperature.peak").reason == .absent)
        let told = bench.events.takeAll()
        #expect(told.count == 1 && told.first?.subject == "npu1" && told.first?.severity == .major)
        sysfs.addRNGD("0000:04:00.0", index: 1, serial: "SN-B")
        bench.run(seconds: 12)
        #expect(bench.health("npu1") == .ok)
        #expect(bench.number("npu1.temperature.peak") == 41)
    }

    @Test func `the driver's numbering may change, the names stay with the serials`() throws {
        let sysfs = FakeSysfs()
        // The cards changed places and the driver counts from the other end.
        sysfs.addRNGD("0000:03:00.0", index: 1, serial: "SN-B")
        sysfs.addRNGD("0000:04:00.0", index: 0, serial: "SN-A")
        let bench = try Workbench(twoCards, sysfs)
        bench.run(seconds: 3)
        #expect(bench.status("npu0")?.address == "0000:04:00.0")
        #expect(bench.status("npu1")?.address == "0000:03:00.0")
        #expect(bench.codes("npu0") == ["identity.moved"])
        #expect(bench.health("npu0") == .ok)
    }

    @Test func `a card without a driver is seen, and said to lack it`() throws {
        let sysfs = FakeSysfs()
        sysfs.addRNGD("0000:03:00.0", index: 0, serial: "SN-A", driver: nil)
        let bench = try Workbench(twoCards, sysfs)
        bench.run(seconds: 3)
        #expect(bench.health("npu0") == .failed)
        #expect(bench.codes("npu0").first == "driver.none")
        #expect(bench.health("npu1") == .absent)
    }

    @Test func `a state nobody knows and a file nobody can read are unknown, never ok`() throws {
        let (sysfs, bench, a, b) = try twoHealthyCards()
        sysfs.write(a + "/device_state", "7\n")
        bench.run(seconds: 1)
        #expect(bench.health("npu0") == .unknown)
        #expect(bench.codes("npu0") == ["unreadable.alive"])
        sysfs.write(b + "/device_state", "0\n")
        bench.run(seconds: 1)
        #expect(bench.health("npu1") == .failed)
    }

    @Test func `a heartbeat that never moved is no fault, one that stopped is`() throws {
        let (sysfs, bench, a, _) = try twoHealthyCards()
        bench.run(seconds: 60)
        #expect(bench.health("npu0") == .ok)
        for beat in 1...5 {
            sysfs.write(a + "/heartbeat", "\(beat)\n")
            bench.run(seconds: 1)
        }
        bench.run(seconds: 10)
        #expect(bench.health("npu0") == .ok)
        bench.run(seconds: 10)
        #expect(bench.codes("npu0") == ["heartbeat.stopped"])
        sysfs.write(a + "/heartbeat", "9\n")
        bench.run(seconds: 1)
        #expect(bench.health("npu0") == .ok)
    }

    @Test func `an unexpected card takes a spare name`() throws {
        let (sysfs, bench, _, _) = try twoHealthyCards()
        sysfs.addRNGD("0000:05:00.0", index: 2, serial: "SN-C")
        bench.run(seconds: 12)
        #expect(bench.status("spare1")?.serial == "SN-C")
        #expect(bench.number("spare1.health") == 0)
        #expect(bench.number("spare1.temperature.highest") == 41)
        #expect(bench.number("accelerators.present") == 3)
    }
}
