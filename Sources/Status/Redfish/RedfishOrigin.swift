internal import Platform
internal import Site

/// The resource that an event is about: what a subscriber's filter looks at.
struct RedfishOrigin: Equatable, Sendable {
    let path: String
    /// The name of its schema, without version.
    let type: String

    static let types = [
        "Battery", "Chassis", "CoolingUnit", "LeakDetector", "Manager", "PowerDistribution", "Processor", "Sensor",
    ]

    /// Before anything was read the agent itself is all there is.
    static let manager = RedfishOrigin(path: RedfishEquipment.manager, type: "Manager")
}

extension RedfishEquipment {
    /// A subject is a dotted path: a sensor, or a machine, card or detector by its first word. What Redfish has no
    /// resource for is the container's.
    func origin(of subject: String) -> RedfishOrigin {
        if let id = snapshot.points.id(of: subject), snapshot.isSensor(id.index) {
            return RedfishOrigin(path: chassis + "/Sensors/" + subject, type: "Sensor")
        }
        let device = String(subject.prefix { $0 != "." })
        if device == "agent" { return .manager }
        if let kind = layout.machines.first(where: { $0.name == device })?.kind, let place = place(of: kind) {
            return RedfishOrigin(path: place.path + "/" + device, type: place.type)
        }
        if snapshot.accelerators.contains(where: { $0.name == device }) {
            return RedfishOrigin(path: RedfishEquipment.system + "/Processors/" + device, type: "Processor")
        }
        if snapshot.zones.contains(where: { $0.name == device && $0.kind == "leak" }) {
            return RedfishOrigin(path: chassis + "/LeakDetectors/" + device, type: "LeakDetector")
        }
        return RedfishOrigin(path: chassis, type: "Chassis")
    }

    private func place(of kind: EquipmentProfile.Kind) -> RedfishOrigin? {
        switch kind {
        case .ups, .battery: RedfishOrigin(path: chassis + "/PowerSubsystem/Batteries", type: "Battery")
        case .ats:
            RedfishOrigin(path: "/redfish/v1/PowerEquipment/TransferSwitches", type: "PowerDistribution")
        case .pdu: RedfishOrigin(path: "/redfish/v1/PowerEquipment/RackPDUs", type: "PowerDistribution")
        case .cdu: RedfishOrigin(path: "/redfish/v1/ThermalEquipment/CDUs", type: "CoolingUnit")
        default: nil
        }
    }
}
