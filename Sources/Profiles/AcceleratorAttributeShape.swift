internal import Platform
internal import Site

extension Shape where Value == AcceleratorAttribute {
    /// One file of a card, as layouts write it.
    static var acceleratorAttribute: Shape {
        .object("an attribute") { fields in
            let point = fields.optional("point", .pointName, "The point's name after the card's: temperature.soc")
            let title = fields.optional("title", .text, "What people call it")
            let place = fields.optional(
                "place", .text, default: "device", "device, port, or one of the layout's places")
            let source = fields.acceleratorSource()
            let parser = fields.optional("parse", .acceleratorParser, default: .integer, "How the text becomes a value")
            let scale = fields.optional("scale", .number(), default: 1, "What the number is multiplied by")
            let unit = fields.optional("unit", .choice(Unit.allCases.map { ($0.rawValue, $0) }), default: .none, "Unit")
            let tier = fields.optional(
                "tier", .choice(AcceleratorAttribute.Tier.allCases.map { ($0.rawValue, $0) }), default: .fast,
                "How often: liveness, fast, slow, once (the site says how long each is)")
            let role = fields.optional(
                "role", .choice(AcceleratorAttribute.Role.allCases.map { ($0.rawValue, $0) }),
                "What the value is for, beyond being shown")
            let wakes = fields.optional(
                "wakes", .flag, default: false, "Reading it would wake a sleeping card: left alone unless it is awake")
            let versions = fields.optional("versions", .versionRange, "Driver versions that have it: '>=1.2 <4'")
            let except = fields.optional(
                "except-devices", .list(of: .integer(0...0xFFFF)), default: [], "Device ids where a read does harm")
            let required = fields.optional("required", .flag, default: false, "Without it the card's health is unknown")
            let plausible = fields.optional("plausible", .numberRange, "What is physically possible: [lowest, highest]")
            let states = fields.optional("states", .acceleratorStates, default: [], "The values it can have")
            let checks = fields.optional("checks", .list(of: .acceleratorCheck), default: [], "When it is a fault")
            let verified = fields.optional(
                "verified", .flag, default: true, "False while the source of its meaning is unconfirmed")
            let limit = fields.optional(
                "transitional-limit", .duration(.seconds(1)...(.seconds(86_400))), default: .seconds(120),
                "A transitional state that lasts longer is a fault")
            guard let source else { return nil }
            if case .state = parser, states.isEmpty { fields.report("parse", "'state' needs 'states'") }
            if point == nil && role == nil && fields.has("file") {
                fields.report("file", "has neither 'point' nor 'role': nothing would come of reading it")
            }
            return AcceleratorAttribute(
                point: point ?? "", title: title ?? point ?? role?.rawValue ?? "", place: place, source: source,
                parser: parser, scale: scale, unit: unit, tier: tier, role: role, wakes: wakes, versions: versions,
                exceptDevices: except, isRequired: required, plausible: plausible, states: states, checks: checks,
                isVerified: verified, transitionalLimit: limit)
        }
    }
}

extension Fields {
    fileprivate func acceleratorSource() -> AcceleratorAttribute.Source? {
        let file = optional("file", .relativePath, "The file's name below the place")
        let sensor = optional("sensor", .word, "A hwmon channel instead: temp, power, in, curr, fan, freq")
        let label = optional("label", .text, "Its label; the channel's number is never used, because drivers move it")
        let item = optional("item", .text, default: "input", "Which of the channel's files: input, average, cap")
        if let file, sensor == nil, label == nil { return .file(file) }
        if file == nil, let sensor, let label { return .sensor(kind: sensor, label: label, item: item) }
        report("file", "an attribute is either 'file', or 'sensor' and 'label' together")
        return nil
    }
}

extension Shape where Value == AcceleratorAttribute.Parser {
    static var acceleratorParser: Shape {
        let plain: [String: Value] = [
            "integer": .integer, "leading-number": .leadingNumber, "text": .text, "state": .state, "mean": .mean,
            "largest": .largest, "starred": .starred, "is-filled": .isFilled, "answers-on-bus": .answersOnBus,
        ]
        let expected =
            plain.keys.sorted().joined(separator: ", ") + ", 'key:NAME', 'column:N' or 'sum-except:NAME,NAME'"
        return .scalar(.string(minLength: 1), expected: expected) { text in
            if let parser = plain[text] { return parser }
            guard let colon = text.firstIndex(of: ":") else { return text == "sum" ? .sumExcept([]) : nil }
            let rest = String(text[text.index(after: colon)...])
            switch text[..<colon] {
            case "key" where !rest.isEmpty: return .keyed(rest)
            case "column": return Int(rest).flatMap { $0 >= 1 ? .column($0) : nil }
            case "sum-except": return .sumExcept(rest.split(separator: ",").map { String($0.drop { $0 == " " }) })
            default: return nil
            }
        }
    }
}

