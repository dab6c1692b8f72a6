import Platform
import Site
import Testing

@testable import Accelerators

private let fourCards = """
      cards:
        - {name: npu0, layout: furiosa-rngd, address: "0000:03:00.0"}
        - {name: npu1, layout: furiosa-rngd, address: "0000:04:00.0"}
        - {name: npu2, layout: furiosa-rngd, address: "0000:05:00.0"}
        - {name: npu3, layout: furiosa-rngd, address: "0000:06:00.0"}

    """

@Suite struct RuleTests {
    private func fourHealthyCards(_ more: String = "") throws -> (FakeSysfs, Workbench, [String], [String]) {
        let sysfs = FakeSysfs()
        var sensors: [String] = [], devices: [String] = []
        for index in 0..<4 {
            let card = sysfs.addRNGD("0000:0\(3 + index):00.0", index: index, serial: "SN-\(index)")
            sensors.append(card.sensors)
            devices.append(card.pci)
        }
        let bench = try Workbench(fourCards + more, sysfs)
        bench.run(seconds: 3)
        return (sysfs, bench, sensors, devices)
    }

    @Test func `one spike is no fault, heat that stays is, and it clears lower than it began`() throws {
        let (sysfs, bench, sensors, _) = try fourHealthyCards()
        let peak = sensors[0] + "/temp2_input"
        sysfs.write(peak, "84000\n")
        bench.run(seconds: 2)
        sysfs.write(peak, "60000\n")
        bench.run(seconds: 20)
        #expect(bench.health("npu0") == .ok)
        sysfs.write(peak, "84000\n")
        bench.run(seconds: 6)
        #expect(bench.codes("npu0") == ["temperature.hot"])
        sysfs.write(peak, "78000\n")
        bench.run(seconds: 20)
        #expect(bench.health("npu0") == .degraded, "78 is below the limit, not below where it clears")
        sysfs.write(peak, "74000\n")
        bench.run(seconds: 10)
        #expect(bench.health("npu0") == .ok)
    }

    @Test func `a hot card is the card's event, all cards hot at once are one event of the cooling`() throws {
        let (sysfs, bench, sensors, _) = try fourHealthyCards()
        sysfs.write(sensors[0] + "/temp2_input", "85000\n")
        bench.run(seconds: 20)
        #expect(bench.events.takeAll().map(\.subject) == ["npu0"])
        sysfs.write(sensors[0] + "/temp2_input", "41000\n")
        bench.run(seconds: 20)
        _ = bench.events.takeAll()
        for folder in sensors { sysfs.write(folder + "/temp2_input", "86000\n") }
        bench.run(seconds: 30)
        let told = bench.events.takeAll()
        #expect(told.map(\.subject) == ["accelerators.cooling"])
        #expect(bench.reading("accelerators.cooling").goodNumber == 1)
        #expect(bench.health("npu2") == .degraded)
    }

    @Test func `a temperature that cannot be is no measurement`() throws {
        let (sysfs, bench, sensors, _) = try fourHealthyCards()
        sysfs.write(sensors[0] + "/temp2_input", "2112000\n")
        bench.run(seconds: 2)
        #expect(bench.reading("npu0.temperature.peak").quality == .invalid)
        #expect(bench.reading("npu0.temperature.peak").reason == .outOfRange)
        bench.run(seconds: 10)
        #expect(bench.codes("npu0") == ["sensor.implausible"])
    }

    @Test func `errors counted before we came are no news, new ones are, a reset counter is not`() throws {
        let sysfs = FakeSysfs()
        let card = sysfs.addRNGD("0000:03:00.0", index: 0, serial: "SN-0")
        sysfs.write(card.management + "/atr_error", FakeSysfs.busErrors(500))
        let bench = try Workbench(
            "  cards:\n    - {name: npu0, layout: furiosa-rngd, address: \"0000:03:00.0\"}\n", sysfs)
        bench.run(seconds: 10)
        #expect(bench.health("npu0") == .ok)
        sysfs.write(card.management + "/atr_error", FakeSysfs.busErrors(3))
        bench.run(seconds: 10)
        #expect(bench.health("npu0") == .ok, "the driver was reloaded: the counter began anew")
        sysfs.write(card.management + "/atr_error", FakeSysfs.busErrors(4))
        bench.run(seconds: 3)
        #expect(bench.codes("npu0") == ["errors.bus"])
        bench.skip(seconds: 1850)
        bench.run(seconds: 5)
        #expect(bench.health("npu0") == .ok, "half an hour without a new one")
    }

