internal import Glibc
internal import Platform
internal import Profiles
internal import Security
internal import Site

/// `gpio list|watch|test`, `arm`, `disarm`, `bypass`: the container's skin in a technician's hands.
enum SecurityCommands {
    static let all = [list, watch, test, arm, disarm, bypass]

    // MARK: - gpio list

    static let list = Command(
        "gpio", "list", summary: "Every GPIO line: its name, who holds it, which zone it is",
        discussion: """
            Reads the chips themselves; works beside a running agent. A line's zone is shown where the site
            file can be read. Lines that the site file names and no chip has are findings (exit 1). Where the
            lines are the make-believe container's, those that the site file names are shown.
            """
    ) { invocation in
        let catalogue = ChipCatalogue.read()
        let plan = securityPlan(invocation)
        let missing = missingLines(catalogue, plan)
        if invocation.wantsJSON {
            writeList(invocation.console, catalogue, plan, missing)
        } else {
            showList(invocation.console, catalogue, plan, missing)
        }
        if catalogue.chips.isEmpty, plan?.simulatedSocket != nil { return .healthy }
        if catalogue.chips.isEmpty { return catalogue.unreadable.isEmpty ? .noInput : .noPermission }
        return missing.isEmpty && catalogue.unreadable.isEmpty ? .healthy : .finding
    }

    /// Nil where there is no site file: these commands work on a bare machine too. One that is there and
    /// cannot be used is said.
    static func securityPlan(_ invocation: Invocation) -> SecurityPlan? {
        do throws(SiteFile.Refused) {
            return try SiteFile.load(
                invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder
            ).security
        } catch {
            let isThere = unsafe access(invocation.sitePath, F_OK) == 0
            if isThere || invocation["--site"] != nil {
                invocation.console.trouble(
                    error.faults.first?.description ?? "\(invocation.sitePath) cannot be used",
                    remedy: "mdc-agent check says all that is wrong with it; zones are unknown until then")
            }
            return nil
        }
    }

    static func missingLines(_ catalogue: ChipCatalogue, _ plan: SecurityPlan?) -> [(LinePlan, LineFault)] {
        guard let plan, plan.source == .gpio || plan.source == .libgpiod else { return [] }
        return plan.lines.compactMap { line in
            if case .missing(let fault) = catalogue.find(line.address) { (line, fault) } else { nil }
        }
    }

    private static func zone(_ chip: ChipDescription, _ line: LineDescription, _ plan: SecurityPlan?) -> ZonePlan? {
        plan?.lines.first { candidate in
            switch candidate.address {
            case .name(let name): name == line.name
            case .place(let label, let offset): (label == chip.label || label == chip.name) && offset == line.offset
            }
        }.flatMap { plan?.zone(of: $0) }
    }

    private static func showList(
        _ console: Console, _ catalogue: ChipCatalogue, _ plan: SecurityPlan?, _ missing: [(LinePlan, LineFault)]
    ) {
        if let plan, let socket = plan.simulatedSocket {
            console.line(console.inked("make-believe lines", .strong) + " \(socket), \(plan.lines.count) lines")
            console.table(
                ["NAME", "ZONE"],
                plan.lines.map { line in
                    [
                        .init(line.name, .strong),
                        .init(plan.zone(of: line).map { "\($0.name) (\($0.kind.rawValue))" } ?? "-"),
                    ]
                })
        } else if catalogue.chips.isEmpty, catalogue.unreadable.isEmpty {
            console.trouble("no GPIO chip on this machine", remedy: "ls /dev/gpiochip*; is its driver loaded?")
        }
        for chip in catalogue.chips {
            console.line(console.inked("\(chip.label)", .strong) + " \(chip.path), \(chip.lines.count) lines")
            console.table(
                ["LINE", "NAME", "HELD BY", "DIRECTION", "BIAS", "ZONE"],
                chip.lines.map { line in
                    [
                        .init("\(line.offset)", .faint), .init(line.name.isEmpty ? "-" : line.name, .strong),
                        .init(line.isUsed ? (line.consumer.isEmpty ? "kernel" : line.consumer) : "-"),
                        .init(line.isOutput ? "output" : "input"), .init(line.bias.text),
                        .init(zone(chip, line, plan).map { "\($0.name) (\($0.kind.rawValue))" } ?? "-"),
                    ]
                })
        }
        for error in catalogue.unreadable {
            console.trouble("\(error)", remedy: "join the group gpio (adduser $USER gpio), or use sudo")
        }
        for (line, fault) in missing { console.trouble("\(line.writtenAt): line \(line.name): \(fault.text)") }
    }

