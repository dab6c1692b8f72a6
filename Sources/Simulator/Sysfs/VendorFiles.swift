/// What each vendor's driver adds: layouts from the vendors' published drivers and fixtures.
extension SysfsCard {
    mutating func addVendor(index: Int, number: Int) {
        switch kind {
        case .furiosaRNGD: addRNGD(index, number)
        case .furiosaWarboy: addWarboy(index, number)
        case .rebellionsATOM: addATOM(index, number)
        case .deepxDXM1: addDEEPX(number)
        case .intelNPU: addIntelNPU(number)
        case .amdGPU: addAMD(index, number)
        // Telemetry by ioctl or library only: the bus is all that sysfs shows.
        case .mobilintARIES, .sapeonX330, .nvidiaGPU: break
        }
    }

    private static func furiosaErrors(_ card: AcceleratorModel) -> String {
        [
            "AXI Post Error: 0", "AXI Fetch Error: 0", "AXI Discard Error: 0", "AXI Doorbell done: 18223",
            "PCIe Post Error: 0", "PCIe Fetch Error: 0", "PCIe Discard Error: 0", "PCIe Doorbell done: 9760",
            "Device Error: \(card.fatalErrors)",
        ].joined(separator: "\n")
    }

    private mutating func addRNGD(_ index: Int, _ number: Int) {
        // The kernel writes '!' for a '/' in a device's name; the class device is virtual and tied to its
        // card by `busname` alone.
        let name = "rngd!npu\(number)mgmt"
        let folder = "devices/virtual/rngd_mgmt/\(name)"
        folders.append(folder)
        links.append(Link(path: "class/rngd_mgmt/\(name)", target: folder))
        file("\(folder)/device_state") { $0.isAlive && !$0.isHung ? "1" : "0" }
        file("\(folder)/heartbeat") { String($0.heartbeat) }
        file("\(folder)/busname", address)
        file("\(folder)/dev", "235:\(number * 16)")
        file("\(folder)/device_type", "RNGD")
        file("\(folder)/platform_type", "FuriosaAI")
        file("\(folder)/device_sn", "RNGDSIM\(hex(number + 1, 8))")
        file("\(folder)/device_uuid", "82540B87-0000-4000-8000-\(hex(number + 1, 12))")
        file("\(folder)/fw_version", "1.6.0, c1bebfd")
        file("\(folder)/version", "1.0.0, 0abcdef")
        file("\(folder)/soc_id", "00000000-AAAAAAAA")
        file("\(folder)/board_revision", "BD_REV_INIT")
        file("\(folder)/cur_pe_ids", "0,1,2,3,4,5,6,7,0-1,2-3,4-5,6-7,0-3,4-7")
        file("\(folder)/npu_governor", "performance")
        file("\(folder)/atr_error", SysfsCard.furiosaErrors)
        file("\(folder)/npu_clocks") { card in
            [String](repeating: card.isThrottling ? "500" : "1000", count: 8).joined(separator: "\n")
        }
        file("\(folder)/pe_occupancy") { card in
            (0..<8).map { Double($0) < card.utilisation * 8 ? "1" : "0" }.joined(separator: "\n")
        }
        let hwmon = addHwmon(index, name: "rngd\(number)")
        file("\(hwmon)/temp1_label", "PEAK")
        file("\(hwmon)/temp1_input") { milli($0.temperature_C + 3) }
        for element in 0..<8 {
            file("\(hwmon)/temp\(element + 2)_label", "NPU_PE\(element)")
            file("\(hwmon)/temp\(element + 2)_input") { milli($0.temperature_C + Double(element % 3) - 1) }
        }
        // Older drivers show the air here, newer ones the memory: keyed on the label, never on the number.
        let isNewer = number % 2 == 1
        file("\(hwmon)/temp10_label", isNewer ? "MEMORY0" : "AMBIENT")
        files.append(
            File(path: "\(hwmon)/temp10_input") { card, model in
                .text(milli(isNewer ? card.temperature_C + 6 : model.climate.supply_C + 4))
            })
        file("\(hwmon)/power1_label", "RMS_TOTAL")
        file("\(hwmon)/power1_average") { micro($0.power_W) }
    }

