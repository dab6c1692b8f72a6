import Foundation
import Platform
import Site
import Testing

@testable import Accelerators

/// Each vendor's files as their sources describe them, one healthy card and then what can be wrong with it.
@Suite struct VendorTreesTests {
    private func bench(_ sysfs: FakeSysfs, _ layout: String, more: String = "") throws -> Workbench {
        let bench = try Workbench(
            "  cards:\n    - {name: npu0, layout: \(layout), address: \"0000:c3:00.0\"}\n" + more, sysfs)
        bench.run(seconds: 3)
        return bench
    }

    private func addATOM(_ sysfs: FakeSysfs, version: String) -> String {
        let folder = sysfs.addCard("0000:c3:00.0", vendor: 0x1eff, device: 0x1250, driver: "rebellions")
        let rbln = folder + "/rebellions/rbln0"
        sysfs.write(rbln + "/status", "0\n")
        sysfs.write(rbln + "/kernel_version", version + "\n")
        sysfs.write(rbln + "/dram_total", "16877882368\n")
        sysfs.write(rbln + "/dram_used", "1024\n")
        sysfs.write("devices/virtual/rebellions/rsd/rsd_group", "gid ? name\n")
        sysfs.link("class/rebellions/rbln0", to: rbln)
        sysfs.link("class/rebellions/rsd", to: "devices/virtual/rebellions/rsd")
        sysfs.write(folder + "/hwmon/hwmon7/name", "rebellions\n")
        sysfs.write(folder + "/hwmon/hwmon7/temp_input", "35000\n")
        sysfs.write(folder + "/hwmon/hwmon7/card_power_input", "18278596\n")
        sysfs.write(folder + "/hwmon/hwmon7/card_p_state", "14\n")
        return folder
    }

    @Test func `ATOM: names without numbers, a busy card is ok, a throttled and a hung one are not`() throws {
        let sysfs = FakeSysfs()
        let folder = addATOM(sysfs, version: "1.2.3-rebel1")
        let bench = try bench(sysfs, "rebellions-atom")
        #expect(bench.number("npu0.temperature.board") == 35)
        #expect(bench.number("npu0.power") == 18.278596)
        #expect(bench.status("npu0")?.model == "RBLN-CA25")
        sysfs.write(folder + "/rebellions/rbln0/status", "1\n")
        bench.run(seconds: 2)
        #expect(bench.health("npu0") == .ok)
        sysfs.write(folder + "/hwmon/hwmon7/card_p_state", "10\n")
        bench.run(seconds: 3)
        #expect(bench.health("npu0") == .degraded)
        #expect(bench.codes("npu0") == ["temperature.throttling"], "it comes of heat, and counts as heat")
        sysfs.write(folder + "/hwmon/hwmon7/card_p_state", "12\n")
        bench.run(seconds: 3)
        #expect(bench.health("npu0") == .failed)
    }

    @Test(arguments: [
        ("1.2.3-rebel1", "3", AcceleratorHealth.failed), ("3.0.0", "2", .transitional), ("3.0.0", "4", .transitional),
        ("4.1.0", "3", .unknown), ("4.1.0", "4", .unknown), ("nonsense", "3", .unknown), ("4.1.0", "0", .ok),
        ("4.1.0", "9", .unknown),
    ])
    func `ATOM: a status code that a driver moved is judged by the driver's version, and unknown without it`(
        _ version: String, _ status: String, _ health: AcceleratorHealth
    ) throws {
        let sysfs = FakeSysfs()
        let folder = addATOM(sysfs, version: version)
        sysfs.write(folder + "/rebellions/rbln0/status", status + "\n")
        #expect(try bench(sysfs, "rebellions-atom").health("npu0") == health)
    }

    @Test func `a chip that its driver hangs on a device of its own below the card is found, another card's is not`()
        throws
    {
        let sysfs = FakeSysfs()
        let folder = addATOM(sysfs, version: "1.2.3-rebel1")
        sysfs.remove(folder + "/hwmon")
        sysfs.remove("class/hwmon/hwmon7")
        // As the kernel's nvme driver does it: no folder "hwmon" between the two.
        let chip = folder + "/nvme/nvme0/hwmon12"
        let other = sysfs.addCard("0000:c3:00.1", vendor: 0x1234, device: 1, driver: nil) + "/hwmon/hwmon3"
        for (chip, temperature) in [(chip, "35000"), (other, "99000")] {
            sysfs.write(chip + "/name", "rebellions\n")
            sysfs.write(chip + "/temp_input", temperature + "\n")
        }
        let bench = try bench(sysfs, "rebellions-atom")
        #expect(bench.number("npu0.temperature.board") == 35)
    }

