/// What every PCI card shows, whoever made it: identity, link, power state, error counters, and the
/// port above it.
extension SysfsCard {
    /// `/sys/devices/...` of the card, below the root.
    var device: String { "\(portFolder)/\(address)" }
    private var portFolder: String { "devices/pci0000:00/\(portAddress)" }
    /// Each card has a root port of its own: devices 1 to 31 of bus 0, then their further functions.
    private var portAddress: String { "0000:00:\(hex(1 + index % 31, 2)).\(index / 31 % 8)" }

    init(_ kind: AcceleratorKind, address: String, index: Int, sameKindIndex: Int) {
        self.kind = kind
        self.address = address
        self.index = index
        let identity = kind.pci
        links.append(Link(path: "bus/pci/devices/\(address)", target: device))
        links.append(Link(path: "bus/pci/devices/\(portAddress)", target: portFolder))
        if let driver = identity.driver {
            links.append(Link(path: "\(device)/driver", target: "bus/pci/drivers/\(driver)"))
        }
        folders.append(portFolder)
        addIdentity(device, vendor: identity.vendor, device: identity.device, classCode: identity.classCode)
        addIdentity(portFolder, vendor: 0x8086, device: 0x347A, classCode: 0x060400)
        addLink(device, speed: identity.speed, width: identity.width)
        addLink(portFolder, speed: identity.speed, width: identity.width)
        file("\(device)/numa_node", index % 2 == 0 ? "0" : "1")
        file("\(device)/local_cpulist", "0-15")
        file("\(device)/enable", "1")
        file("\(device)/reset_method", "flr bus")
        file("\(device)/power_state") { $0.isAlive ? "D0" : "unknown" }
        file("\(device)/power/runtime_status") { $0.isAlive ? "active" : "error" }
        file("\(device)/power/control", "on")
        addErrors(device)
        addErrors(portFolder)
        for name in ["cor", "fatal", "nonfatal"] {
            file("\(portFolder)/aer_rootport_total_err_\(name)") {
                String(name == "cor" ? $0.correctableErrors : name == "fatal" ? $0.fatalErrors : 0)
            }
        }
        addVendor(index: index, number: sameKindIndex)
    }

    private mutating func addIdentity(_ folder: String, vendor: Int, device: Int, classCode: Int) {
        // The kernel keeps these from enumeration: they read fine after the card has died.
        file("\(folder)/vendor", "0x" + hex(vendor, 4))
        file("\(folder)/device", "0x" + hex(device, 4))
        file("\(folder)/class", "0x" + hex(classCode, 6))
        file("\(folder)/revision", "0x01")
        file("\(folder)/subsystem_vendor", "0x" + hex(vendor, 4))
        file("\(folder)/subsystem_device", "0x0001")
        files.append(
            File(path: "\(folder)/config") { card, _ in
                var bytes = [UInt8](repeating: 0, count: 64)
                for (at, value) in [(0, vendor), (2, device), (4, 0x0406), (6, 0x0010), (10, classCode >> 8)] {
                    bytes[at] = UInt8(value & 0xFF)
                    bytes[at + 1] = UInt8(value >> 8 & 0xFF)
                }
                bytes[8] = 1
                return .bytes(card.link == .dead && vendor != 0x8086 ? [UInt8](repeating: 0xFF, count: 64) : bytes)
            })
    }

    private mutating func addLink(_ folder: String, speed: String, width: Int) {
        file("\(folder)/max_link_speed", "\(speed) GT/s PCIe")
        file("\(folder)/max_link_width", String(width))
        // A card that no longer answers reads as all ones: width 63, speed unknown.
        file("\(folder)/current_link_speed") {
            switch $0.link {
            case .full: "\(speed) GT/s PCIe"
            case .degraded: "2.5 GT/s PCIe"
            case .dead: "Unknown"
            }
        }
        file("\(folder)/current_link_width") {
            switch $0.link {
            case .full: String(width)
            case .degraded: String(max(1, width / 4))
            case .dead: "63"
            }
        }
    }

    private mutating func addErrors(_ folder: String) {
        file("\(folder)/aer_dev_correctable") {
            let count = $0.correctableErrors
            return "RxErr \(count)\nBadTLP 0\nBadDLLP 0\nRollover 0\nTimeout 0\nNonFatalErr 0\nCorrIntErr 0\n"
                + "HeaderOF 0\nTOTAL_ERR_COR \(count)"
        }
        for (name, total) in [("fatal", "TOTAL_ERR_FATAL"), ("nonfatal", "TOTAL_ERR_NONFATAL")] {
            file("\(folder)/aer_dev_\(name)") {
                let count = name == "fatal" ? $0.fatalErrors : 0
                return "Undefined 0\nDLP \(count)\nSDES 0\nTLP 0\nFCP 0\nCmpltTO 0\nCmpltAbrt 0\nUnxCmplt 0\nRxOF 0\n"
                    + "MalfTLP 0\nECRC 0\nUnsupReq 0\nACSViol 0\nUncorrIntErr 0\nBlockedTLP 0\n"
                    + "AtomicOpBlocked 0\nTLPBlockedErr 0\nPoisonTLPBlocked 0\n\(total) \(count)"
            }
        }
    }

    /// A hwmon chip below the card, found by its `name`.
    mutating func addHwmon(_ index: Int, name: String) -> String {
        let folder = "\(device)/hwmon/hwmon\(index)"
        links.append(Link(path: "class/hwmon/hwmon\(index)", target: folder))
        links.append(Link(path: "\(folder)/device", target: device))
        file("\(folder)/name", name)
        return folder
    }
}

func hex(_ number: Int, _ width: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

extension AcceleratorKind {
    /// Ids from the vendors' drivers and device plugins.
    var pci: (vendor: Int, device: Int, classCode: Int, driver: String?, speed: String, width: Int) {
        switch self {
        case .furiosaRNGD: (0x1ED2, 0x0001, 0x120000, "furiosa_rngd", "32.0", 16)
        case .furiosaWarboy: (0x1ED2, 0x0000, 0x120000, "npu_pdma", "16.0", 8)
        case .rebellionsATOM: (0x1EFF, 0x1220, 0x120000, "rebellions", "32.0", 16)
        case .deepxDXM1: (0x1FF4, 0x0100, 0x120000, "dx_dma", "8.0", 4)
        case .mobilintARIES: (0x209F, 0x0000, 0x120000, "aries", "16.0", 8)
        case .sapeonX330: (0x1F56, 0x0330, 0x120000, nil, "32.0", 16)
        case .intelNPU: (0x8086, 0x643E, 0x120000, "intel_vpu", "16.0", 4)
        case .amdGPU: (0x1002, 0x74A1, 0x120000, "amdgpu", "32.0", 16)
        case .nvidiaGPU: (0x10DE, 0x2331, 0x030200, "nvidia", "32.0", 16)
        }
    }
}
