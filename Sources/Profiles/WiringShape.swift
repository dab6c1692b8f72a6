internal import Site
internal import Platform

/// A line as a file names it, before lines are numbered.
struct LineDraft {
    let address: LineAddress
    let position: FilePosition
}

/// A zone as a file describes it, before its lines are numbered.
struct ZoneDraft {
    let name: String
    let position: FilePosition
    let line: LineDraft
    let complement: LineDraft?
    let bias: LineBias
    let debounce: Nanoseconds
    /// Everything but the line numbers, which are 0 here.
    let plan: ZonePlan
}

/// A ready wiring: Hardware/wiring/NAME.yaml.
public struct WiringProfile: Sendable {
    public let name: String
    public let title: String
    /// Where the pin-out was found, and whether anybody has tried it.
    public let source: String
    let zones: [ZoneDraft]
}

extension ZoneDraft: Sendable {}
extension LineDraft: Sendable {}

extension Shape where Value == WiringProfile {
    /// A file of Hardware/wiring.
    static func wiring(_ name: String) -> Shape {
        .object("a wiring") { fields in
            let title = fields.required("title", .text, "What people call this wiring")
            let source = fields.required("source", .text, "Where the pin-out was found, and whether it was tried")
            let zones = fields.required(
                "zones", .zones, "The zones, by name")
            guard let title, let source, let zones else { return nil }
            return WiringProfile(name: name, title: title, source: source, zones: zones)
        }
    }
}

extension Shape where Value == [ZoneDraft] {
    static var zones: Shape {
        Shape<[(key: String, value: ZoneDraft)]>.dictionary(of: .zone).map { entries in
            entries.map { $0.value.named($0.key) }
        }
    }
}

extension ZoneDraft {
    func named(_ name: String) -> ZoneDraft {
        let named = ZonePlan(
            name: name, title: plan.title.isEmpty ? name : plan.title, kind: plan.kind, line: 0,
            isNormallyClosed: plan.isNormallyClosed, closedReadsHigh: plan.closedReadsHigh,
            is24Hour: plan.is24Hour, isInForceInStay: plan.isInForceInStay, entryDelay: plan.entryDelay,
            isBypassable: plan.isBypassable, swinger: plan.swinger)
        return ZoneDraft(
            name: name, position: position, line: line, complement: complement, bias: bias, debounce: debounce,
            plan: named)
    }
}

extension Shape where Value == LineDraft {
    /// `DOOR1`, or `{chip: LABEL, offset: N}`.
    static var line: Shape {
        let place = Shape<LineAddress>.object("a line's place on a chip") { fields in
            let chip = fields.required("chip", .text, "The chip's label, as `gpio list` shows it")
            // 1,023: no chip in the kernel has more lines than the old global numbering had.
            let offset = fields.required("offset", .integer(0...1023), "The line's number on the chip")
            guard let chip, let offset else { return nil }
            return .place(chip: chip, offset: offset)
        }
        let name = Shape<String>.text.map(LineAddress.name)
        return Shape(schema: .anyOf([name.schema, place.schema])) { node, faults in
            if case .mapping = node {
                return place.read(node, faults).map { LineDraft(address: $0, position: node.position) }
            }
            guard case .scalar(let text, _, _) = node, !text.isEmpty else {
                faults.report(
                    node.position, "found \(node.found), expected a line: its name, or {chip: LABEL, offset: NUMBER}")
                return nil
            }
            return LineDraft(address: .name(text), position: node.position)
        }
    }
}

extension Shape where Value == SwingerPlan {
    static var swinger: Shape {
        .object("swinger") { fields in
            let usual = SwingerPlan.usual
            let count = fields.optional(
                "count", .integer(2...100), default: usual.count, "Activations before the zone is quieted")
            let window = fields.optional(
                "window", .duration(.seconds(10)...(.seconds(86_400))), default: usual.window, "The time they fall in")
            let rest = fields.optional(
                "rest", .duration(.seconds(10)...(.seconds(86_400))), default: usual.rest,
                "How long the zone must be at rest before it is heard again")
            return SwingerPlan(count: count, window: window, rest: rest)
        }
    }
}

extension Shape where Value == ZoneDraft {
    static var zone: Shape {
        .object("a zone") { fields in
            let title = fields.optional("title", .text, "What people call it")
            let kind = fields.required(
                "kind", .choice(ZoneKind.allCases.map { ($0.rawValue, $0) }), "What it senses")
            let line = fields.required("line", .line, "The input: a line's name, or {chip: LABEL, offset: NUMBER}")
            let complement = fields.optional(
                "complement", .line,
                "The other side of a changeover contact: with it a short and a cut are told from normal and alarm")
            let isNormallyClosed = fields.optional(
                "normal", .choice([("closed", true), ("open", false)]), default: true,
                "The contact while all is well; closed makes a cut wire read as an alarm")
            let closedReadsHigh = fields.optional(
                "closed-reads", .choice([("low", false), ("high", true)]), default: false,
                "The line's level while the contact is closed: low to ground, high behind most opto-inputs")
            let bias = fields.optional(
                "bias",
                .choice([("as-is", .asIs), ("pull-up", .pullUp), ("pull-down", .pullDown), ("off", .disabled)]),
                default: LineBias.asIs, "The chip's own resistor, where it has one")
            let usual = kind ?? .contact
            let debounce = fields.optional(
                "debounce", .duration(.zero...usual.debounceMax), default: usual.usualDebounce,
                "How long a level must hold before it counts")
            let is24Hour = fields.optional("24-hour", .flag, "In force whatever the arming")
            let stay = fields.optional("stay", .flag, "In force also while somebody stays inside")
            // EN 50131: an entry timer of at most 45 s.
            let entryDelay = fields.optional(
                "entry-delay", .duration(.zero...(.seconds(45))), default: .zero,
                "Time to disarm after this zone opens; 0s: an instant zone")
            let isBypassable = fields.optional("bypass", .flag, default: true, "May it be bypassed")
            let swinger = fields.optional("swinger", .swinger, default: .usual, "When a flapping zone is quieted")
            guard let kind, let line else { return nil }
            reportContradictions(fields, kind, is24Hour: is24Hour, entryDelay: entryDelay)
            return ZoneDraft(
                name: "", position: fields.position, line: line, complement: complement, bias: bias,
                debounce: debounce,
                plan: ZonePlan(
                    name: "", title: title ?? "", kind: kind, line: 0, isNormallyClosed: isNormallyClosed,
                    closedReadsHigh: closedReadsHigh, is24Hour: is24Hour, isInForceInStay: stay,
                    entryDelay: entryDelay, isBypassable: isBypassable, swinger: swinger))
        }
    }

    private static func reportContradictions(
        _ fields: Fields, _ kind: ZoneKind, is24Hour: Bool?, entryDelay: Nanoseconds
    ) {
        if kind.isAlways24Hour && is24Hour == false {
            fields.report("24-hour", "found 'false', but a \(kind.rawValue) zone is never disarmed")
        }
        if (is24Hour ?? kind.isAlways24Hour) && entryDelay > .zero {
            fields.report("entry-delay", "a 24-hour zone is in force at once: it has no entry delay")
        }
    }
}

extension ZoneKind {
    /// EN 50131 wants an intruder or tamper signal of 400 ms recognised, and a fault of 10 s.
    var debounceMax: Nanoseconds {
        switch self {
        case .door, .motion, .tamper: .milliseconds(400)
        case .smoke, .leak, .mains, .contact: .seconds(10)
        }
    }
}
