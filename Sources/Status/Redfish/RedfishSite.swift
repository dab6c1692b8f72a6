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

    /// A sensor in short; nothing where there is no such sensor.
    private func excerpt(_ key: StaticString, _ point: String, _ writer: inout RedfishWriter) {
        guard let id = snapshot.points.id(of: point), snapshot.sensorIndices.contains(id.index),
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
