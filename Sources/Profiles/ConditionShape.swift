internal import Platform
internal import Site

extension Shape where Value == Severity {
    static var severity: Shape { .choice(Severity.allCases.map { ($0.text, $0) }) }
}

extension Shape where Value == PostureState {
    static var postureState: Shape { .choice(PostureState.allCases.map { ($0.text, $0) }) }
}

/// A condition as the file has it: its id is the key above it.
struct ConditionFile {
    var plan: ConditionPlan
}

extension Shape where Value == ConditionFile {
    /// `aisle-hot: {point: aisle.temperature, above: 35, for: 30s, severity: major, text: ...}`
    static var condition: Shape {
        .object("a condition") { fields in
            let test = ConditionTestFile(fields)
            let severity = fields.required("severity", .severity, "How grave it is")
            let text = fields.required("text", .text, "One sentence: what is wrong and what to do")
            let subject = fields.optional("subject", .pointName, "What is wrong; without it, the point")
            let raiseAfter = fields.optional(
                "for", .duration(.zero ... .seconds(86_400)), default: test.usualDelay, "Raised when it held this long")
            let clearAfter = fields.optional(
                "clear-after", .duration(.zero ... .seconds(86_400)), default: .seconds(10),
                "Over when it was over this long")
            let isLatched = fields.optional(
                "latch", .flag, default: false, "Stays in the list until somebody acknowledges it")
            let dependsOn = fields.optional(
                "depends-on", .list(of: .alarmPattern), default: [], "While one of these stands, it is a consequence")
            let posture = fields.optional("posture", .postureState, "What the container does while it stands")
            let watts = fields.optional(
                "watts", .number(0...1e9), "With posture: conserve, what the accelerators may draw together")
            let drains = fields.optional("drains", .word, "Only this accelerator's lanes drain while it stands")
            let whenUnknown = fields.optional(
                "if-unknown",
                .choice([("hold", ConditionPlan.WhenUnknown.hold), ("raise", .raise)]),
                "While its points cannot be read: stay as it is, or raise (usual where it drains or more)"
            )
            guard let made = test.make(), let severity, let text else { return nil }
            return ConditionFile(
                plan: ConditionPlan(
                    id: "", test: made, severity: severity, subject: subject ?? "", text: text, raiseAfter: raiseAfter,
                    clearAfter: clearAfter, isLatched: isLatched, dependsOn: dependsOn,
                    whenUnknown: whenUnknown ?? (posture.map { $0 >= .drain } == true ? .raise : .hold),
                    posture: posture, postureWatts: watts, drainsAccelerator: drains))
        }
    }
}

/// The keys that say what is looked at; exactly one kind of test among them.
private struct ConditionTestFile {
    private let fields: Fields
    private let point, other: String?
    private let above, below, hysteresis, perMinute, by: Double?
    private let window: Nanoseconds
    private let states, points, among: [String]?
    private let atLeast: Int?

    init(_ fields: Fields) {
        self.fields = fields
        point = fields.optional("point", .existingPoint, "The point it looks at")
        above = fields.optional("above", .number(), "It holds above this")
        below = fields.optional("below", .number(), "It holds below this")
        hysteresis = fields.optional("hysteresis", .number(0...1e12), "How far back it must come to be over")
        states = fields.optional("is", .list(of: .text, atLeast: 1), "It holds in these states of the point")
        perMinute = fields.optional("moves-faster-than", .number(0...1e12), "It holds when it moves faster, per minute")
        window = fields.optional(
            "window", .duration(.seconds(1) ... .seconds(86_400)), default: .seconds(60), "Seen over this time")
        points = fields.optional(
            "absent", .list(of: .existingPoint, atLeast: 1), "It holds when none of these points has a good reading")
        other = fields.optional("differs-from", .existingPoint, "It holds when the point and this one are apart")
        by = fields.optional("by", .number(0...1e12), "By more than this")
        atLeast = fields.optional("at-least", .integer(1...1000), "It holds when so many of these conditions do")
        among = fields.optional("of", .list(of: .pointName, atLeast: 1), "The conditions that are counted")
    }

    /// No data is judged after a minute, all else at once.
    var usualDelay: Nanoseconds { points != nil ? .seconds(60) : .zero }

    func make() -> ConditionPlan.Test? {
        let kinds: [(String, Bool)] = [
            ("above", above != nil), ("below", below != nil), ("is", states != nil),
            ("moves-faster-than", perMinute != nil), ("absent", points != nil), ("differs-from", other != nil),
            ("at-least", atLeast != nil),
        ]
        let given = kinds.filter(\.1).map(\.0)
        guard given.count == 1 else {
            // A key that was given and is faulty has been reported already.
            if kinds.allSatisfy({ !fields.has($0.0) }) || given.count > 1 {
                fields.report(
                    given.last ?? "point",
                    "found \(given.isEmpty ? "no test" : given.joined(separator: " and ")), expected one of "
                        + kinds.map(\.0).joined(separator: ", "))
            }
            return nil
        }
        if let points { return .absent(points: points) }
        if let atLeast { return counted(atLeast) }
        guard let point else {
            if !fields.has("point") { fields.report("point", "'point' is missing: what does it look at?") }
            return nil
        }
        // Two percent back, where the file does not say: noise at the limit must not flap.
        if let above { return .above(point: point, limit: above, hysteresis: hysteresis ?? Swift.abs(above) * 0.02) }
        if let below { return .below(point: point, limit: below, hysteresis: hysteresis ?? Swift.abs(below) * 0.02) }
        if let states { return .states(point: point, named: states) }
        if let perMinute { return .movesFasterThan(point: point, perMinute: perMinute, window: window) }
        guard let other, let by else {
            fields.report("differs-from", "'by' is missing: how far apart may they be?")
            return nil
        }
        return .apart(point: point, from: other, limit: by, hysteresis: hysteresis ?? by * 0.1)
    }

    private func counted(_ count: Int) -> ConditionPlan.Test? {
        guard let among else {
            fields.report("at-least", "'of' is missing: which conditions are counted?")
            return nil
        }
        if count > among.count { fields.report("at-least", "found \(count) of only \(among.count) conditions") }
        return .atLeast(count: count, of: among)
    }
}