    @Test func `ATOM: a card that never leaves init is failed in the end`() throws {
        let sysfs = FakeSysfs()
        let folder = addATOM(sysfs, version: "3.0.0")
        sysfs.write(folder + "/rebellions/rbln0/status", "2\n")
        let bench = try bench(sysfs, "rebellions-atom")
        bench.skip(seconds: 130)
        bench.run(seconds: 2)
        #expect(bench.codes("npu0") == ["state.stuck"])
    }

    @Test func `Warboy: joined by busname with an underscore, no power sensor in the field`() throws {
        let sysfs = FakeSysfs()
        let folder = sysfs.addCard("0000:c3:00.0", vendor: 0x1ed2, device: 0, driver: "npu_pdma")
        let management = "devices/virtual/npu_mgmt/npu0_mgmt"
        for (file, text) in [
            ("busname", "0000:c3:00.0"), ("alive", "1"), ("heartbeat", "42"), ("device_sn", "WBYB0000000000000"),
            ("atr_error", FakeSysfs.busErrors(0)), ("performance_mode", "4 (FULL 1)"), ("version", "1.0.0, 0000000"),
        ] { sysfs.write(management + "/" + file, text + "\n") }
        sysfs.link("class/npu_mgmt/npu0_mgmt", to: management)
        sysfs.write(folder + "/hwmon/hwmon1/name", "npu0\n")
        sysfs.write(folder + "/hwmon/hwmon1/temp1_label", "Peak\n")
        sysfs.write(folder + "/hwmon/hwmon1/temp1_input", "47000\n")
        let bench = try bench(sysfs, "furiosa-warboy")
        #expect(bench.health("npu0") == .ok)
        #expect(bench.number("npu0.temperature.peak") == 47)
        #expect(bench.number("npu0.performance-mode") == 4)
        #expect(bench.reading("npu0.power").quality == .unsupported)
        sysfs.write(management + "/alive", "2\n")
        bench.run(seconds: 1)
        #expect(bench.health("npu0") == .unknown, "anything but 0 and 1 is an error of the file")
    }

    @Test func `DEEPX: words of its recovery, and an old driver without them is no fault`() throws {
        let sysfs = FakeSysfs()
        sysfs.addCard("0000:c3:00.0", vendor: 0x1ff4, device: 0x0100, driver: "dx_dma")
        let old = try bench(sysfs, "deepx")
        #expect(old.health("npu0") == .ok)
        #expect(old.reading("npu0.link-state").quality == .unsupported)
        let folder = "devices/virtual/dxrt/dxrt0"
        sysfs.write(folder + "/recovery/link_state", "ready\n")
        sysfs.write(folder + "/recovery/recovery_count", "0\n")
        sysfs.link("class/dxrt/dxrt0", to: folder)
        let bench = try bench(sysfs, "deepx")
        #expect(bench.number("npu0.link-state") == 0)
        sysfs.write(folder + "/recovery/recovery_count", "1\n")
        sysfs.write(folder + "/recovery/link_state", "recovering\n")
        bench.run(seconds: 3)
        #expect(Set(bench.codes("npu0")) == ["state.link-state", "driver.recovered"])
        sysfs.write(folder + "/recovery/link_state", "perm_fail\n")
        bench.run(seconds: 2)
        #expect(bench.health("npu0") == .failed)
        #expect(bench.status("npu0")?.findings.first?.action == "reboot")
    }

    @Test func `entries that nothing ties to a card are not guessed at when one is missing`() throws {
        let sysfs = FakeSysfs()
        sysfs.addCard("0000:c3:00.0", vendor: 0x1ff4, device: 0x0100, driver: "dx_dma")
        sysfs.addCard("0000:c4:00.0", vendor: 0x1ff4, device: 0x0100, driver: "dx_dma")
        sysfs.write("devices/virtual/dxrt/dxrt0/recovery/link_state", "perm_fail\n")
        sysfs.link("class/dxrt/dxrt0", to: "devices/virtual/dxrt/dxrt0")
        let bench = try bench(sysfs, "deepx")
        #expect(bench.health("npu0") == .ok, "dxrt0 may be the other card's")
        #expect(bench.reading("npu0.link-state").quality == .unsupported)
    }

    @Test(arguments: [("mobilint-aries", 0x209f, 0), ("sapeon-x330", 0x1f56, 0x330), ("nvidia", 0x10de, 0x2331)])
    func `cards that show nothing of their own are judged by the bus`(
        _ layout: String, _ vendor: Int, _ device: Int
    ) throws {
        let sysfs = FakeSysfs()
        let folder = sysfs.addCard(
            "0000:c3:00.0", vendor: vendor, device: device, driver: "nvidia",
            classCode: layout == "nvidia" ? 0x030200 : 0x120000)
        let bench = try bench(sysfs, layout)
        #expect(bench.health("npu0") == .ok)
        #expect(bench.number("npu0.pcie.link.width") == 16)
        sysfs.write(folder + "/aer_dev_fatal", "Undefined 0\nDLP 1\nTOTAL_ERR_FATAL 1\n")
        bench.run(seconds: 35)
        #expect(bench.codes("npu0") == ["pcie.fatal"])
    }

