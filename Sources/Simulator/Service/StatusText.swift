internal import Platform
internal import Site

extension Simulation {
    /// What `status` says: the container in a screenful.
    var statusText: String {
        let power = model.power
        let climate = model.climate
        var rows = [
            "power      \(power.source) feeds the bus: \(watts(power.bus_W)), \(number(power.bus_V)) V; mains "
                + "\(number(power.mains_V)) V; generator \(power.engine), fuel \(number(power.fuel_L)) L",
            "ups        \(power.upsMode), load \(watts(power.upsOutput_W)), battery \(number(power.charge * 100)) %, "
                + "\(number(power.runtime_s / 60)) min left",
            "climate    air \(number(climate.air_C)) C (supply \(number(climate.supply_C)), return "
                + "\(number(climate.return_C))), coolant \(number(climate.coolant_C)) C, water "
                + "\(number(climate.water_C)) C, outdoors \(number(climate.outdoor_C)) C, "
                + "humidity \(number(climate.humidity)) %",
        ]
        for (index, card) in model.accelerators.enumerated() { rows.append(cardText(index, card)) }
        for machine in room.machines {
            let faults = machine.faults.map(\.text).joined(separator: ", ")
            rows.append(
                "unit \(machine.unitID)     \(machine.name) (\(machine.profile.name) on \(machine.busName)): "
                    + "\(machine.requests) requests" + (faults.isEmpty ? "" : " [" + faults + "]"))
        }
        for (index, line) in lines.lines.enumerated() {
            rows.append(
                "line       \(line.name): \(lines.states[index].rawValue), level \(lines.level(index) ? 1 : 0)")
        }
        if room.chaos > 0 { rows.append("chaos      \(number(room.chaos * 100)) % of replies") }
        if speed != 1 { rows.append("speed      \(number(speed))") }
        return rows.joined(separator: "\n")
    }

    private func cardText(_ index: Int, _ card: AcceleratorModel) -> String {
        var words: [String] = []
        if !card.isPresent { words.append("gone") }
        if card.link != .full { words.append(card.link == .dead ? "lost" : "slow link") }
        if card.isHung { words.append("hung") }
        if card.isHot { words.append("hot") }
        if card.isThrottling { words.append("throttling") }
        let faults = words.isEmpty ? "" : " [" + words.joined(separator: ", ") + "]"
        return "accel \(index)    \(card.kind.rawValue): \(number(card.temperature_C)) C, \(watts(card.power_W)), "
            + "\(number(card.utilisation * 100)) %" + faults
    }

    /// One decimal.
    private func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return (tenths < 0 ? "-" : "") + "\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }

    private func watts(_ value: Double) -> String {
        value >= 1000 ? number(value / 1000) + " kW" : number(value) + " W"
    }
}
