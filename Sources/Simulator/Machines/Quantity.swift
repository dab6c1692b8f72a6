internal import Platform
internal import Site

/// The model's answer to "what would this point read": found from the machine's kind, the words of the
/// point's path and its unit, so that a new register map needs no code. In base units (see `Unit.base`).
typealias Quantity = (ContainerModel) -> Double

/// Power factor of everything in the container: active rectifiers and fans with drives.
private let powerFactor = 0.96

struct QuantityFinder {
    let kind: EquipmentProfile.Kind
    let feed: Feed
    let words: [String]
    let unit: Unit

    private func says(_ some: String...) -> Bool { some.contains { words.contains($0) } }

    /// Nil: the model knows nothing of the kind.
    func find() -> Quantity? {
        let phase = Phase(words)
        switch unit.base.suffix {
        case "volts": return volts(phase)
        case "amperes": return amperes(phase)
        case "watts": return watts(phase)
        case "voltamperes": return scaled(watts(phase), 1 / powerFactor)
        case "vars": return scaled(watts(phase), 0.29)  // tan(acos 0.96)
        case "joules": return energy(phase)
        case "hertz": return unit == .hertz ? hertz() : nil
        case "celsius": return celsius()
        case "ratio": return ratio()
        case "seconds": return unit == .epochMilliseconds ? nil : seconds()
        case "pascals": return pascals()
        case "cubic_meters_per_second": return { $0.climate.flow_LPM / 60_000 }
        case "cubic_meters" where says("fuel"): return { $0.power.fuel_L / 1000 }
        case "cubic_meters": return { $0.climate.reservoir_L / 1000 }
        case "rpm": return speed()
        case "coulombs":
            // A 192 V string: 2.2 kWh are 11.5 Ah.
            let isRemaining = says("remaining", "charge")
            return { (isRemaining ? $0.power.battery_J : $0.power.batteryCapacity_J) / 192 }
        case "": return plain()
        default: return nil
        }
    }

    private func scaled(_ quantity: Quantity?, _ factor: Double) -> Quantity? {
        guard let quantity else { return nil }
        return { model in quantity(model) * factor }
    }

    private func plain() -> Quantity? {
        if says("starts") { return { $0.power.starts } }
        if says("transfers") { return { $0.power.transfers } }
        if words.joined().holds("powerfactor") { return { self.feed.watts($0) > 0 ? powerFactor : 0 } }
        return nil
    }

    private func volts(_ phase: Phase) -> Quantity {
        let root3 = phase == .pair ? 1.7320508 : 1
        if says("starter") || (kind == .genset && says("battery")) {
            return { $0.power.engine == .cranking ? 10.4 : $0.power.engine == .stopped ? 13.1 : 14.1 }
        }
        if says("battery", "dc", "cell") {
            if kind == .battery { return { $0.power.battery_V / 4 } }
            return { $0.power.battery_V }
        }
        if says("input", "mains", "normal", "bypass", "utility") { return { $0.power.mains_V * root3 } }
        if says("emergency", "generator") { return { $0.power.generator_V * root3 } }
        return { feed.volts($0) * root3 * (1 + (phase.share - 1) * (phase == .all ? 0 : 0.004)) }
    }

    private func amperes(_ phase: Phase) -> Quantity {
        if says("battery", "dc") { return { abs($0.power.battery_W) / $0.power.battery_V } }
        if says("neutral") { return { self.current(.one(0), $0) * 0.06 } }
        if says("average") { return { self.current(.all, $0) / 3 } }
        return { self.current(phase, $0) }
    }

    private func current(_ phase: Phase, _ model: ContainerModel) -> Double {
        let volts = feed.volts(model)
        guard volts > 1 else { return 0 }
        return feed.watts(model) / powerFactor * phase.share / volts
    }

    private func watts(_ phase: Phase) -> Quantity? {
        if says("nominal", "rated", "rating") { return { _ in PowerTrain.upsRating_W } }
        if says("battery") { return { $0.power.battery_W } }
        if kind == .ups && says("input") { return { $0.power.upsInput_W * phase.share } }
        if says("cooling", "capacity", "thermal", "load") {
            if kind == .crac { return { $0.climate.crac_W } }
            if kind == .chiller { return { $0.climate.chiller_W } }
            if kind == .cdu || kind == .heatExchanger || kind == .rearDoor { return { $0.climate.exchanged_W } }
        }
        if kind == .crac { return { $0.climate.cracElectrical_W * phase.share } }
        if kind == .chiller { return { $0.climate.chillerElectrical_W * phase.share } }
        if kind == .cdu || kind == .heatExchanger { return { $0.climate.pumpElectrical_W * phase.share } }
        return { feed.watts($0) * phase.share }
    }

