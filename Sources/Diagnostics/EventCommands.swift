internal import Journal
internal import Platform
internal import Profiles
internal import Site

/// `events`: the journal, from its file (with or without a running agent) and from the agent's memory.
enum EventCommands {
    static let all = [events]

    static let events = Command(
        "events", summary: "The journal: what happened, in order; and whether anybody changed it",
        discussion: """
            Reads the journal's file itself, so it works without a running agent too. Without --since the
            newest are shown. T is an event's number, a time (2026-11-25T22:00:00Z), or how long ago (2h, 30min, 7d).

            --verify reads the whole chain and says whether an event was changed, taken out or cut off; with
            --key it checks the signatures of the checkpoints too. Exit 0: whole, 2: not.
            """,
        options: [
            .init("--follow", "Go on with what happens from now; Ctrl-C ends"),
            .init("--since", value: "T", "Only events after number T, since time T, or since T ago"),
            .init("--limit", value: "N", "At most so many (default 50; with --since 1000)"),
            .init("--severity", value: "S", "At least this grave: info, notice, warning, major, critical"),
            .init("--kind", value: "K", "Only this kind: alarm.raised, posture.changed, ..."),
            .init("--subject", value: "NAME", "Only about this device or point"),
            .init("--verify", "Check the chain instead of showing it"),
            .init("--key", value: "FILE", "With --verify: the public key (PEM) that the checkpoints were signed for"),
            .init("--journal", value: "FOLDER", "Where journal.sqlite stands (default: as the site file says)"),
        ]
    ) { invocation in
        do throws(Invocation.UsageFault) {
            if invocation.has("--verify") { return verify(invocation) }
            return try EventListing(invocation).run()
        } catch { return invocation.misused(error) }
    }

    static func folder(_ invocation: Invocation) -> String {
        if let told = invocation["--journal"] { return told }
        let plan = try? SiteFile.load(
            invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder)
        return plan?.journal.folder ?? JournalPlan().folder
    }

    private static func verify(_ invocation: Invocation) -> ExitCode {
        var key: ChainVerifier?
        if let path = invocation["--key"] {
            guard let pem = try? readFile(path, limit: 65_536), let read = ChainVerifier(publicPEM: pem) else {
                invocation.console.trouble("\(path): found no public key in PEM form")
                return .noInput
            }
            key = read
        }
        let folder = folder(invocation)
        let report = JournalVerifier.verify(folder: folder, key: key)
        if invocation.wantsJSON {
            invocation.console.json { writer in write(report, &writer) }
        } else {
            show(report, folder, hasKey: key != nil, invocation.console)
        }
        let isUnreadable = report.findings.contains { if case .unreadable = $0 { true } else { false } }
        return report.isWhole ? .healthy : isUnreadable ? .noInput : .fault
    }

    private static func show(_ report: JournalReport, _ folder: String, hasKey: Bool, _ console: Console) {
        for finding in report.findings {
            console.line(console.inked(finding == .noHead ? "note  " : "FOUND ", .bad) + finding.description)
        }
        if report.isWhole {
            let signed = report.signedCheckpoints
            let signatures =
                signed == 0
                ? "unsigned" : "\(signed) of them signed" + (hasKey ? " and true" : ", not checked (--key FILE)")
            console.line(
                console.inked("whole ", .good)
                    + "\(report.events) events, \(report.first) to \(report.last), "
                    + "\(report.checkpoints) checkpoints (\(signatures))")
            if report.pruned > 0 { console.line("      \(report.pruned) older ones gave way to the size limit") }
            console.line("      head \(report.lastHash)")
        } else {
            console.trouble(
                "the journal in \(folder) is not what was written",
                remedy: "keep the folder as it is (copy it whole), and compare with the events that were sent upstream")
        }
    }

    static func write(_ report: JournalReport, _ writer: inout ByteWriter) {
        writer.beginObject()
        writer.field("whole", report.isWhole)
        writer.field("events", report.events)
        writer.field("first", report.first)
        writer.field("last", report.last)
        writer.field("head", report.lastHash)
        writer.field("checkpoints", report.checkpoints)
        writer.field("signed", report.signedCheckpoints)
        writer.field("pruned", report.pruned)
        writer.beginArray("findings")
        for finding in report.findings { writer.value(finding.description) }
        writer.endArray()
        writer.endObject()
    }
}

/// One run of `events` that shows them.
private struct EventListing {
    private let invocation: Invocation
    private var filter = JournalReader.Filter()
    private let limit: Int
    private let showsNewest: Bool
    private let reader: JournalReader

    init(_ invocation: Invocation) throws(Invocation.UsageFault) {
        self.invocation = invocation
        let since = invocation["--since"]
        limit = try invocation.integer("--limit", 1...1_000_000, default: since == nil ? 50 : 1000)
        showsNewest = since == nil
        if let text = invocation["--severity"] {
            guard let severity = Severity(text: text) else {
                let known = Severity.allCases.map(\.text).joined(separator: ", ")
                throw Invocation.UsageFault(text: "--severity: found '\(text)', expected one of \(known)")
            }
            filter.minimumSeverity = severity
        }
        if let text = invocation["--kind"] {
            guard let kind = EventKind(rawValue: text) else {
                let known = EventKind.allCases.map(\.rawValue).joined(separator: ", ")
                throw Invocation.UsageFault(text: "--kind: found '\(text)', expected one of \(known)")
            }
            filter.kinds = [kind]
        }
        filter.subject = invocation["--subject"] ?? ""
        reader = JournalReader(folder: EventCommands.folder(invocation))
        if let since { try begin(since) }
    }

