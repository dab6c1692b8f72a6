internal import Platform

extension SitePlan {
    /// Every condition of the site: of its own section, and of the devices' profiles under the
    /// devices' names. The site file's own condition of a name replaces the profile's.
    public var allConditions: [ConditionPlan] {
        var conditions = control.conditions
        var known = Set(conditions.map(\.id)).union(control.switchedOff)
        for condition in deviceConditions where known.insert(condition.id).inserted { conditions.append(condition) }
        return conditions
    }

    /// Everything that may be written: the control section's fences, and the units' own allow-lists.
    public var allWritable: [WritablePlan] {
        var fences = control.writable
        for unit in modbus.buses.flatMap(\.units) {
            for entry in unit.writable {
                let name = "\(unit.name).\(entry.path)"
                guard !fences.contains(where: { $0.point == name }),
                    let point = unit.profile.points.first(where: { $0.path == entry.path }), let rule = point.write
                else { continue }
                let codes = point.states.map { Double($0.code) }
                let states = codes.min().flatMap { low in codes.max().map { low...$0 } }
                // Only what some list bounds may be written at all.
                guard let range = entry.limits ?? rule.limits ?? states else { continue }
                fences.append(
                    WritablePlan(
                        point: name, range: range, interval: entry.minimumInterval,
                        authority: rule.isDangerous ? .engineer : .technician))
            }
        }
        return fences
    }

    /// What may be switched off.
    public var deviceConditionIDs: Set<String> { Set(deviceConditions.map(\.id)) }

    private var deviceConditions: [ConditionPlan] {
        modbus.buses.flatMap { $0.conditions(keepingUsualPostures: control.keepsUsualPostures) }
            + accelerators.conditions
    }

    public var zoneNames: [String] { security.zones.map(\.name) }
}

extension ModbusBus {
    /// Its units' conditions, under one root: a dead gateway is one alarm, not one for each machine behind it.
    func conditions(keepingUsualPostures: Bool) -> [ConditionPlan] {
        let root = "bus-\(name).silent"
        let all = units.flatMap { unit in unit.points.filter(\.isReadable).map(unit.pointName) }
        var conditions: [ConditionPlan] = []
        if units.count > 1, !all.isEmpty {
            conditions.append(
                ConditionPlan(
                    id: root, test: .absent(points: all), severity: .major, subject: "bus-\(name)",
                    text: "nothing on bus \(name) answers (\(link.description))", raiseAfter: .seconds(55),
                    clearAfter: .seconds(10)))
        }
        for unit in units {
            for var condition in unit.conditions(keepingUsualPostures: keepingUsualPostures) {
                if condition.id == unit.silentID, units.count > 1 { condition.dependsOn.append(root) }
                conditions.append(condition)
            }
        }
        return conditions
    }
}

extension ModbusUnit {
    var silentID: String { "\(name).silent" }

    /// The profile's alarms on this machine, and that it answers at all.
    func conditions(keepingUsualPostures: Bool) -> [ConditionPlan] {
        let names = points.filter(\.isReadable).map(pointName)
        var conditions: [ConditionPlan] = []
        if !names.isEmpty {
            conditions.append(
                ConditionPlan(
                    id: silentID, test: .absent(points: names), severity: .major, subject: name,
                    text: "\(title.isEmpty ? name : title) does not answer", raiseAfter: .seconds(60),
                    clearAfter: .seconds(10)))
        }
        let known = Set(points.map(\.path))
        for alarm in profile.alarms where known.contains(alarm.point) {
            var condition = condition(alarm)
            if keepingUsualPostures { condition.posture = UsualPosture.of(profile.kind, alarm.name) }
            condition.dependsOn += UsualCauses.of(alarm.name)
            conditions.append(condition)
        }
        return conditions + backupConditions(conditions, keepingUsualPostures: keepingUsualPostures)
    }