    private mutating func addWarboy(_ index: Int, _ number: Int) {
        let name = "npu\(number)_mgmt"
        let folder = "devices/virtual/npu_mgmt/\(name)"
        folders.append(folder)
        links.append(Link(path: "class/npu_mgmt/\(name)", target: folder))
        file("\(folder)/alive") { $0.isAlive && !$0.isHung ? "1" : "0" }
        file("\(folder)/heartbeat") { String($0.heartbeat) }
        file("\(folder)/busname", address)
        file("\(folder)/device_sn", "WBYSIM\(hex(number + 1, 10))")
        file("\(folder)/device_type", "Warboy")
        file("\(folder)/device_uuid", "AAAAAAAA-0000-4000-8000-\(hex(number + 1, 12))")
        file("\(folder)/fw_version", "1.6.0, c1bebfd")
        file("\(folder)/version", "1.0.0, 0000000")
        file("\(folder)/platform_type", "FuriosaAI")
        file("\(folder)/soc_rev", "B0")
        file("\(folder)/performance_mode", "4 (FULL 1)")
        file("\(folder)/atr_error", SysfsCard.furiosaErrors)
        let hwmon = addHwmon(index, name: "npu\(number)")
        file("\(hwmon)/temp1_label", "Peak")
        file("\(hwmon)/temp1_input") { milli($0.temperature_C) }
        file("\(hwmon)/power1_average") { micro($0.power_W) }
    }

    private mutating func addATOM(_ index: Int, _ number: Int) {
        let folder = "\(device)/rebellions/rbln\(number)"
        links.append(Link(path: "class/rebellions/rbln\(number)", target: folder))
        links.append(Link(path: "\(folder)/device", target: device))
        // 0 ready, 1 busy, 2 init, 3 fault, 4 finish, while kernel_version is below the one with PROBING.
        file("\(folder)/status") { $0.isAlive && !$0.isHung ? ($0.utilisation > 0.9 ? "1" : "0") : "3" }
        file("\(folder)/kernel_version", "1.2.3")
        file("\(folder)/card_name", "RBLN-CA22")
        file("\(folder)/dram_total", String(Int(kind.nature.memory_B)))
        file("\(folder)/dram_used") { String(Int($0.nature.memory_B * (0.1 + 0.6 * $0.utilisation))) }
        file("\(folder)/fw_ver", "3.0.0")
        file("\(folder)/smc_ver", "3.0.0")
        file("\(folder)/group_id", "0")
        file("\(device)/sriov_numvfs", "0")
        // Names without numbers and labels: this vendor's own.
        let hwmon = addHwmon(index, name: "rebellions")
        file("\(hwmon)/temp_input") { milli($0.temperature_C) }
        file("\(hwmon)/card_power_input") { micro($0.power_W) }
        // P2 nominal, P10 half for heat, P12 hang, P14 idle.
        file("\(hwmon)/card_p_state") {
            $0.isHung || !$0.isAlive ? "12" : $0.isThrottling ? "10" : $0.utilisation < 0.05 ? "14" : "2"
        }
    }

    private mutating func addDEEPX(_ number: Int) {
        let folder = "devices/virtual/dxrt/dxrt\(number)"
        folders.append(folder)
        links.append(Link(path: "class/dxrt/dxrt\(number)", target: folder))
        file("\(folder)/recovery/link_state") { card in
            switch (card.link, card.isHung) {
            case (.dead, _): "perm_fail"
            case (_, true): "fw_hang"
            default: "ready"
            }
        }
        file("\(folder)/recovery/recovery_count") { $0.link == .degraded ? "1" : "0" }
        file("\(folder)/recovery/recovery_fail_count") { $0.link == .dead ? "5" : "0" }
        file("\(folder)/recovery/last_recovery_jiffies", "0")
        file("\(folder)/recovery/last_recovery_reason") { card in
            switch (card.link, card.isHung) {
            case (.full, false): "none"
            case (_, true): "fw_timeout"
            default: "link_flap"
            }
        }
    }

