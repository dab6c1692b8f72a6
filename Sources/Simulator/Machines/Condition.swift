internal import Site

/// What is true of a machine now, in the words that register maps use for states and flags; the most
/// telling first.
enum Condition {
    static func words(
        _ kind: EquipmentProfile.Kind, about path: [String], _ model: ContainerModel
    ) -> [String] {
        if path.contains("mode") && kind == .genset { return ["auto", "automatic"] }
        switch kind {
        case .ups, .inverter, .battery, .rectifier: return ups(model, path)
        case .genset: return genset(model)
        case .ats: return transfer(model)
        case .crac, .rearDoor, .chiller: return cooling(kind, model)
        case .cdu, .heatExchanger: return liquid(model)
        default: return ["normal", "ok", "good", "online", "on"]
        }
    }

    private static func ups(_ model: ContainerModel, _ path: [String]) -> [String] {
        let power = model.power
        var words: [String] = []
        if path.contains("battery") {
            if power.battery_W < 0 {
                words += ["discharging"]
            } else if power.battery_W > 200 {
                words += ["charging", "equalise-charge", "equalize-charge"]
            } else {
                words += ["float-charge", "float", "resting", "idle", "full", "charged"]
            }
        }
        if power.charge < 0.2 {
            words += ["low-battery", "battery-low", "battery-discharged", "near-end-of-backup", "low", "near-end"]
        }
        if model.instructor.batteryWorn { words += ["replace-battery", "battery-needs-maintenance", "replace"] }
        switch power.upsMode {
        case .online:
            words += [
                "online", "on-line", "inverter-on", "rectifier-on", "load-on-inverter", "rectifier-input-present",
                "operating", "working", "normal-mode", "battery-ok", "bypass-present", "output-breaker-closed",
                "inverter-switch-closed", "unit-working", "normal",
            ]
            if power.battery_W > 200 { words += ["charging", "battery-charging"] }
        case .onBattery:
            words += [
                "on-battery", "battery", "battery-mode", "discharging", "input-not-acceptable", "rectifier-input-fault",
                "rectifier-input-tolerance", "inverter-on", "load-on-inverter", "operating", "battery-ok",
                "inverter-switch-closed", "output-breaker-closed", "unit-working",
            ]
        case .off:
            words += ["off", "output-off", "shutdown", "stopped", "input-not-acceptable", "inverter-stopped"]
            if model.instructor.upsFault { words += ["general-fault", "general-alarm", "general", "fault"] }
        }
        return words
    }

    private static func genset(_ model: ContainerModel) -> [String] {
        switch model.power.engine {
        case .stopped: ["stopped", "ready", "stop", "off"]
        case .cranking: ["cranking", "starting", "pre-start", "prestart"]
        case .warmingUp: ["warm-up", "warming-up", "running", "starting"]
        case .running:
            model.power.source == .generator
                ? ["loaded", "running", "run", "on", "on-load"] : ["running", "run", "on", "unloading"]
        case .cooling: ["cooling", "cooling-down", "cooldown", "running"]
        case .failed: ["fail-to-start", "shutdown", "failed", "fault", "not-ready", "alarm", "stopped"]
        }
    }

    private static func transfer(_ model: ContainerModel) -> [String] {
        var words: [String] =
            switch model.power.source {
            case .mains: ["normal", "on-normal", "source-1", "mains", "utility"]
            case .generator: ["emergency", "on-emergency", "source-2", "generator", "alternate"]
            case .none: ["off", "none", "neutral", "open"]
            }
        if model.power.mains_V > 187 { words += ["normal-available", "normal-acceptable"] }
        if model.power.generator_V > 187 { words += ["emergency-available", "emergency-acceptable"] }
        return words
    }

    private static func cooling(_ kind: EquipmentProfile.Kind, _ model: ContainerModel) -> [String] {
        let isOff = kind == .chiller ? model.instructor.chillerOff : model.instructor.cracOff
        var words: [String] = []
        if model.climate.return_C > 35 {
            words += ["high-return-temperature", "high-temperature", "with-alarm", "common-alarm", "alarm"]
        }
        if isOff || !model.power.isBusLive { return words + ["off", "stopped", "standby", "start"] }
        return words + [
            "on", "run", "running", "normal", "unit-on", "cool", "cooling", "compressor", "pump", "fan", "auto",
            "evaporator-flow", "run-enabled", "out", "enabled",
        ]
    }

    private static func liquid(_ model: ContainerModel) -> [String] {
        var words: [String] = []
        if model.instructor.leak {
            words += ["leak", "leakage", "internal-leakage", "external-leakage", "leak-detected", "leakage-abnormal"]
        }
        if model.climate.reservoir_L < 15 { words += ["reservoir-low", "low-level", "level-low", "low"] }
        return words
            + (model.climate.pump > 0.1 ? ["running", "run", "on", "normal", "ok"] : ["stopped", "off", "fault"])
    }
}
