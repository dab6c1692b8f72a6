internal import Platform
internal import Site

extension Shape where Value == PowerFeedPlan {
    static var powerFeed: Shape {
        .object("a feed") { fields in
            let meters = fields.required(
                "meters", .list(of: .powerMeter, atLeast: 1), "Points that together measure it, in W or kW")
            let maximum = fields.required("maximum", .number(1...1e9), "Watts that it can deliver")
            let minimum = fields.optional("minimum", .number(0...1e9), default: 0, "Watts that it always draws")
            let usual = fields.optional("default", .number(1...1e9), "Watts that may be drawn without a target")
            let down = fields.optional("ramp-down", .number(1...1e9), default: 500, "Watts per second")
            let up = fields.optional("ramp-up", .number(1...1e9), default: 100, "Watts per second")
            let breachAfter = fields.optional(
                "breach-after", .duration(.zero ... .seconds(600)), default: .seconds(10),
                "Over its limit this long before anybody is told")
            guard let meters, let maximum else { return nil }
            if let usual, usual > maximum {
                fields.report("default", "found \(usual), expected at most the maximum of \(maximum)")
            }
            if minimum > maximum {
                fields.report("minimum", "found \(minimum), expected at most the maximum of \(maximum)")
            }
            return PowerFeedPlan(
                tag: "", meters: meters, minimumWatts: minimum, maximumWatts: maximum, defaultWatts: usual,
                rampDownWattsPerSecond: down, rampUpWattsPerSecond: up, breachAfter: breachAfter)
        }
    }
}

extension Shape where Value == String {
    /// An existing point that measures power.
    static var powerMeter: Shape {
        Shape.existingPoint.then { name, node, faults in
            faults.whenWhole { _, table, faults in
                guard let id = table.id(of: name), table[id].unit != .watts, table[id].unit != .kilowatts else {
                    return
                }
                faults.report(
                    node.position, "'\(name)' is in '\(table[id].unit.rawValue)', expected a point in W or kW")
            }
            return name
        }
    }
}

extension Shape where Value == PowerUsageEffectivenessPlan {
    static var effectiveness: Shape {
        .object("pue") { fields in
            let boundary = fields.required(
                "boundary", .text, "Where the line is drawn: what counts as the container, what as IT")
            let total = fields.required("total", .list(of: .powerMeter, atLeast: 1), "Points for all power, in W or kW")
            let it = fields.required("it", .list(of: .powerMeter, atLeast: 1), "Points for IT power, in W or kW")
            guard let boundary, let total, let it else { return nil }
            return PowerUsageEffectivenessPlan(boundary: boundary, totalMeters: total, itMeters: it)
        }
    }
}

extension Shape where Value == LaneEnergyPlan {
    static var laneEnergy: Shape {
        .object("a lane") { fields in
            let model = fields.required("model", .text, "The model's name in the serving plane")
            let accelerator = fields.required("accelerator", .word, "The accelerator that runs it")
            let power = fields.required(
                "power", .list(of: .powerMeter, atLeast: 1), "Points that measure the accelerator's power")
            guard let model, let accelerator, let power else { return nil }
            return LaneEnergyPlan(model: model, accelerator: accelerator, meters: power)
        }
    }
}

extension Shape where Value == WritablePlan {
    static var writable: Shape {
        .object("a writable point") { fields in
            let minimum = fields.required("minimum", .number(), "The least that may be written")
            let maximum = fields.required("maximum", .number(), "The most that may be written")
            let step = fields.optional("step", .number(0...1e12), "The largest change in one go")
            let interval = fields.optional(
                "interval", .duration(.zero ... .seconds(86_400)), default: .seconds(10),
                "Shortest time between two writes")
            let authority = fields.optional(
                "authority", .choice(Authority.allCases.map { ($0.text, $0) }), default: .technician, "Who may")
            let notWhile = fields.optional(
                "not-while", .list(of: .alarmPattern), default: [], "Not while one of these alarms stands")
            let onlyWhile = fields.optional(
                "only-while", .list(of: .pointName), default: [], "Only while all of these alarms stand")
            let safe = fields.optional("safe", .number(), "What is written back when the time is over")
            let hold = fields.optional(
                "hold", .duration(.seconds(1) ... .seconds(86_400)), "The longest time before the safe value goes back")
            guard let minimum, let maximum else { return nil }
            guard minimum <= maximum else {
                fields.report("minimum", "found \(minimum), expected at most the maximum of \(maximum)")
                return nil
            }
            if (safe == nil) != (hold == nil) {
                fields.report(safe == nil ? "hold" : "safe", "'safe' and 'hold' belong together")
            }
            if let safe, !(minimum...maximum).contains(safe) {
                fields.report("safe", "found \(safe), expected \(minimum) to \(maximum)")
            }
            return WritablePlan(
                point: "", range: minimum...maximum, stepMax: step, interval: interval, authority: authority,
                notWhile: notWhile, onlyWhile: onlyWhile, safeValue: safe, holdMax: hold)
        }
    }
}