    private func addAMD(_ sysfs: FakeSysfs, device: Int) -> String {
        let folder = sysfs.addCard(
            "0000:c3:00.0", vendor: 0x1002, device: device, driver: "amdgpu", classCode: 0x038000)
        for (file, text) in [
            ("gpu_busy_percent", "37"), ("serial_number", "AMD-1"), ("ras/umc_err_count", "ue: 0\nce: 1"),
            ("pp_dpm_sclk", "0: 500Mhz\n1: 1000Mhz *\n2: 2100Mhz"), ("mem_info_vram_total", "206141652992"),
        ] { sysfs.write(folder + "/" + file, text + "\n") }
        let sensors = folder + "/hwmon/hwmon2"
        for (file, text) in [
            ("name", "amdgpu"), ("temp1_label", "edge"), ("temp1_input", "41000"), ("temp2_label", "junction"),
            ("temp2_input", "52000"), ("power1_input", "140000000"), ("power1_cap", "750000000"),
            ("power1_cap_min", "0"), ("power1_cap_max", "750000000"),
        ] { sysfs.write(sensors + "/" + file, text + "\n") }
        return folder
    }

    @Test func `AMD: the starred clock, power from whichever file there is, RAS counters by name`() throws {
        let sysfs = FakeSysfs()
        let folder = addAMD(sysfs, device: 0x74a1)
        let bench = try bench(sysfs, "amd-gpu")
        #expect(bench.health("npu0") == .ok)
        #expect(bench.number("npu0.clock.core") == 1000)
        #expect(bench.number("npu0.power") == 140)
        #expect(bench.number("npu0.memory.correctable") == 1)
        sysfs.write(folder + "/ras/umc_err_count", "Query currently inaccessible\n")
        bench.run(seconds: 31)
        #expect(bench.reading("npu0.memory.uncorrectable").quality == .invalid)
        #expect(bench.health("npu0") == .ok)
        sysfs.write(folder + "/ras/umc_err_count", "ue: 2\nce: 1\n")
        bench.run(seconds: 31)
        #expect(bench.codes("npu0") == ["memory.uncorrectable"])
    }

    @Test func `AMD: where a read resets the counter it is not read`() throws {
        let sysfs = FakeSysfs()
        _ = addAMD(sysfs, device: 0x7408)
        #expect(try bench(sysfs, "amd-gpu").reading("npu0.memory.uncorrectable").quality == .unsupported)
    }

    private final class Outcome: Sendable {
        let latest = Latest<[WriteOutcome]>([])
        func add(_ outcome: WriteOutcome) { latest.publish(latest.value + [outcome]) }
    }

    private func cap(_ bench: Workbench, _ watts: Double, to outcome: Outcome) {
        let command = WriteCommand(
            id: 1, point: "npu0.power-cap", value: watts, actor: "test", purpose: "test",
            deadline: bench.now.monotonic + .seconds(5))
        let answer = PendingAnswer(deadline: command.deadline) { outcome.add($0) }
        bench.supervisor.write(command, answer, bench.now)
        bench.run(seconds: 1)
    }

    @Test func `a power cap is written only where the site allows it, within the card's range, and read back`() throws {
        let sysfs = FakeSysfs()
        let folder = addAMD(sysfs, device: 0x74a1)
        let outcome = Outcome()
        cap(try bench(sysfs, "amd-gpu"), 500, to: outcome)
        guard case .rejected = outcome.latest.value.last else { return #expect(Bool(false), "off by default") }
        let bench = try bench(sysfs, "amd-gpu", more: "  power-caps: true\n")
        cap(bench, 900, to: outcome)
        #expect(outcome.latest.value.last == .rejected("900 W: the card takes 0 to 750 W"))
        cap(bench, 500, to: outcome)
        #expect(outcome.latest.value.last == .confirmed(500))
        let written = try String(
            contentsOfFile: sysfs.root + "/" + folder + "/hwmon/hwmon2/power1_cap", encoding: .utf8)
        #expect(written.hasPrefix("500000000\n"))
    }

    @Test func `Gaudi: both places of its files, and the words of old and new drivers`() throws {
        for isNew in [true, false] {
            let sysfs = FakeSysfs()
            let folder = sysfs.addCard("0000:c3:00.0", vendor: 0x1da3, device: 0x1020, driver: "habanalabs")
            let place = isNew ? folder : folder + "/habanalabs/hl0"
            sysfs.write(place + "/status", isNew ? "operational\n" : "Operational\n")
            if !isNew { sysfs.link("class/habanalabs/hl0", to: place) }
            let bench = try bench(sysfs, "habana-gaudi")
            #expect(bench.health("npu0") == .ok)
            sysfs.write(place + "/status", "needs reset\n")
            bench.run(seconds: 2)
            #expect(bench.health("npu0") == .failed)
        }
    }
}
