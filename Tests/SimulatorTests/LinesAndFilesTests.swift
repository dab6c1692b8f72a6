import Foundation
import Platform
import Site
import Testing

@testable import Simulator

@Suite(.serialized) struct LinesAndFilesTests {
    private func empty() -> SitePlan { SitePlan(name: "test", title: "test") }

    @Test func `a client hears every line's level first and then each edge`() throws {
        let simulation = try RunningSimulation(empty())
        defer { simulation.stop() }
        let count = SecurityLine.usual.count
        let first = converse(simulation.runFolder + "/lines.sock", nil) { $0.split(separator: "\n").count >= count }
        let words = first.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(words.count == count)
        #expect(words.allSatisfy { $0.count == 4 && $0[0] == "line" && $0[2] == "0" && Int64($0[3]) != nil })
        simulation.tell("door open")
        usleep(100_000)
        let after = converse(simulation.runFolder + "/lines.sock", nil) { $0.split(separator: "\n").count >= count }
        #expect(after.contains("line door-front 1 "))
        #expect(after.contains("line door-rear 0 "))
    }

    @Test func `a contact bounces and then rests where it belongs`() throws {
        let lines = SecurityLines([SecurityLine(normallyClosed: "door", .door)], now: MonotonicTime(nanoseconds: 1))
        var edges = 0
        lines.onEdge = { _ in edges += 1 }
        let loop = try EventLoop()
        let queue = try DeliveryQueue()
        try queue.attach(to: loop)
        lines.enter(.alarm, 0, at: SystemTime.monotonic, queue)
        let end = SystemTime.monotonic + .milliseconds(500)
        while edges < 5 && SystemTime.monotonic < end { try loop.turn(timeout_ms: 20) }
        #expect(edges == 5)
        #expect(lines.level(0))
        #expect(lines.text(0).hasPrefix("line door 1 "))
    }

    private func text(_ path: String) -> String {
        ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test func `the tree looks like sysfs: virtual class devices, links, labels and units`() throws {
        let root = "/tmp/mdc-sim-tree-\(getpid())"
        defer { Folder.remove(root) }
        let kinds = AcceleratorKind.allCases
        var model = ContainerModel(accelerators: kinds, seed: 1)
        let tree = try SysfsTree(root: root)
        for (index, kind) in kinds.enumerated() {
            tree.add(SysfsCard(kind, address: SiteCards.address(index), index: index, sameKindIndex: 0))
        }
        try tree.update(model)
        let rngd = root + "/class/rngd_mgmt/rngd!npu0mgmt"
        #expect(text(rngd + "/device_state") == "1")
        #expect(text(rngd + "/busname") == "0000:41:00.0")
        #expect(text(rngd + "/atr_error").split(separator: "\n").count == 9)
        let card = root + "/bus/pci/devices/0000:41:00.0"
        #expect(text(card + "/vendor") == "0x1ed2")
        #expect(text(card + "/class") == "0x120000")
        #expect(text(card + "/hwmon/hwmon0/name") == "rngd0")
        #expect((20_000...110_000).contains(Int(text(card + "/hwmon/hwmon0/temp1_input")) ?? 0))
        #expect((30_000_000...200_000_000).contains(Int(text(card + "/hwmon/hwmon0/power1_average")) ?? 0))
        #expect(text(card + "/aer_dev_fatal").hasSuffix("TOTAL_ERR_FATAL 0"))
        #expect(
            text(root + "/class/rebellions/rbln0/status") == "0" || text(root + "/class/rebellions/rbln0/status") == "1"
        )
        #expect(text(root + "/class/dxrt/dxrt0/recovery/link_state") == "ready")
        #expect(text(root + "/class/accel/accel0/device/npu_max_frequency_mhz") == "1400")
        #expect(text(root + "/class/drm/card0/device/gpu_busy_percent") != "")
        // Dead on the bus: cached identity stays, configuration space does not.
        model.accelerators[0].link = .dead
        model.accelerators[1].isPresent = false
        model.advance(by: 2)
        try tree.update(model)
        #expect(text(card + "/vendor") == "0x1ed2")
        #expect(text(card + "/current_link_width") == "63")
        #expect(FileManager.default.contents(atPath: card + "/config")?.allSatisfy { $0 == 0xFF } == true)
        #expect(text(rngd + "/device_state") == "0")
        #expect(!FileManager.default.fileExists(atPath: root + "/bus/pci/devices/0000:42:00.0"))
        #expect(!FileManager.default.fileExists(atPath: root + "/class/npu_mgmt/npu0_mgmt"))
        model.accelerators[1].isPresent = true
        try tree.update(model)
        #expect(text(root + "/class/npu_mgmt/npu0_mgmt/alive") == "1")
    }

    @Test func `a descriptor held open sees the values move`() throws {
        let root = "/tmp/mdc-sim-held-\(getpid())"
        defer { Folder.remove(root) }
        var model = ContainerModel(accelerators: [.rebellionsATOM], seed: 1)
        let tree = try SysfsTree(root: root)
        tree.add(SysfsCard(.rebellionsATOM, address: "0000:c3:00.0", index: 0, sameKindIndex: 0))
        try tree.update(model)
        let path = root + "/bus/pci/devices/0000:c3:00.0/hwmon/hwmon0/temp_input"
        let held = try #require(FileHandle(forReadingAtPath: path))
        let before = try held.readToEnd()
        model.accelerators[0].isHot = true
        model.instructor.load = 1
        model.advance(by: 120)
        try tree.update(model)
        try held.seek(toOffset: 0)
        #expect(try held.readToEnd() != before)
    }

    @Test func `a folder that the simulator did not make is not taken for its tree`() throws {
        let root = "/tmp/mdc-sim-foreign-\(getpid())"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        _ = FileManager.default.createFile(atPath: root + "/precious", contents: Data())
        defer { try? FileManager.default.removeItem(atPath: root) }
        #expect(throws: SystemError.self) { try SysfsTree(root: root) }
        #expect(FileManager.default.fileExists(atPath: root + "/precious"))
    }
}