    private static func writeList(
        _ console: Console, _ catalogue: ChipCatalogue, _ plan: SecurityPlan?, _ missing: [(LinePlan, LineFault)]
    ) {
        console.json { writer in
            writer.beginObject()
            writer.field("libgpiod", ChipCatalogue.libgpiodMajor)
            writer.beginArray("chips")
            for chip in catalogue.chips {
                writer.beginObject()
                writer.field("path", chip.path)
                writer.field("name", chip.name)
                writer.field("label", chip.label)
                writer.beginArray("lines")
                for line in chip.lines {
                    writer.beginObject()
                    writer.field("offset", line.offset)
                    writer.field("name", line.name)
                    writer.field("used", line.isUsed)
                    writer.field("consumer", line.consumer)
                    writer.field("direction", line.isOutput ? "output" : "input")
                    writer.field("activeLow", line.isActiveLow)
                    writer.field("bias", line.bias.text)
                    writer.field("zone", zone(chip, line, plan)?.name)
                    writer.endObject()
                }
                writer.endArray()
                writer.endObject()
            }
            writer.endArray()
            if let plan, let socket = plan.simulatedSocket {
                writer.beginObject("simulated")
                writer.field("socket", socket)
                writer.beginArray("lines")
                for line in plan.lines {
                    writer.beginObject()
                    writer.field("name", line.name)
                    writer.field("zone", plan.zone(of: line)?.name)
                    writer.endObject()
                }
                writer.endArray()
                writer.endObject()
            }
            writer.beginArray("missing")
            for (line, fault) in missing {
                writer.beginObject()
                writer.field("line", line.name)
                writer.field("at", line.writtenAt)
                writer.field("text", fault.text)
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
    }

    // MARK: - arm, disarm, bypass

    static let arm = Command(
        "arm", summary: "Arm the container: doors (and motion, when away) raise alarms from now on",
        discussion: """
            `mdc-agent arm` arms away: after the exit time every zone is in force. `mdc-agent arm stay` leaves
            out what moves inside. Refused while a zone is open or cannot be read: the answer names it.
            """, arguments: [.init("MODE", "away (the default) or stay", isOptional: true)]
    ) { invocation in
        let mode = invocation.arguments.first ?? "away"
        guard mode == "away" || mode == "stay" else {
            invocation.console.trouble("arm: found '\(mode)', expected away or stay")
            return .usage
        }
        return invocation.act("arm") { $0.field("state", mode) }
    }

    static let disarm = Command(
        "disarm", summary: "Disarm the container: somebody who belongs here is inside",
        discussion: "Smoke, leak and tamper stay in force. Bypasses of doors and motion end."
    ) { $0.act("disarm") { _ in } }

    static let bypass = Command(
        "bypass", summary: "Leave one zone out for a while, or take it in again",
        discussion: "The bypass ends by itself (site file, bypass-max). Smoke, leak and tamper need an engineer.",
        arguments: [.init("ZONE", "its name")], options: [.init("--end", "Take the zone in again")]
    ) { invocation in
        invocation.act(invocation.has("--end") ? "unbypass" : "bypass") { $0.field("zone", invocation.arguments[0]) }
    }
}

extension SecurityPlan {
    fileprivate var simulatedSocket: String? { if case .simulated(let socket) = source { socket } else { nil } }

    fileprivate func zone(of line: LinePlan) -> ZonePlan? {
        guard let index = lines.firstIndex(of: line) else { return nil }
        return zones.first { $0.line == index || $0.complement == index }
    }
}

extension LineBias {
    var text: String {
        switch self {
        case .asIs: "as-is"
        case .pullUp: "pull-up"
        case .pullDown: "pull-down"
        case .disabled: "off"
        }
    }
}
