internal import Platform
internal import Site

/// The container as Redfish models it: one Module chassis, its power and cooling machines, its cards.
struct RedfishEquipment {
    let snapshot: SiteSnapshot
    let layout: SiteLayout

    var chassis: String { "/redfish/v1/Chassis/" + snapshot.site }
    private var thermal: String { chassis + "/ThermalSubsystem" }
    private var power: String { chassis + "/PowerSubsystem" }
    static let system = "/redfish/v1/Systems/accelerators"
    static let manager = "/redfish/v1/Managers/mdc-agent"

    private func machines(_ kinds: EquipmentProfile.Kind...) -> [SiteLayout.Machine] {
        layout.machines.filter { kinds.contains($0.kind) }
    }
    private var batteries: [SiteLayout.Machine] { machines(.ups, .battery) }
    private var switches: [SiteLayout.Machine] { machines(.ats) }
    private var racks: [SiteLayout.Machine] { machines(.pdu) }
    private var coolants: [SiteLayout.Machine] { machines(.cdu) }
    private var leaks: [ZoneStatus] { snapshot.zones.filter { $0.kind == "leak" } }

    /// Writes the resource at `path` (its parts after /redfish/v1); false when there is none.
    func write(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        switch parts.first {
        case "Chassis": writeChassis(Array(parts.dropFirst()), path, &writer)
        case "PowerEquipment": writePowerEquipment(Array(parts.dropFirst()), path, &writer)
        case "ThermalEquipment": writeThermalEquipment(Array(parts.dropFirst()), path, &writer)
        case "Facilities": writeFacilities(Array(parts.dropFirst()), path, &writer)
        case "Systems": writeSystems(Array(parts.dropFirst()), path, &writer)
        default: false
        }
    }

    // MARK: - Chassis

    private func writeChassis(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        guard let name = parts.first else {
            writer.collection(path, "Chassis", name: "Containers", [chassis])
            return true
        }
        guard name == snapshot.site else { return false }
        switch (parts.dropFirst().first, parts.count) {
        case (nil, _): writeContainer(path, &writer)
        case ("Sensors", 2):
            writer.collection(
                path, "Sensor", name: "Sensors",
                snapshot.sensorIndices.map { chassis + "/Sensors/" + snapshot.points.definitions[$0].name })
        case ("Sensors", 3):
            guard let id = snapshot.points.id(of: parts[2]), snapshot.isSensor(id.index) else {
                return false
            }
            writer.sensor(path, snapshot.points[id], snapshot.readings[id.index], snapshot)
        case ("LeakDetectors", 2):
            writer.collection(
                path, "LeakDetector", name: "Leak detectors", leaks.map { chassis + "/LeakDetectors/" + $0.name })
        case ("LeakDetectors", 3):
            guard let zone = leaks.first(where: { $0.name == parts[2] }) else { return false }
            writeLeakDetector(zone, path, &writer)
        case ("EnvironmentMetrics", 2): writeEnvironment(path, &writer)
        case ("ThermalSubsystem", _): return writeThermal(Array(parts.dropFirst(2)), path, &writer)
        case ("PowerSubsystem", _): return writePower(Array(parts.dropFirst(2)), path, &writer)
        default: return false
        }
        return true
    }

    private func writeLeakDetector(_ zone: ZoneStatus, _ path: String, _ writer: inout RedfishWriter) {
        writer.open(path, "LeakDetector.v1_6_0.LeakDetector", id: zone.name, name: zone.title)
        writer.out.field("LeakDetectorType", "Moisture")
        let isWell = zone.state == "normal"
        writer.out.field("DetectorState", isWell ? "OK" : "Critical")
        writer.status(isWell ? .ok : .critical, state: zone.isBypassed ? "Disabled" : "Enabled")
    }