    private func energy(_ phase: Phase) -> Quantity {
        if says("rating", "rated") { return { $0.power.batteryCapacity_J } }
        if says("available", "remaining") { return { $0.power.battery_J } }
        if says("export", "exported", "delivered") { return { _ in 0 } }
        if says("reactive") { return { self.feed.joules($0) * 0.29 * phase.share } }
        return { feed.joules($0) * phase.share }
    }

    private func hertz() -> Quantity {
        if says("input", "mains", "normal", "bypass", "utility") { return { $0.power.mains_Hz } }
        if says("emergency", "generator") { return { $0.power.engine_rpm / 30 } }
        return { feed.hertz($0) }
    }

    private func celsius() -> Quantity {
        if says("setpoint", "set", "target") {
            if kind == .chiller { return { $0.climate.waterSetpoint_C } }
            if kind == .cdu { return { $0.climate.coolantSetpoint_C } }
            return { $0.climate.airSetpoint_C }
        }
        if says("threshold", "limit", "high", "low", "alarm") { return { _ in self.says("low") ? 10 : 35 } }
        if says("battery", "cell") { return { $0.power.battery_C } }
        if kind == .genset {
            let above = says("oil") ? 6.0 : 0
            return { $0.power.coolant_C + above }
        }
        if kind == .ups || kind == .inverter || kind == .rectifier || kind == .pdu {
            return { $0.climate.air_C + 4 + $0.power.upsLoss_W / 150 }
        }
        if says("outdoor", "ambient", "condenser") && kind != .sensor { return { $0.climate.outdoor_C } }
        if says("dew") { return { $0.climate.dewPoint_C } }
        if kind == .chiller {
            let isEntering = says("entering", "return", "inlet", "in")
            return { $0.climate.water_C + (isEntering ? $0.climate.chiller_W / 5000 : 0) }
        }
        if says("coolant", "liquid", "water", "fluid") {
            if kind == .crac || kind == .rearDoor { return { $0.climate.water_C } }
            let isReturn = says("return", "inlet", "in")
            return { isReturn ? $0.climate.coolantReturn_C : $0.climate.coolant_C }
        }
        if says("outside") { return { $0.climate.outdoor_C } }
        if says("return", "exhaust", "hot", "outlet", "rear") { return { $0.climate.return_C } }
        if says("supply", "inlet", "cold", "rack", "front") { return { $0.climate.supply_C } }
        return { $0.climate.air_C }
    }

    private func ratio() -> Quantity? {
        if says("humidity") && !says("setpoint", "band", "threshold") { return { $0.climate.humidity / 100 } }
        if says("fuel") { return { $0.power.fuel_L / PowerTrain.fuelTank_L } }
        if says("charge", "soc") { return { $0.power.charge } }
        if says("health", "soh") { return { $0.power.batteryCapacity_J / PowerTrain.batteryFull_J } }
        if says("efficiency") { return { _ in PowerTrain.upsEfficiency } }
        if says("setpoint", "band", "threshold", "limit") { return nil }
        if says("fan") { return { $0.climate.cracFan } }
        if says("pump") { return { $0.climate.pump } }
        if says("valve") { return { $0.climate.valve } }
        if says("capacity", "cooling", "compressor") {
            if kind == .crac { return { $0.climate.crac_W / Climate.cracMax_W } }
            return { $0.climate.chiller_W / Climate.chillerMax_W }
        }
        if kind == .ups || says("load", "power") {
            let share = Phase(words) == .all ? 1 : Phase(words).share * 3
            return { self.feed.watts($0) / PowerTrain.upsRating_W * share }
        }
        return nil
    }

    private func seconds() -> Quantity? {
        if says("runtime", "autonomy", "backup", "remaining", "empty") { return { $0.power.runtime_s } }
        if kind == .genset { return { $0.power.runTime_s } }
        if says("uptime", "up", "operating", "hours", "running") { return { 7.4e6 + $0.elapsed_s } }
        return nil
    }

    private func pascals() -> Quantity {
        if says("oil") { return { $0.power.oil_kPa * 1000 } }
        if says("differential") {
            return { ($0.climate.supplyPressure_kPa - $0.climate.returnPressure_kPa) * 1000 }
        }
        if says("return", "inlet", "in") { return { $0.climate.returnPressure_kPa * 1000 } }
        if kind == .crac || kind == .rearDoor { return { 20 + 30 * $0.climate.cracFan } }
        return { $0.climate.supplyPressure_kPa * 1000 }
    }

    private func speed() -> Quantity? {
        if kind == .genset { return { $0.power.engine_rpm } }
        if says("pump") { return { 4_800 * $0.climate.pump } }
        if says("fan") { return { 200 + 3_000 * max(0.3, $0.climate.cracFan) } }
        return nil
    }
}