extension Shape where Value == VersionRange {
    static var versionRange: Shape {
        .scalar(.string(minLength: 2), expected: "versions such as '>=1.2 <4'") { VersionRange($0) }
    }
}

extension Shape where Value == [AcceleratorAttribute.State] {
    static var acceleratorStates: Shape {
        .list(of: Shape<AcceleratorAttribute.State>.acceleratorState).then { states, node, faults in
            // Two texts for one code would be a point that says two things at once.
            for (index, state) in states.enumerated() {
                if let other = states[..<index].first(where: { $0.code == state.code && $0.text != state.text }) {
                    faults.report(
                        node.position,
                        "code \(state.code) is both '\(other.text)' and '\(state.text)': give one a 'number'")
                }
            }
            return states
        }
    }
}

extension Shape where Value == AcceleratorAttribute.State {
    static var acceleratorState: Shape {
        .object("a state") { fields in
            let value = fields.required("is", .text, "What the file says")
            let number = fields.optional("number", .integer(), "The point's number for it; else what the file says")
            let text = fields.required("text", .text, "What people read")
            let health = fields.optional("health", .acceleratorHealth, default: .ok, "What the card's health is then")
            let action = fields.optional("action", .acceleratorAction, default: .observe, "What a person should do")
            let versions = fields.optional("versions", .versionRange, "Driver versions in which it means this")
            let fault = fields.optional(
                "code", .pointName, "The finding's word for programs; temperature.* where it comes of heat")
            guard let value, let text else { return nil }
            guard let code = number ?? Int(value) else {
                fields.report("is", "'\(value)' is no number: give the state a 'number'")
                return nil
            }
            return AcceleratorAttribute.State(
                value: value, code: code, text: text, health: health, action: action, versions: versions,
                faultCode: fault)
        }
    }
}

extension Shape where Value == AcceleratorAttribute.Check {
    static var acceleratorCheck: Shape {
        .object("a check") { fields in
            let above = fields.optional("above", .number(), "A fault above this")
            let below = fields.optional("below", .number(), "A fault below this")
            let clear = fields.optional("clear", .number(), "Well again from here; else at the limit itself")
            let of = fields.optional(
                "of", .list(of: .integer(1...60), atLeast: 2, atMost: 2), default: [3, 5],
                "How many of the last readings: [3, 5]")
            let rises = fields.optional("rises", .number(0...1e9), "A counter that grows by more than this in a minute")
            let hold = fields.optional(
                "hold", .duration(.seconds(1)...(.seconds(604_800))), default: .seconds(600),
                "How long a rise is shown after it ended")
            let moves = fields.optional(
                "moves-within", .duration(.seconds(1)...(.seconds(86_400))), "Once seen to move, it moves within this")
            let frozen = fields.optional(
                "frozen-for", .duration(.seconds(1)...(.seconds(86_400))), "Once seen to move, a standstill this long")
            let verdict = fields.verdict()
            let rules: [AcceleratorAttribute.Check.Rule] = [
                above.map { .above(limit: $0, clear: clear ?? $0, count: of[0], window: of[1]) },
                below.map { .below(limit: $0, clear: clear ?? $0, count: of[0], window: of[1]) },
                rises.map { .rises(perMinute: $0, hold: hold) }, moves.map { .movesWithin($0) },
                frozen.map { .frozenFor($0) },
            ].compactMap { $0 }
            if rules.count != 1 {
                fields.report("code", "a check has exactly one of above, below, rises, moves-within, frozen-for")
            }
            if of[0] > of[1] { fields.report("of", "\(of[0]) of the last \(of[1]) can never be") }
            if let above, let clear, clear > above { fields.report("clear", "stands above the limit it should clear") }
            if let below, let clear, clear < below { fields.report("clear", "stands below the limit it should clear") }
            guard let rule = rules.first, let verdict else { return nil }
            return AcceleratorAttribute.Check(rule: rule, verdict: verdict)
        }
    }
}
