internal import Accelerators
internal import Platform
internal import Site

/// `accel list|show|watch`: which slot, which serial, what is wrong, since when, and what to do.
enum AcceleratorCommands {
    static let all = [list, show, watch]

    private static let discussion = """
        Asks the running agent; where none runs, the cards are read directly: then a fault that shows only
        over time (a rising counter, a stopped heartbeat) cannot be told from one short look.
        Exit code: 0 every expected card is ok, 1 something is degraded or unknown, 2 a card failed or is absent.
        """

    static let list = Command(
        "accel", "list", summary: "The accelerators: slot, serial, health, what to do", discussion: discussion
    ) { invocation in
        withCards(invocation) { cards in
            if invocation.wantsJSON {
                printJSON(cards.map(\.raw), invocation)
            } else {
                printTable(cards, invocation.console)
            }
            return exitCode(cards)
        }
    }

    static let watch = Command(
        "accel", "watch", summary: "The same, kept current; Ctrl-C ends",
        discussion: discussion + "\nIn a pipe, and with --json, it prints when something has changed."
    ) { invocation in
        var source = AcceleratorSource(invocation)
        var shown: [JSON]?
        while true {
            guard let cards = source.cards() else { return source.failure }
            defer { pause(.seconds(1)) }
            let isNews = shown != cards.map(\.raw)
            shown = cards.map(\.raw)
            if !isNews && (invocation.wantsJSON || !invocation.console.isTerminal) { continue }
            if invocation.wantsJSON {
                printJSON(cards.map(\.raw), invocation)
            } else {
                if invocation.console.isTerminal { invocation.console.raw("\u{1B}[H\u{1B}[2J") }
                printTable(cards, invocation.console)
            }
        }
    }

    static let show = Command(
        "accel", "show", summary: "One accelerator: every finding with its evidence, every value",
        discussion: discussion,
        arguments: [.init("CARD", "its name, slot, serial or PCI address")]
    ) { invocation in
        var source = AcceleratorSource(invocation)
        guard let cards = source.cards() else { return source.failure }
        let wanted = invocation.arguments[0]
        guard let card = cards.first(where: { [$0.name, $0.slot, $0.serial, $0.address].contains(wanted) }) else {
            invocation.console.trouble(
                "no accelerator '\(wanted)'",
                remedy: cards.isEmpty
                    ? "there is none"
                    : "there is: " + cards.map(\.placeAndName).joined(separator: ", "))
            return .noInput
        }
        let points = source.points(of: card.name)
        if invocation.wantsJSON {
            invocation.console.json { writer in
                writer.beginObject()
                writer.key("accelerator")
                writer.value(json: card.raw)
                writer.key("points")
                writer.value(json: .array(points))
                writer.endObject()
            }
        } else {
            printCard(card, points, source.now, invocation.console)
        }
        return exitCode([card])
    }

    private static func withCards(_ invocation: Invocation, _ body: ([CardView]) -> ExitCode) -> ExitCode {
        var source = AcceleratorSource(invocation)
        guard let cards = source.cards() else { return source.failure }
        return body(cards)
    }

    private static func exitCode(_ cards: [CardView]) -> ExitCode {
        if cards.contains(where: { $0.health == "failed" || $0.health == "absent" }) { return .fault }
        return cards.allSatisfy { $0.health == "ok" } ? .healthy : .finding
    }

    private static func printJSON(_ cards: [JSON], _ invocation: Invocation) {
        invocation.console.json { writer in
            writer.beginObject()
            writer.beginArray("accelerators")
            for card in cards { writer.value(json: card) }
            writer.endArray()
            writer.endObject()
        }
    }

