/// What the container does about the alarms that the shipped profiles bring, by the kind of machine and
/// the alarm's name; `usual-postures: false` in the site file leaves it all to the site's own rules.
enum UsualPosture {
    static func of(_ kind: EquipmentProfile.Kind, _ alarm: String) -> PostureState? {
        switch (kind, alarm) {
        // Take less at once while batteries carry the load; what follows when they end is backup-low and
        // backup-ends (SiteConditions).
        case (.ups, "on-battery"), (.battery, "discharging"), (.ups, "overload"): .conserve
        // Water in the racks, or none where it should flow: minutes.
        case (.cdu, "leak"), (.cdu, "leak-external"), (.cdu, "no-flow"), (.rearDoor, "leak"): .stop
        case (.cdu, "coolant-hot"): .drain
        // Cooling that does not keep up is helped by less heat.
        case (.crac, "return-hot"), (.crac, "stopped"), (.rearDoor, "exhaust-hot"), (.chiller, "water-hot"),
            (.chiller, "stopped"), (.chiller, "low-flow"):
            .conserve
        case (.pdu, "dead"): .drain
        default: nil
        }
    }
}

/// When the mains go, everything behind them says so in its own words: one cause, many consequences.
enum UsualCauses {
    private static let mains = ["zone.*.mains-failed"]

    static func of(_ alarm: String) -> [String] {
        switch alarm {
        case "normal-lost", "undervoltage": mains
        case "on-battery", "running": mains + ["*.normal-lost", "*.undervoltage"]
        case "input-lost", "discharging", "dead": mains + ["*.normal-lost", "*.undervoltage", "*.on-battery"]
        default: []
        }
    }
}