    private func writeContainer(_ path: String, _ writer: inout RedfishWriter) {
        writer.open(path, "Chassis.v1_28_0.Chassis", id: snapshot.site, name: snapshot.title)
        writer.out.field("ChassisType", "Module")
        writer.status(RedfishHealth(SiteHealth(snapshot)))
        writer.out.beginObject("PhysicalSecurity")
        let intruded = snapshot.zones.contains { ["door", "motion"].contains($0.kind) && $0.state == "alarm" }
        let tampered = snapshot.zones.contains { $0.kind == "tamper" && $0.state != "normal" }
        writer.out.field(
            "IntrusionSensor", tampered ? "TamperingDetected" : intruded ? "HardwareIntrusion" : "Normal")
        writer.out.endObject()
        writer.link("Sensors", chassis + "/Sensors")
        writer.link("LeakDetectors", chassis + "/LeakDetectors")
        writer.link("ThermalSubsystem", thermal)
        writer.link("PowerSubsystem", power)
        writer.link("EnvironmentMetrics", chassis + "/EnvironmentMetrics")
        writer.out.beginObject("Links")
        writer.links("ManagedBy", [RedfishEquipment.manager])
        writer.link("Facility", facility)
        writer.links("ComputerSystems", [RedfishEquipment.system])
        writer.out.endObject()
    }

    private func writeThermal(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        let detection = thermal + "/LeakDetection"
        switch (parts.count, parts.last) {
        case (0, _):
            writer.open(path, "ThermalSubsystem.v1_5_0.ThermalSubsystem", id: "ThermalSubsystem", name: "Cooling")
            writer.link("LeakDetection", detection)
            writer.status(.ok)
        case (1, "LeakDetection"):
            writer.open(path, "LeakDetection.v1_2_0.LeakDetection", id: "LeakDetection", name: "Leak detection")
            writer.status(leaks.contains { $0.state != "normal" } ? .critical : .ok)
        default: return false
        }
        return true
    }

    private func writePower(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        switch parts.count {
        case 0:
            writer.open(path, "PowerSubsystem.v1_1_3.PowerSubsystem", id: "PowerSubsystem", name: "Power")
            writer.link("Batteries", power + "/Batteries")
            writer.status(.ok)
        case 1 where parts[0] == "Batteries":
            writer.collection(path, "Battery", name: "Batteries", batteries.map { power + "/Batteries/" + $0.name })
        case 2 where parts[0] == "Batteries":
            guard let machine = batteries.first(where: { $0.name == parts[1] }) else { return false }
            writer.open(path, "Battery.v1_5_0.Battery", id: machine.name, name: machine.title)
            writeMaker(machine, &writer)
        default: return false
        }
        return true
    }

    private func writeMaker(_ machine: SiteLayout.Machine, _ writer: inout RedfishWriter) {
        writer.out.field("Manufacturer", machine.manufacturer)
        writer.out.field("Model", machine.model)
        let unit = snapshot.buses.flatMap(\.units).first { $0.name == machine.name }
        let isThere = unit?.state == .online
        let health = RedfishHealth(snapshot, subject: machine.name)
        writer.status(
            !isThere && health == .ok ? .warning : health, state: isThere ? "Enabled" : "UnavailableOffline")
    }

    // MARK: - Power and cooling machines

    private func writePowerEquipment(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        let root = "/redfish/v1/PowerEquipment"
        let groups: [(String, StaticString, [SiteLayout.Machine])] = [
            ("TransferSwitches", "AutomaticTransferSwitch", switches), ("RackPDUs", "RackPDU", racks),
        ]
        guard let group = parts.first else {
            writer.open(path, "PowerEquipment.v1_2_3.PowerEquipment", id: "PowerEquipment", name: "Power equipment")
            writer.link("TransferSwitches", root + "/TransferSwitches")
            writer.link("RackPDUs", root + "/RackPDUs")
            writer.status(.ok)
            return true
        }
        guard let (name, type, members) = groups.first(where: { $0.0 == group }), parts.count <= 2 else { return false }
        guard parts.count == 2 else {
            writer.collection(path, "PowerDistribution", name: name, members.map { "\(root)/\(name)/\($0.name)" })
            return true
        }
        guard let machine = members.first(where: { $0.name == parts[1] }) else { return false }
        writer.open(path, "PowerDistribution.v1_6_0.PowerDistribution", id: machine.name, name: machine.title)
        writer.out.field("EquipmentType", "\(type)")
        writeMaker(machine, &writer)
        return true
    }

