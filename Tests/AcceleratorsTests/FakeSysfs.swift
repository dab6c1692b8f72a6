import Foundation

/// A sysfs tree under a temporary folder, laid out as the kernel does: devices below their port, the bus
/// folder made of links. Made by these tests from what the layouts' sources say; nothing is copied.
final class FakeSysfs: Sendable {
    let root: String

    init() {
        root = NSTemporaryDirectory() + "mdc-sysfs-" + UUID().uuidString
        try? FileManager.default.createDirectory(atPath: root + "/bus/pci/devices", withIntermediateDirectories: true)
        try? FileManager.default.createDirectory(atPath: root + "/bus/pci/drivers", withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func write(_ path: String, _ text: String) { write(path, bytes: Array(text.utf8)) }

    /// Over the same file, as the kernel does: a held descriptor sees the new content.
    func write(_ path: String, bytes: [UInt8]) {
        let full = root + "/" + path
        makeFolder(of: full)
        if let file = FileHandle(forWritingAtPath: full) {
            file.truncateFile(atOffset: 0)
            file.write(Data(bytes))
            try? file.close()
        } else {
            _ = FileManager.default.createFile(atPath: full, contents: Data(bytes))
            registerChip(path)
        }
    }

    /// Whatever device a hwmon chip hangs on, its class knows it.
    private func registerChip(_ path: String) {
        let words = path.split(separator: "/")
        guard words.count > 2, words.last == "name", words[words.count - 2].hasPrefix("hwmon") else { return }
        link("class/hwmon/\(words[words.count - 2])", to: words.dropLast().joined(separator: "/"))
    }

    func link(_ path: String, to target: String) {
        makeFolder(of: root + "/" + path)
        try? FileManager.default.removeItem(atPath: root + "/" + path)
        try? FileManager.default.createSymbolicLink(atPath: root + "/" + path, withDestinationPath: root + "/" + target)
    }

    func remove(_ path: String) { try? FileManager.default.removeItem(atPath: root + "/" + path) }

    private func makeFolder(of path: String) {
        let folder = (path as NSString).deletingLastPathComponent
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    // MARK: - Cards

    /// A card below its own port. Returns its folder, relative to the root.
    @discardableResult
    func addCard(
        _ address: String, vendor: Int, device: Int, driver: String?, classCode: Int = 0x120000
    ) -> String {
        let port = "devices/pci0000:00/0000:00:\(address.dropFirst(5).prefix(2)).1"
        let folder = port + "/" + address
        write(port + "/vendor", "0x8086\n")
        write(port + "/max_link_speed", "32.0 GT/s PCIe\n")
        write(port + "/max_link_width", "16\n")
        write(folder + "/vendor", hex(vendor))
        write(folder + "/device", hex(device))
        write(folder + "/class", hex(classCode))
        write(folder + "/config", bytes: [UInt8(vendor & 255), UInt8(vendor >> 8), UInt8(device & 255), 0] + [0, 0])
        write(folder + "/current_link_speed", "32.0 GT/s PCIe\n")
        write(folder + "/current_link_width", "16\n")
        write(folder + "/max_link_speed", "32.0 GT/s PCIe\n")
        write(folder + "/max_link_width", "16\n")
        write(folder + "/power/runtime_status", "active\n")
        write(folder + "/aer_dev_correctable", "RxErr 0\nBadTLP 0\nTOTAL_ERR_COR 0\n")
        write(folder + "/aer_dev_nonfatal", "Undefined 0\nDLP 0\nTOTAL_ERR_NONFATAL 0\n")
        write(folder + "/aer_dev_fatal", "Undefined 0\nDLP 0\nTOTAL_ERR_FATAL 0\n")
        link("bus/pci/devices/\(address)", to: folder)
        if let driver {
            write("bus/pci/drivers/\(driver)/module", "")
            link(folder + "/driver", to: "bus/pci/drivers/\(driver)")
        }
        return folder
    }

    func removeCard(_ address: String, folder: String) {
        remove("bus/pci/devices/\(address)")
        remove(folder)
    }

    /// FuriosaAI RNGD: a virtual class device joined by busname, and a hwmon chip with labels.
    @discardableResult
    func addRNGD(_ address: String, index: Int, serial: String, driver: String? = "furiosa_rngd") -> (
        pci: String, management: String, sensors: String
    ) {
        let pci = addCard(address, vendor: 0x1ed2, device: 1, driver: driver)
        let management = "devices/virtual/rngd_mgmt/rngd!npu\(index)mgmt"
        let sensors = pci + "/hwmon/hwmon\(index + 3)"
        guard driver != nil else { return (pci, management, sensors) }
        write(management + "/busname", address + "\n")
        write(management + "/device_sn", serial + "\n")
        write(management + "/device_uuid", "82540B87-0000-0000-0000-00000000000\(index)\n")
        write(management + "/device_state", "1\n")
        write(management + "/device_type", "RNGD\n")
        write(management + "/heartbeat", "0\n")
        write(management + "/fw_version", "1.6.0, c1bebfd\n")
        write(management + "/version", "1.0.0, 0abcdef\n")
        write(management + "/pe_occupancy", "0\n1\n0\n1\n0\n0\n0\n0\n")
        write(management + "/atr_error", Self.busErrors(0))
        link("class/rngd_mgmt/rngd!npu\(index)mgmt", to: management)
        write(sensors + "/name", "rngd\(index)\n")
        // Labels in another order than the numbers: drivers moved them.
        for (channel, label, value) in [(1, "AMBIENT", 31000), (2, "PEAK", 41000), (10, "MEMORY0", 39000)] {
            write(sensors + "/temp\(channel)_label", label + "\n")
            write(sensors + "/temp\(channel)_input", "\(value)\n")
        }
        write(sensors + "/power1_label", "RMS_TOTAL\n")
        write(sensors + "/power1_average", "37000000\n")
        return (pci, management, sensors)
    }

    static func busErrors(_ count: Int) -> String {
        """
        AXI Post Error: 0
        AXI Fetch Error: 0
        AXI Discard Error: 0
        AXI Doorbell done: 9760
        PCIe Post Error: 0
        PCIe Fetch Error: 0
        PCIe Discard Error: 0
        PCIe Doorbell done: 12
        Device Error: \(count)

        """
    }

    private func hex(_ number: Int) -> String { "0x" + String(number, radix: 16) + "\n" }
}
