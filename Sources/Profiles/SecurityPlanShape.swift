internal import Site
internal import Platform

extension Shape where Value == SecurityPlan {
    /// Bounds of a container: 256 lines are four requests of the kernel's 64.
    static var linesMax: Int { 256 }

    /// The site file's `security` section.
    static func security(_ library: HardwareLibrary) -> Shape {
        .object("security") { fields in
            let wiring = fields.optional("wiring", .wiringName(library), "A ready wiring of Hardware/wiring")
            let own = fields.optional(
                "zones", .zones, default: [], "Zones; one of the same name replaces the wiring's")
            let chosen = fields.optional(
                "source",
                .choice([("gpio", LineSourcePlan.gpio), ("libgpiod", .libgpiod), ("simulated", .simulated(socket: ""))]
                ),
                default: LineSourcePlan.gpio,
                "Where lines are read: the kernel's GPIO chips (gpio; libgpiod where gpio has trouble), or the "
                    + "make-believe container")
            let isSimulated = chosen != .gpio && chosen != .libgpiod
            let socket = fields.optional("socket", .text, "The make-believe container's Unix socket")
            let usual = ArmingPlan()
            // Manuals citing EN 50131 give exit timers up to 120 s.
            let exitDelay = fields.optional(
                "exit-delay", .duration(.zero...(.seconds(120))), default: usual.exitDelay, "Time to leave")
            let entryGrace = fields.optional(
                "entry-grace", .duration(.zero...(.seconds(45))), default: usual.entryGrace,
                "An alarm during entry is local first, and reported after this")
            let bypassMax = fields.optional(
                "bypass-max", .duration(.seconds(60)...(.seconds(7 * 86_400))), default: usual.bypassMax,
                "A bypass ends by itself after this at the latest")
            if isSimulated && socket == nil { fields.report("source", "source simulated needs 'socket'") }
            if !isSimulated && socket != nil { fields.report("socket", "'socket' belongs to source simulated") }
            let replaced = Set(own.map(\.name))
            let drafts = (wiring?.zones ?? []).filter { !replaced.contains($0.name) } + own
            return SecurityPlan.resolved(
                drafts, source: isSimulated ? .simulated(socket: socket ?? "") : chosen,
                arming: ArmingPlan(exitDelay: exitDelay, entryGrace: entryGrace, bypassMax: bypassMax), fields)
        }
    }
}

extension Shape where Value == WiringProfile {
    static func wiringName(_ library: HardwareLibrary) -> Shape {
        Shape<String>.text.then { name, node, faults in
            if let wiring = library.wirings[name] { return wiring }
            let known = library.wiringNames.joined(separator: ", ")
            faults.report(
                node.position,
                "no wiring '\(name)' in \(library.folder)/wiring; "
                    + (known.isEmpty ? "there is none" : "known: \(known)"))
            return nil
        }
    }
}

extension SecurityPlan {
    /// Numbers the lines and refuses one that two zones claim.
    fileprivate static func resolved(
        _ drafts: [ZoneDraft], source: LineSourcePlan, arming: ArmingPlan, _ fields: Fields
    ) -> SecurityPlan {
        var lines: [LinePlan] = []
        var owners: [LineAddress: (zone: String, position: FilePosition)] = [:]
        func number(_ line: LineDraft, _ draft: ZoneDraft) -> Int {
            if let owner = owners[line.address] {
                fields.report(
                    at: line.position,
                    "zone '\(draft.name)' wants line \(line.address.text), "
                        + "which is zone '\(owner.zone)'s already (\(owner.position))")
            }
            owners[line.address] = (draft.name, line.position)
            lines.append(
                LinePlan(
                    address: line.address, bias: draft.bias, debounce: draft.debounce,
                    writtenAt: line.position.description))
            return lines.count - 1
        }
        let zones = drafts.map { draft in
            draft.plan.wired(line: number(draft.line, draft), complement: draft.complement.map { number($0, draft) })
        }
        if lines.count > Shape<SecurityPlan>.linesMax {
            fields.report("zones", "found \(lines.count) lines, expected at most \(Shape<SecurityPlan>.linesMax)")
        }
        return SecurityPlan(
            source: source, lines: lines, zones: zones, arming: arming, points: SecurityPlan.points(of: zones))
    }
}

extension ZonePlan {
    func wired(line: Int, complement: Int?) -> ZonePlan {
        ZonePlan(
            name: name, title: title, kind: kind, line: line, complement: complement,
            isNormallyClosed: isNormallyClosed, closedReadsHigh: closedReadsHigh, is24Hour: is24Hour,
            isInForceInStay: isInForceInStay, entryDelay: entryDelay, isBypassable: isBypassable, swinger: swinger)
    }
}
