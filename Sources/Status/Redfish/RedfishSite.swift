internal import Platform
internal import Site

/// The place as a facility, and what it and its cards breathe and draw.
extension RedfishEquipment {
    var facility: String { "/redfish/v1/Facilities/" + snapshot.site }

    func writeFacilities(_ parts: [String], _ path: String, _ writer: inout RedfishWriter) -> Bool {
        switch parts.count {
        case 0: writer.collection(path, "Facility", name: "Facilities", [facility])
        case 1 where parts[0] == snapshot.site:
            writer.open(path, "Facility.v1_4_2.Facility", id: snapshot.site, name: snapshot.title)
            writer.out.field("FacilityType", "Site")
            writer.status(RedfishHealth(SiteHealth(snapshot)))
            writer.out.beginObject("Links")
            writer.links("ContainsChassis", [chassis])
            writer.links("ManagedBy", [RedfishEquipment.manager])
            writer.out.endObject()
        default: return false
        }
        return true
    }

    /// The container's own figures: the first climate sensor (the air that machines breathe) and the main meters.
    func writeEnvironment(_ path: String, _ writer: inout RedfishWriter) {
        writer.open(path, "EnvironmentMetrics.v1_5_0.EnvironmentMetrics", id: "EnvironmentMetrics", name: "Environment")
        let climate = layout.machines.first { $0.kind == .sensor }?.name
        if let climate {
            excerpt("TemperatureCelsius", climate + ".temperature", &writer)
            excerpt("HumidityPercent", climate + ".humidity", &writer)
        }
        excerpt("PowerWatts", "site.total-power", &writer)
    }

    func writeEnvironment(of card: AcceleratorStatus, _ path: String, _ writer: inout RedfishWriter) {
        writer.open(
            path, "EnvironmentMetrics.v1_5_0.EnvironmentMetrics", id: "EnvironmentMetrics",
            name: "Environment of " + card.name)
        excerpt("TemperatureCelsius", card.name + ".temperature.highest", &writer)
        excerpt("PowerWatts", card.name + ".power", &writer)
    }

    /// What its driver counts, where it does.
    func writeMetrics(of card: AcceleratorStatus, _ path: String, _ writer: inout RedfishWriter) {
        writer.open(
            path, "ProcessorMetrics.v1_7_0.ProcessorMetrics", id: "ProcessorMetrics", name: "Metrics of " + card.name)
        func number(_ names: String...) -> Double? {
            for name in names {
                if let id = snapshot.points.id(of: card.name + "." + name), id.index < snapshot.readings.count,
                    let number = snapshot.readings[id.index].goodNumber
                {
                    return number
                }
            }
            return nil
        }
        writer.out.field("BandwidthPercent", number("busy", "occupancy"))
        writer.out.field("OperatingSpeedMHz", number("clock.core", "clock.npu")?.rounded())
        let errors: [(StaticString, Double?)] = [
            ("CorrectableErrorCount", number("pcie.errors.correctable")),
            ("NonFatalErrorCount", number("pcie.errors.nonfatal")), ("FatalErrorCount", number("pcie.errors.fatal")),
            ("ReplayCount", number("pcie.replays")),
        ]
        if errors.contains(where: { $0.1 != nil }) {
            writer.out.beginObject("PCIeErrors")
            for (name, count) in errors { if let count { writer.out.field(name, count.rounded()) } }
            writer.out.endObject()
        }
    }

    /// A sensor in short; nothing where there is no such sensor.
    private func excerpt(_ key: StaticString, _ point: String, _ writer: inout RedfishWriter) {
        guard let id = snapshot.points.id(of: point), snapshot.isSensor(id.index),
            let quantity = RedfishQuantity(snapshot.points[id].unit)
        else { return }
        writer.out.beginObject(key)
        writer.out.field("DataSourceUri", chassis + "/Sensors/" + point)
        writer.out.key("Reading")
        if let number = snapshot.readings[id.index].goodNumber {
            writer.out.value(number * quantity.factor)
        } else {
            writer.out.null()
        }
        writer.out.endObject()
    }
}