    private func writeThermalEquipment(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        let root = "/redfish/v1/ThermalEquipment"
        switch parts.count {
        case 0:
            writer.open(
                path, "ThermalEquipment.v1_2_0.ThermalEquipment", id: "ThermalEquipment", name: "Cooling equipment")
            writer.link("CDUs", root + "/CDUs")
            writer.status(.ok)
        case 1 where parts[0] == "CDUs":
            writer.collection(path, "CoolingUnit", name: "CDUs", coolants.map { root + "/CDUs/" + $0.name })
        case 2 where parts[0] == "CDUs":
            guard let machine = coolants.first(where: { $0.name == parts[1] }) else { return false }
            writer.open(path, "CoolingUnit.v1_5_0.CoolingUnit", id: machine.name, name: machine.title)
            writer.out.field("EquipmentType", "CDU")
            writeMaker(machine, &writer)
        default: return false
        }
        return true
    }

    // MARK: - Accelerators

    private func writeSystems(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        let processors = RedfishEquipment.system + "/Processors"
        if parts.isEmpty {
            writer.collection(path, "ComputerSystem", name: "Systems", [RedfishEquipment.system])
            return true
        }
        guard parts[0] == "accelerators" else { return false }
        let worst = snapshot.accelerators.map(\.health).max { $0.redfish.order < $1.redfish.order }
        switch parts.count {
        case 1:
            writer.open(
                path, "ComputerSystem.v1_27_0.ComputerSystem", id: "accelerators", name: "The host of the accelerators")
            writer.out.field("SystemType", "Physical")
            writer.status(worst?.redfish ?? .ok)
            writer.link("Processors", processors)
            writer.out.beginObject("Links")
            writer.links("Chassis", [chassis])
            writer.links("ManagedBy", [RedfishEquipment.manager])
            writer.out.endObject()
        case 2 where parts[1] == "Processors":
            writer.collection(
                path, "Processor", name: "Accelerators", snapshot.accelerators.map { processors + "/" + $0.name })
        case 3 where parts[1] == "Processors":
            guard let card = snapshot.accelerators.first(where: { $0.name == parts[2] }) else { return false }
            writer.open(path, "Processor.v1_22_0.Processor", id: card.name, name: "\(card.vendor) \(card.model)")
            writer.out.field("ProcessorType", "Accelerator")
            writer.out.field("Manufacturer", card.vendor)
            writer.out.field("Model", card.model)
            writer.out.field("SerialNumber", card.serial)
            writer.out.field("Socket", card.slot)
            writer.status(card.health.redfish, state: card.health == .absent ? "Absent" : "Enabled")
            writer.link("EnvironmentMetrics", path + "/EnvironmentMetrics")
            writer.link("Metrics", path + "/ProcessorMetrics")
        case 4 where parts[1] == "Processors":
            guard let card = snapshot.accelerators.first(where: { $0.name == parts[2] }) else { return false }
            switch parts[3] {
            case "EnvironmentMetrics": writeEnvironment(of: card, path, &writer)
            case "ProcessorMetrics": writeMetrics(of: card, path, &writer)
            default: return false
            }
        default: return false
        }
        return true
    }
}

extension RedfishHealth {
    fileprivate var order: Int { self == .ok ? 0 : self == .warning ? 1 : 2 }
}

extension AcceleratorHealth {
    /// Unknown is never OK.
    var redfish: RedfishHealth {
        switch self {
        case .ok, .transitional: .ok
        case .degraded, .unknown: .warning
        case .failed, .absent: .critical
        }
    }
}