    /// A battery that ends while it carries the load: half empty is a reason to end in order, five
    /// minutes to stop at once. A battery that is charging is neither.
    private func backupConditions(_ known: [ConditionPlan], keepingUsualPostures: Bool) -> [ConditionPlan] {
        let onBattery = "\(name).on-battery"
        guard known.contains(where: { $0.id == onBattery }) else { return [] }
        var conditions: [ConditionPlan] = []
        func both(_ word: String, _ other: String, _ posture: PostureState, _ text: String) {
            conditions.append(
                ConditionPlan(
                    id: "\(name).\(word)", test: .atLeast(count: 2, of: [onBattery, other]), severity: .critical,
                    subject: name, text: "\(name): \(text)", raiseAfter: .seconds(2), clearAfter: .seconds(10),
                    posture: keepingUsualPostures ? posture : nil))
        }
        if known.contains(where: { $0.id == "\(name).battery-low" }) {
            both("backup-low", "\(name).battery-low", .drain, "on battery, and the battery is nearly empty")
        }
        if let runtime = points.first(where: { $0.path == "battery.runtime" }) {
            let minute = runtime.unit == .minutes ? 1.0 : runtime.unit == .hours ? 1.0 / 60 : 60
            conditions.append(
                ConditionPlan(
                    id: "\(name).runtime-short",
                    test: .below(point: pointName(runtime), limit: 5 * minute, hysteresis: minute), severity: .notice,
                    subject: pointName(runtime), text: "\(name): less than five minutes on battery",
                    raiseAfter: .seconds(3), clearAfter: .seconds(10)))
            both("backup-ends", "\(name).runtime-short", .stop, "on battery for less than five more minutes")
        }
        return conditions
    }

    private func condition(_ alarm: EquipmentAlarm) -> ConditionPlan {
        // Two percent back before it is over: enough that noise at the limit does not flap.
        let test: ConditionPlan.Test =
            switch alarm.condition {
            case .state(let code): .states(point: alarm.point, named: [String(code)])
            case .above(let limit): .above(point: alarm.point, limit: limit, hysteresis: abs(limit) * 0.02)
            case .below(let limit): .below(point: alarm.point, limit: limit, hysteresis: abs(limit) * 0.02)
            }
        return ConditionPlan(
            id: alarm.name, test: test, severity: alarm.severity, subject: alarm.point,
            text: alarm.text, raiseAfter: alarm.holdFor, clearAfter: .seconds(10)
        ).on(device: name)
    }
}

extension AcceleratorsPlan {
    /// A card that is not well drains its own lanes; heat that all cards share is the container's affair,
    /// and one alarm: theirs stand below it.
    var conditions: [ConditionPlan] {
        guard isPresent, !expected.isEmpty else { return [] }
        let allHot = "\(Self.roomName).all-hot"
        var conditions = [
            ConditionPlan(
                id: allHot, test: .states(point: "\(Self.roomName).cooling", named: ["all-hot"]),
                severity: .major, subject: "\(Self.roomName).cooling",
                text: "all accelerators are hot together: look at the cooling", raiseAfter: .seconds(5),
                clearAfter: .seconds(30), posture: .conserve)
        ]
        for card in expected {
            func condition(
                _ word: String, _ states: [AcceleratorHealth], _ severity: Severity, _ text: String,
                after span: Nanoseconds, drains: Bool, dependsOn: [String] = []
            ) -> ConditionPlan {
                ConditionPlan(
                    id: "\(card.name).\(word)",
                    test: .states(point: "\(card.name).health", named: states.map(\.text)), severity: severity,
                    subject: "\(card.name).health", text: "accelerator \(card.name) \(text)", raiseAfter: span,
                    clearAfter: .seconds(10), dependsOn: dependsOn, drainsAccelerator: drains ? card.name : nil)
            }
            conditions += [
                condition("failed", [.failed], .major, "has failed", after: .zero, drains: true, dependsOn: [allHot]),
                condition("absent", [.absent], .major, "is not there", after: .seconds(5), drains: true),
                condition("unknown", [.unknown], .warning, "cannot be judged", after: .seconds(30), drains: true),
                condition(
                    "degraded", [.degraded], .warning, "is degraded", after: .seconds(10), drains: false,
                    dependsOn: [allHot]),
            ]
        }
        return conditions
    }
}