    private static func printTable(_ cards: [CardView], _ console: Console) {
        if cards.isEmpty { return console.line("no accelerators: none expected, none on the bus") }
        console.table(
            ["SLOT", "CARD", "MODEL", "ADDRESS", "SERIAL", "HEALTH", "SINCE", "WHAT TO DO"],
            cards.map { card in
                [
                    .init(card.slot ?? "-"), .init(card.name, .strong), .init(card.model), .init(card.address),
                    .init(card.serial ?? "-"), .init(card.health, card.ink), .init(card.since.ago, .faint),
                    .init(card.whatToDo),
                ]
            })
    }

    private static func printCard(_ card: CardView, _ points: [JSON], _ now: Double, _ console: Console) {
        console.line(
            console.inked(card.name, .strong) + "  " + console.inked(card.health, card.ink)
                + "  since \(card.since.text)")
        console.line("  \(card.title) at \(card.address)")
        console.line("  slot \(card.slot ?? "not named"), serial \(card.serial ?? "not known")")
        if let judges = card.judgedBy { console.line("  judged by \(judges): its driver shows no state of its own") }
        for finding in card.findings {
            console.line()
            console.line("  " + console.inked(finding.text, .strong) + "  (\(finding.code))")
            console.line("    since \(finding.since.text); \(advice(finding.action))")
            for (name, value) in finding.evidence { console.line("    \(name): \(value)") }
        }
        if points.isEmpty { return }
        console.line()
        console.table(
            ["POINT", "VALUE", "UNIT", "QUALITY", "AGE"],
            points.map { StatusCommands.row($0, at: now) })
    }
}

/// A card as the commands show it, from the agent's answer or from our own look.
struct CardView {
    struct Finding {
        let code: String
        let text: String
        let action: String
        let since: Since
        let evidence: [(String, String)]
    }

    let raw: JSON
    let name: String
    let vendor: String
    let model: String
    let address: String
    let serial: String?
    let slot: String?
    let health: String
    let since: Since
    let judgedBy: String?
    let findings: [Finding]

    struct Since {
        /// "2026-11-26T02:17:05Z (3 min ago)"
        let text: String
        /// "3 min ago"
        let ago: String

        init(_ json: JSON?) {
            guard let milliseconds = json?.number, let whole = Int64(exactly: milliseconds.rounded()) else {
                text = "?"
                ago = "?"
                return
            }
            ago = ageText(milliseconds: Double(SystemTime().now().wall.milliseconds - whole)) + " ago"
            text = "\(WallTime(milliseconds: whole).rfc3339.prefix(19))Z (\(ago))"
        }
    }

    init(_ json: JSON) {
        raw = json
        name = json["name"]?.string ?? "?"
        vendor = json["vendor"]?.string ?? ""
        model = json["model"]?.string ?? ""
        address = json["address"]?.string ?? "?"
        serial = json["serial"]?.string
        slot = json["slot"]?.string
        health = json["health"]?.string ?? "unknown"
        since = Since(json["since"])
        judgedBy = json["judged_by"]?.string
        findings = (json["findings"]?.array ?? []).map { finding in
            Finding(
                code: finding["code"]?.string ?? "", text: finding["text"]?.string ?? "",
                action: finding["action"]?.string ?? "observe", since: Since(finding["since"]),
                evidence: (finding["evidence"]?.array ?? []).map {
                    ($0["name"]?.string ?? "", $0["value"]?.string ?? "")
                })
        }
    }

    var ink: Console.Ink {
        switch health {
        case "ok": .good
        case "transitional", "degraded", "unknown": .attention
        default: .bad
        }
    }

    /// "A1 (npu0)"
    var placeAndName: String { slot.map { "\($0) (\(name))" } ?? name }

    /// The vendor's name is often part of the model's.
    var title: String { model.hasPrefix(vendor) ? model : "\(vendor) \(model)" }

    /// The gravest finding and its remedy, and how many more there are.
    var whatToDo: String {
        guard let first = findings.first else { return "" }
        let more = findings.count > 1 ? " (and \(findings.count - 1) more: accel show \(name))" : ""
        return "\(first.text): \(advice(first.action))" + more
    }
}