    @Test func `a link below what card and port can do is told, unless it was one reading`() throws {
        let (sysfs, bench, _, devices) = try fourHealthyCards()
        sysfs.write(devices[1] + "/current_link_width", "8\n")
        bench.run(seconds: 25)
        sysfs.write(devices[1] + "/current_link_width", "16\n")
        bench.run(seconds: 60)
        #expect(bench.health("npu1") == .ok)
        sysfs.write(devices[1] + "/current_link_width", "4\n")
        bench.run(seconds: 70)
        #expect(bench.codes("npu1") == ["pcie.link.width"])
        #expect(bench.status("npu1")?.findings.first?.text == "PCIe link width is 4 of 16")
    }

    @Test func `a link whose limit the kernel does not know is not judged by its port's alone`() throws {
        let (sysfs, bench, _, devices) = try fourHealthyCards()
        sysfs.write(devices[1] + "/max_link_speed", "Unknown\n")
        sysfs.write(devices[1] + "/max_link_width", "255\n")
        sysfs.write(devices[1] + "/current_link_speed", "2.5 GT/s PCIe\n")
        sysfs.write(devices[1] + "/current_link_width", "1\n")
        bench.run(seconds: 130)
        #expect(bench.health("npu1") == .ok && bench.codes("npu1") == [])
    }

    @Test func `a card that fell off the bus answers all ones and is failed`() throws {
        let (sysfs, bench, _, devices) = try fourHealthyCards()
        sysfs.write(devices[3] + "/config", bytes: [255, 255, 255, 255])
        bench.run(seconds: 4)
        #expect(bench.codes("npu3").first == "pcie.gone")
        #expect(bench.health("npu3") == .failed)
    }

    @Test func `a sleeping card is left asleep, and is not unwell`() throws {
        let (sysfs, bench, _, devices) = try fourHealthyCards()
        sysfs.write(devices[0] + "/power/runtime_status", "suspended\n")
        sysfs.write(devices[0] + "/current_link_speed", "2.5 GT/s PCIe\n")
        sysfs.write(devices[0] + "/config", bytes: [255, 255, 255, 255])
        bench.run(seconds: 90)
        #expect(bench.health("npu0") == .ok, "what would wake it was not read")
        #expect(bench.reading("npu0.pcie.link.speed").reason == .asleep)
        sysfs.write(devices[0] + "/power/runtime_status", "active\n")
        bench.run(seconds: 4)
        #expect(bench.health("npu0") == .failed, "awake again, the bus tells the truth")
    }

    @Test func `limits of the site replace those of the layout`() throws {
        let (sysfs, bench, sensors, _) = try fourHealthyCards(
            "  limits:\n    - {point: temperature.peak, code: temperature.hot, limit: 50, clear: 45}\n")
        sysfs.write(sensors[0] + "/temp2_input", "55000\n")
        bench.run(seconds: 8)
        #expect(bench.codes("npu0") == ["temperature.hot"])
    }

    @Test func `a full mailbox delays an event and loses none`() throws {
        let (sysfs, bench, _, _) = try fourHealthyCards()
        for _ in 0..<100 {
            bench.events.send(
                EventDraft(time: bench.now, kind: .agentStarted, severity: .info, subject: "x", text: "full"))
        }
        sysfs.removeCard("0000:04:00.0", folder: "devices/pci0000:00/0000:00:04.1/0000:04:00.0")
        bench.supervisor.isRescanDue = true
        bench.run(seconds: 2)
        #expect(bench.events.takeAll().allSatisfy { $0.text == "full" })
        bench.run(seconds: 1)
        #expect(bench.events.takeAll().map(\.subject) == ["npu1"])
    }
}