    private mutating func begin(_ since: String) throws(Invocation.UsageFault) {
        if let sequence = UInt64(since) {
            filter.since = sequence
        } else if let time = WallTime(rfc3339: since) {
            filter.notBefore = time
        } else if let span = parseDuration(since) {
            let now = SystemTime().now().wall.milliseconds
            filter.notBefore = WallTime(milliseconds: now - span.wholeMilliseconds)
        } else {
            throw Invocation.UsageFault(
                text:
                    "--since: found '\(since)', expected an event's number, a time such as 2026-11-25T22:00:00Z, or 2h")
        }
    }

    func run() -> ExitCode {
        var shown: [Event] = []
        do throws(StorageFault) {
            shown = try showsNewest ? reader.newest(filter, limit: limit) : reader.events(filter, limit: limit)
        } catch {
            guard let fromAgent = askAgent(since: filter.since) else {
                invocation.console.trouble("events: \(error)", remedy: "join the group mdc-agent, or use sudo")
                return error.kind == .cannotOpen ? .noPermission : .fault
            }
            shown = Array(fromAgent.filter { filter.matches($0) }.suffix(limit))
        }
        // What the storage could not take yet, the agent has in memory.
        if let last = (try? reader.lastSequence()) ?? nil {
            shown += (askAgent(since: max(last, filter.since)) ?? []).filter { filter.matches($0) }
            shown = Array(showsNewest ? shown.suffix(limit) : shown.prefix(limit))
        }
        if invocation.wantsJSON, !invocation.has("--follow") {
            invocation.console.json { writer in
                writer.beginObject()
                writer.beginArray("events")
                for event in shown { writer.event(event) }
                writer.endArray()
                writer.field("next", shown.last?.sequence ?? filter.since)
                writer.endObject()
            }
            return .healthy
        }
        for event in shown { show(event) }
        if invocation.has("--follow") { follow(after: shown.last?.sequence) }
        return .healthy
    }

    /// Looks twice a second, at the file and at the agent's memory, for as long as anybody reads.
    private func follow(after last: UInt64?) {
        var filter = filter
        var last = last ?? (try? reader.lastSequence()) ?? filter.since
        while true {
            pause(.milliseconds(500))
            filter.since = last
            var fresh = (try? reader.events(filter, limit: 1000)) ?? []
            let stored = (try? reader.lastSequence()) ?? last
            if fresh.isEmpty { fresh = (askAgent(since: max(last, stored)) ?? []).filter { filter.matches($0) } }
            for event in fresh { show(event) }
            last = fresh.last?.sequence ?? last
        }
    }

    private func askAgent(since: UInt64) -> [Event]? {
        let client = AgentClient(socketPath: invocation.socketPath)
        guard let json = try? client.getJSON("/v1/events?since=\(since)&limit=1000") else { return nil }
        return (json["events"]?.array ?? []).compactMap { Event(json: $0) }
    }

    private func show(_ event: Event) {
        let console = invocation.console
        if invocation.wantsJSON {
            return console.json { $0.event(event) }
        }
        guard console.isTerminal else {
            return console.line(
                [
                    String(event.sequence), event.wall.rfc3339, event.severity.text, event.kind.rawValue, event.subject,
                    event.text, event.actor ?? "",
                ].joined(separator: "\t"))
        }
        let ink: Console.Ink =
            switch event.severity {
            case .info: .faint
            case .notice: .plain
            case .warning: .attention
            case .major, .critical: .bad
            }
        let actor = event.actor.map { " (\($0))" } ?? ""
        console.line(
            console.inked("\(event.sequence) \(event.wall.rfc3339)", .faint) + " "
                + console.inked(event.severity.text, ink) + " \(event.subject): \(event.text)"
                + console.inked(actor, .faint))
    }
}

extension ByteWriter {
    mutating func event(_ event: Event) {
        beginObject()
        field("sequence", event.sequence)
        field("time", event.wall.milliseconds)
        field("kind", event.kind.rawValue)
        field("severity", event.severity.text)
        field("subject", event.subject)
        field("text", event.text)
        beginArray("evidence")
        for fact in event.evidence {
            beginObject()
            field("name", fact.name)
            field("value", fact.value)
            endObject()
        }
        endArray()
        field("actor", event.actor)
        field("id", event.id)
        endObject()
    }
}

extension Event {
    /// As `/v1/events` gives it.
    fileprivate init?(json: JSON) {
        guard let sequence = json["sequence"]?.number, let time = json["time"]?.number,
            let kind = json["kind"]?.string.flatMap(EventKind.init(rawValue:)),
            let severity = json["severity"]?.string.flatMap(Severity.init(text:))
        else { return nil }
        self.init(
            sequence: UInt64(max(0, sequence)), id: json["id"]?.string ?? "", wall: WallTime(milliseconds: Int64(time)),
            kind: kind, severity: severity, subject: json["subject"]?.string ?? "", text: json["text"]?.string ?? "",
            evidence: (json["evidence"]?.array ?? []).map {
                Evidence($0["name"]?.string ?? "", $0["value"]?.string ?? "")
            },
            actor: json["actor"]?.string)
    }
}
