internal import Platform

/// What the DSX Exchange BMS contract (v1) lets a point of one objectType and pointType say about itself.
struct ExchangeRule: Equatable {
    /// How the point's value is explained.
    enum Meaning: Equatable {
        /// engUnit: this one, or any that is not empty.
        case quantity(String?)
        /// stateText.
        case state
        /// One of the two.
        case quantityOrState
        /// At most one of the two (GenericPoint).
        case free
        /// Neither (PowerFactor, heartbeats).
        case bare
    }
    /// How the point says whose it is.
    enum Identity: Equatable { case rack, meter, equipment, system }

    var meaning: Meaning
    var identity: Identity
    /// nil: not allowed; false: may be given; true: must be.
    var processArea: Bool?
    var takesSetpoint = false
    var needsPhase = false
    var takesPhase = false
    var isWrittenByIntegration = false
}

enum ExchangeVocabulary {
    private static let cooling: Set<String> = [
        "CDU", "CoolingTower", "HX", "CRAH", "CRAC", "AHU", "Chiller", "Tank", "GenericObject",
    ]
    private static let switchgear: Set<String> = ["BESS", "UPS", "ATS", "Generator", "Shunt", "Breaker"]
    private static let actuators = [
        "Valve": "ValvePosition", "Pump": "PumpSpeed", "Fan": "FanSpeed", "Damper": "DamperPosition",
    ]
    private static let fluid: Set<String> = [
        "LiquidTemperature", "LiquidDifferentialPressure", "LiquidFlow", "LiquidPressure", "AirTemperature",
        "AirDifferentialPressure", "AirRelativeHumidity", "AirFlow", "AirPressure",
    ]

    /// Machines whose electrical readings go out as a PowerMeter, and whose own points then refer to it.
    static func isSwitchgear(_ objectType: String) -> Bool { switchgear.contains(objectType) }

    /// A missed leak or isolation is a flooded rack: these are sent with an acknowledgement.
    static func isCritical(_ pointType: String) -> Bool {
        pointType.holds("LeakDetect") || pointType.holds("LeakSensor") || pointType.holds("Isolation")
    }

    /// The unit in which the bus expects a quantity that comes in several (W, kW).
    static func preferredUnit(_ pointType: String) -> String? {
        switch pointType {
        case "ActivePower", "RackPower": "kW"
        case "ApparentPower": "kVA"
        case _ where pointType.holds("DifferentialPressure"): "kPa"
        case _ where pointType.holds("LiquidFlow"): "LPM"
        default: nil
        }
    }

    /// Nil: the contract has no such point.
    static func rule(objectType: String, pointType: String) -> ExchangeRule? {
        switch objectType {
        case "Rack": rack(pointType)
        case "PowerMeter": meter(pointType)
        case "System": system(pointType)
        default: equipment(objectType, pointType)
        }
    }

    private static func rack(_ pointType: String) -> ExchangeRule? {
        let meaning: ExchangeRule.Meaning
        switch pointType {
        case "RackLiquidSupplyTemperature", "RackLiquidReturnTemperature": meaning = .quantity("C")
        case "RackLiquidFlow": meaning = .quantity("LPM")
        case "RackLiquidDifferentialPressure", "RackLiquidDifferentialPressureSp": meaning = .quantity("kPa")
        case "RackControlValvePosition": meaning = .quantity("%")
        case "RackPower": meaning = .quantity("kW")
        case "RackLeakDetect", "RackLeakSensorFault", "RackLiquidIsolationStatus", "RackElectricalIsolationStatus":
            meaning = .state
        case "RackLeakDetectTray", "RackLiquidIsolationRequest", "RackElectricalIsolationRequest":
            return ExchangeRule(meaning: .state, identity: .rack, isWrittenByIntegration: true)
        default: return nil
        }
        return ExchangeRule(meaning: meaning, identity: .rack)
    }

    private static func meter(_ pointType: String) -> ExchangeRule? {
        switch pointType {
        case "Voltage", "Frequency", "ApparentPower", "ActivePower", "Current", "CurrentLimit":
            ExchangeRule(meaning: .quantity(nil), identity: .meter)
        case "PowerFactor": ExchangeRule(meaning: .bare, identity: .meter)
        case "PhaseCurrent":
            ExchangeRule(meaning: .quantity(nil), identity: .meter, needsPhase: true, takesPhase: true)
        case "GenericPoint": generic(.meter)
        default: nil
        }
    }

    private static func system(_ pointType: String) -> ExchangeRule? {
        switch pointType {
        case "HeartbeatTimestampBms", "HeartbeatEchoBms": ExchangeRule(meaning: .bare, identity: .system)
        case "HeartbeatTimestampIntegration", "HeartbeatEchoIntegration":
            ExchangeRule(meaning: .bare, identity: .system, isWrittenByIntegration: true)
        case "Status", "Available": state
        case "GenericPoint": generic(.equipment)
        default: nil
        }
    }

    private static func equipment(_ objectType: String, _ pointType: String) -> ExchangeRule? {
        let isSensor = objectType == "Sensor", isGeneric = objectType == "GenericObject"
        let isCooling = cooling.contains(objectType), isSwitchgear = switchgear.contains(objectType)
        let moves = actuators[objectType]
        guard isSensor || isCooling || isSwitchgear || moves != nil else { return nil }
        switch pointType {
        case "GenericPoint": return generic(.equipment)
        case "Available": return isGeneric ? nil : state
        case "Status": return isCooling || isSwitchgear ? state : nil
        case _ where moves == pointType: return actuator
        case _ where isSwitchgear || moves != nil: return nil
        case "LiquidTemperature", "AirTemperature": return fluid("C")
        case _ where fluid.contains(pointType): return fluid(nil)
        case "LeakDetect": return state
        case "Sound" where isSensor || isGeneric:
            return ExchangeRule(meaning: .quantity(nil), identity: .equipment, processArea: false)
        case "LiquidTemperatureSpRequest" where objectType == "CDU" || isGeneric:
            return ExchangeRule(
                meaning: .quantity("C"), identity: .equipment, processArea: false, isWrittenByIntegration: true)
        case _ where isCooling && actuators.values.contains(pointType): return actuator
        default: return nil
        }
    }

    private static let state = ExchangeRule(meaning: .state, identity: .equipment, processArea: false)
    private static let actuator = ExchangeRule(meaning: .quantityOrState, identity: .equipment, processArea: false)
    private static func fluid(_ unit: String?) -> ExchangeRule {
        ExchangeRule(
            meaning: unit == nil ? .quantityOrState : .quantity(unit), identity: .equipment, processArea: false,
            takesSetpoint: true)
    }
    private static func generic(_ identity: ExchangeRule.Identity) -> ExchangeRule {
        ExchangeRule(meaning: .free, identity: identity, processArea: true, takesSetpoint: true, takesPhase: true)
    }
}
