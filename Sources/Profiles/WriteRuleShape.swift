internal import Platform
internal import Site

extension Shape where Value == WriteRule {
    /// `write: {function: 6, min: 18, max: 27, settle: 500ms}`
    static func writeRule(first: Int, isBit: Bool) -> Shape {
        .object("a write rule") { fields in
            let function = fields.required("function", .writeFunction, "The function that the machine obeys")
            let register = fields.optional(
                "register", .integer(first...65535 + first), "The register written, when not the one read")
            let low = fields.optional("min", .number(), "Least value, in the point's unit")
            let high = fields.optional("max", .number(), "Greatest value")
            let complement = fields.optional(
                "complement", .flag, default: false, "The next register gets 65535 - value in the same request")
            let before = fields.optional(
                "before", .list(of: .companion(first: first)), default: [], "Writes that come first, in order")
            let after = fields.optional(
                "after", .list(of: .companion(first: first)), default: [], "Writes that follow, in order")
            let settle = fields.optional(
                "settle", .duration(.zero ... .seconds(30)), default: .zero, "Wait before reading back")
            let readBack = fields.optional(
                "readback", .readBack(first: first), default: .sameRegister, "Where the change shows; none: nowhere")
            let isDangerous = fields.optional(
                "dangerous", .flag, default: false, "Stops machines or drops load: never automatic")
            guard let function else { return nil }
            if isBit != (function == .singleCoil || function == .coils) {
                fields.report("function", "coils take 5 or 15, registers 6 or 16")
            }
            if (low == nil) != (high == nil) { fields.report("min", "'min' and 'max' go together") }
            if let low, let high, low > high { fields.report("min", "'min' is above 'max'") }
            if complement && function != .registers {
                fields.report("complement", "two registers at once need function 16")
            }
            var limits: ClosedRange<Double>?
            if let low, let high, low <= high { limits = low...high }
            return WriteRule(
                function: function, address: register.map { $0 - first }, limits: limits, hasComplement: complement,
                before: before, after: after, settle: settle, readBack: readBack, isDangerous: isDangerous)
        }
    }
}

extension Shape where Value == WriteRule.Function {
    /// A number to people and to JSON Schema, so not a choice of words.
    static var writeFunction: Shape {
        .scalar(.integer(5...16), expected: "one of 5, 6, 15, 16") { text in
            Int(text).flatMap(WriteRule.Function.init)
        }
    }
}

extension Shape where Value == WriteRule.Companion {
    static func companion(first: Int) -> Shape {
        .object("a companion write") { fields in
            let register = fields.required("register", .integer(first...65535 + first), "Register or coil number")
            let raw = fields.required("value", .integer(0...65535), "Raw value")
            let function = fields.optional("function", .writeFunction, default: .singleRegister)
            guard let register, let raw else { return nil }
            return WriteRule.Companion(function: function, address: register - first, raw: UInt16(raw))
        }
    }
}

extension Shape where Value == WriteRule.ReadBack {
    /// `none`, or `{holding: 12}`, or `{holding: 772, shows: {35701: 1}}`
    static func readBack(first: Int) -> Shape {
        let elsewhere = Shape.object("a readback") { fields in
            let place = RegisterPlace.read(fields, first: first)
            let shows = fields.optional(
                "shows", .dictionary(key: .text, of: .integer(0...65535)), default: [],
                "raw written: raw expected there")
            guard let place else { return nil }
            if shows.isEmpty { return .register(place.table, address: place.address) }
            var expected: [Int: Int] = [:]
            for (written, shown) in shows { expected[Int(written) ?? -1] = shown }
            if expected[-1] != nil { fields.report("shows", "expected whole numbers as keys") }
            return .effect(place.table, address: place.address, expected: expected)
        }
        return Shape(schema: .anyOf([.choice(["none"]), elsewhere.schema])) { node, faults in
            if case .scalar("none", _, _) = node { return WriteRule.ReadBack.none }
            return elsewhere.read(node, faults)
        }
    }
}
