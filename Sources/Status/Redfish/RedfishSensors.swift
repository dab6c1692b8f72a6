internal import Platform
internal import Site

/// How a point's unit reads in Redfish; nil where the Sensor schema has no word for it.
struct RedfishQuantity {
    let type: StaticString
    let unit: StaticString
    let factor: Double

    init?(_ unit: Unit) {
        switch unit {
        case .celsius: self.init("Temperature", "Cel", 1)
        case .percent: self.init("Percent", "%", 1)
        case .volts: self.init("Voltage", "V", 1)
        case .amperes: self.init("Current", "A", 1)
        case .watts: self.init("Power", "W", 1)
        case .kilowatts: self.init("Power", "W", 1000)
        case .wattHours: self.init("EnergyWh", "W.h", 1)
        case .kilowattHours: self.init("EnergykWh", "kW.h", 1)
        case .joules: self.init("EnergyJoules", "J", 1)
        case .hertz: self.init("Frequency", "Hz", 1)
        case .pascals: self.init("PressurePa", "Pa", 1)
        case .kilopascals: self.init("PressurekPa", "kPa", 1)
        case .bar: self.init("PressurekPa", "kPa", 100)
        case .litresPerMinute: self.init("LiquidFlowLPM", "L/min", 1)
        case .revolutionsPerMinute: self.init("Rotational", "{rev}/min", 1)
        case .ampereHours: self.init("ChargeAh", "A.h", 1)
        default: return nil
        }
    }

    private init(_ type: StaticString, _ unit: StaticString, _ factor: Double) {
        self.type = type
        self.unit = unit
        self.factor = factor
    }
}

extension RedfishWriter {
    mutating func sensor(_ path: String, _ point: PointDefinition, _ reading: Reading, _ snapshot: SiteSnapshot) {
        guard let quantity = RedfishQuantity(point.unit) else { return }
        open(path, "Sensor.v1_12_0.Sensor", id: point.name, name: point.title.isEmpty ? point.name : point.title)
        out.field("ReadingType", "\(quantity.type)")
        out.field("ReadingUnits", "\(quantity.unit)")
        out.key("Reading")
        if let number = reading.goodNumber { out.value(number * quantity.factor) } else { out.null() }
        if let measured = reading.measured { out.field("ReadingTime", measured.wall.rfc3339) }
        let isThere = reading.quality != .unsupported
        let state: StaticString = reading.isGood ? "Enabled" : isThere ? "UnavailableOffline" : "Absent"
        // A value that cannot be trusted is not "OK".
        let health = RedfishHealth(snapshot, subject: point.name)
        status(!reading.isGood && health == .ok ? .warning : health, state: state)
    }
}

extension SiteSnapshot {
    func isSensor(_ index: Int) -> Bool {
        index < readings.count && points.definitions[index].kind == .number
            && RedfishQuantity(points.definitions[index].unit) != nil
    }

    /// Places of the points that are Redfish sensors.
    var sensorIndices: [Int] { points.definitions.indices.filter(isSensor) }
}
