internal import Platform
internal import Site

extension Shape where Value == ControlPlan {
    /// The site file's `control` section.
    static func control(_ library: HardwareLibrary) -> Shape {
        .object("control") { fields in
            let conditions = fields.optional(
                "conditions", .dictionary(key: .pointName, of: .condition), default: [],
                "What may be wrong, by the alarm's id; besides what the machines' profiles bring")
            let switchedOff = fields.optional(
                "without", .list(of: .pointName), default: [], "Conditions of profiles that this site does without")
            let posture = fields.optional(
                "posture", .posturePart, default: PosturePart(), "What the container does about alarms")
            let flood = fields.optional("flood", .floodPlan, default: FloodPlan(), "When alarms come too fast")
            let feeds = fields.optional(
                "feeds", .dictionary(of: .powerFeed), default: [], "Electrical feeds, by the tag the outside knows")
            let effectiveness = fields.optional(
                "pue", .effectiveness, "Power usage effectiveness (ISO/IEC 30134-2)")
            let lanes = fields.optional(
                "lanes", .list(of: .laneEnergy), default: [], "What the serving plane's lanes draw")
            let writable = fields.optional(
                "writable", .dictionary(key: .pointName, of: .writable), default: [],
                "Points that may be written, and the fence around each; nothing else is ever written")
            let plan = ControlPlan(
                conditions: conditions.map { entry in
                    var condition = entry.value.plan
                    condition.id = entry.key
                    if condition.subject.isEmpty { condition.subject = condition.points.first ?? entry.key }
                    return condition
                },
                switchedOff: switchedOff,
                postureRules: posture.rules, keepsUsualPostures: posture.usual,
                postureHold: posture.hold, startGrace: posture.grace, flood: flood,
                feeds: feeds.map { tag, feed in
                    var feed = feed
                    feed.tag = tag
                    return feed
                },
                effectiveness: effectiveness, lanes: lanes,
                writable: writable.map { point, fence in
                    var fence = fence
                    fence.point = point
                    return fence
                })
            checkNames(fields)
            return plan
        }
    }
}

/// Conditions that name conditions: those must exist, and no chain of causes may bite its own tail.
private func checkNames(_ fields: Fields) {
    fields.whenWhole { plan, table, report in
        let conditions = plan.allConditions
        let ids = Set(conditions.map(\.id))
        for condition in conditions {
            if case .atLeast(_, let others) = condition.test {
                for id in others where !ids.contains(id) {
                    report("conditions", "'\(condition.id)' counts the condition '\(id)', which does not exist")
                }
            }
            if case .states(let point, let names) = condition.test, let id = table.id(of: point) {
                checkStates(condition.id, table[id], names, report)
            }
            if isItsOwnCause(condition.id, conditions) {
                report("conditions", "'\(condition.id)' depends on itself, over other conditions")
            }
        }
        for id in plan.control.switchedOff where !plan.deviceConditionIDs.contains(id) {
            report("without", "no machine of this site brings the condition '\(id)'")
        }
    }
}

private func checkStates(
    _ condition: String, _ point: PointDefinition, _ names: [String], _ report: (String, String) -> Void
) {
    guard case .state(let texts) = point.kind else {
        if names.contains(where: { Int($0) == nil }) {
            report("conditions", "'\(condition)': the point '\(point.name)' has no states, only numbers")
        }
        return
    }
    for name in names where Int(name) == nil && !texts.contains(where: { $0.text == name }) {
        report(
            "conditions",
            "'\(condition)': '\(point.name)' is never '\(name)'; it knows "
                + texts.map(\.text).joined(separator: ", "))
    }
}

private func isItsOwnCause(_ id: String, _ conditions: [ConditionPlan]) -> Bool {
    var reached: Set<String> = []
    var open = conditions.first { $0.id == id }?.dependsOn ?? []
    while let next = open.popLast() {
        if next == id { return true }
        guard reached.insert(next).inserted else { continue }
        open += conditions.first { $0.id == next }?.dependsOn ?? []
    }
    return false
}

/// The `posture` part of the section.
struct PosturePart {
    var rules: [PostureRulePlan] = []
    var usual = true
    var hold = Nanoseconds.seconds(30)
    var grace = Nanoseconds.seconds(10)
}

extension Shape where Value == PosturePart {
    static var posturePart: Shape {
        .object("posture") { fields in
            PosturePart(
                rules: fields.optional(
                    "rules", .list(of: .postureRule), default: [], "The strictest that holds counts"),
                usual: fields.optional(
                    "usual-postures", .flag, default: true,
                    "Alarms that the machines' profiles bring have the posture that ships with the agent"),
                hold: fields.optional(
                    "hold", .duration(.zero ... .seconds(3600)), default: .seconds(30),
                    "A posture is kept this long after its cause has gone"),
                grace: fields.optional(
                    "start-grace", .duration(.zero ... .seconds(600)), default: .seconds(10),
                    "After the start it drains until what it rests on was read, this long at most"))
        }
    }
}

extension Shape where Value == PostureRulePlan {
    static var postureRule: Shape {
        .object("a posture rule") { fields in
            let alarms = fields.required(
                "when", .list(of: .alarmPattern, atLeast: 1), "While any of these alarms stands")
            let state = fields.required("state", .postureState, "What the container does")
            let watts = fields.optional("watts", .number(0...1e9), "With conserve: what the accelerators may draw")
            guard let alarms, let state else { return nil }
            if watts != nil, state != .conserve { fields.report("watts", "'watts' belongs to conserve alone") }
            return PostureRulePlan(alarms: alarms, state: state, watts: watts)
        }
    }
}

extension Shape where Value == FloodPlan {
    static var floodPlan: Shape {
        .object("flood") { fields in
            let usual = FloodPlan()
            return FloodPlan(
                alarms: fields.optional("alarms", .integer(1...10_000), default: usual.alarms, "More than this many"),
                window: fields.optional(
                    "window", .duration(.seconds(1) ... .seconds(3600)), default: usual.window, "within this time"),
                chatterCount: fields.optional(
                    "chatter-count", .integer(2...1000), default: usual.chatterCount,
                    "One alarm this often is kept raised until it is quiet"),
                chatterWindow: fields.optional(
                    "chatter-window", .duration(.seconds(1) ... .seconds(86_400)), default: usual.chatterWindow,
                    "within this time"))
        }
    }
}