    private mutating func addIntelNPU(_ number: Int) {
        let folder = "\(device)/accel/accel\(number)"
        links.append(Link(path: "class/accel/accel\(number)", target: folder))
        links.append(Link(path: "\(folder)/device", target: device))
        file("\(folder)/dev", "261:\(number)")
        files.append(
            File(path: "\(device)/npu_busy_time_us") { card, model in
                .text(String(Int(model.elapsed_s * card.utilisation * 1e6)))
            })
        file("\(device)/npu_memory_utilization") { String(Int($0.nature.memory_B * 0.3 * $0.utilisation)) }
        file("\(device)/npu_max_frequency_mhz", "1400")
        file("\(device)/npu_current_frequency_mhz") { $0.utilisation == 0 ? "0" : $0.isThrottling ? "700" : "1400" }
        file("\(device)/sched_mode", "HW")
    }

    private mutating func addAMD(_ index: Int, _ number: Int) {
        let folder = "\(device)/drm/card\(number)"
        links.append(Link(path: "class/drm/card\(number)", target: folder))
        links.append(Link(path: "\(folder)/device", target: device))
        file("\(device)/gpu_busy_percent") { String(Int($0.utilisation * 100)) }
        file("\(device)/mem_busy_percent") { String(Int($0.utilisation * 60)) }
        file("\(device)/mem_info_vram_total", String(Int(kind.nature.memory_B)))
        file("\(device)/mem_info_vram_used") { String(Int($0.nature.memory_B * (0.1 + 0.7 * $0.utilisation))) }
        file("\(device)/unique_id", "5a1b" + hex(number + 1, 12))
        file("\(device)/serial_number", "SIM" + hex(number + 1, 8))
        file("\(device)/vbios_version", "113-M3000100-103")
        file("\(device)/pcie_replay_count") { String($0.correctableErrors) }
        file("\(device)/pp_dpm_sclk") { $0.isThrottling ? "0: 500Mhz *\n1: 2100Mhz" : "0: 500Mhz\n1: 2100Mhz *" }
        file("\(device)/pp_dpm_mclk", "0: 900Mhz\n1: 1300Mhz *")
        file("\(device)/ras/umc_err_count") { "ue: \($0.fatalErrors)\nce: \($0.correctableErrors)" }
        let hwmon = addHwmon(index, name: "amdgpu")
        for (channel, label, above) in [(1, "edge", 0.0), (2, "junction", 9), (3, "mem", 5)] {
            file("\(hwmon)/temp\(channel)_label", label)
            file("\(hwmon)/temp\(channel)_input") { milli($0.temperature_C + above) }
            file("\(hwmon)/temp\(channel)_crit", "110000")
            file("\(hwmon)/temp\(channel)_emergency", "115000")
        }
        file("\(hwmon)/power1_average") { micro($0.power_W) }
        file("\(hwmon)/power1_cap", "300000000")
        file("\(hwmon)/power1_cap_min", "120000000")
        file("\(hwmon)/power1_cap_max", "350000000")
        file("\(hwmon)/freq1_input") { $0.isThrottling ? "500000000" : "2100000000" }
        file("\(hwmon)/in0_input", "820")
    }
}

extension AcceleratorKind {
    /// The others tell theirs through ioctls or libraries only.
    var showsTemperature: Bool {
        switch self {
        case .furiosaRNGD, .furiosaWarboy, .rebellionsATOM, .amdGPU: true
        case .deepxDXM1, .intelNPU, .mobilintARIES, .sapeonX330, .nvidiaGPU: false
        }
    }
}

private func milli(_ value: Double) -> String { String(Int((value * 1000).rounded())) }
private func micro(_ value: Double) -> String { String(Int((value * 1_000_000).rounded())) }
