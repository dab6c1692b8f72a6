internal import Journal
internal import Platform
internal import Profiles
internal import Site

/// `history`: what points read, from the history's file, with or without a running agent.
enum HistoryCommands {
    static let all = [history]

    static let history = Command(
        "history", summary: "What points read: each change for hours, minutes for weeks, all around critical events",
        discussion: """
            Reads history.sqlite itself, so it works without a running agent too; the newest seconds come a little
            later. POINT may be a pattern: mdc-agent history 'ups1.*' --since 10min. Without POINT the critical
            events are listed whose surroundings are kept in full (the black box): --around N shows what all points,
            or those of POINT, did there. T is a time (2026-11-25T22:00:00Z), or how long ago (2h, 30min, 7d).
            """,
        arguments: [.init("POINT", "a point, or a pattern of points", isOptional: true)],
        options: [
            .init("--since", value: "T", "From time T on, or from T ago (default: 1h)"),
            .init("--until", value: "T", "Up to time T, or up to T ago (default: now)"),
            .init("--around", value: "N", "What is kept around critical event number N"),
            .init("--minutes", "Minimum, mean and maximum of each minute"),
            .init("--limit", value: "N", "At most so many lines (default 1000)"),
            .init("--journal", value: "FOLDER", "Where history.sqlite stands (default: as the site file says)"),
        ]
    ) { invocation in
        do throws(Invocation.UsageFault) { return try HistoryListing(invocation).run() } catch {
            return invocation.misused(error)
        }
    }
}

/// One run of `history`.
private struct HistoryListing {
    private let invocation: Invocation
    private var console: Console { invocation.console }
    private let folder: String
    private let reader: HistoryReader
    private let definitions: [String: PointDefinition]
    private let from: WallTime
    private let to: WallTime
    private let around: UInt64?
    private let limit: Int

    init(_ invocation: Invocation) throws(Invocation.UsageFault) {
        self.invocation = invocation
        let plan = try? SiteFile.load(
            invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder)
        folder = invocation["--journal"] ?? plan?.journal.folder ?? JournalPlan().folder
        reader = HistoryReader(folder: folder)
        definitions = Dictionary((plan?.points ?? []).map { ($0.name, $0) }) { first, _ in first }
        limit = try invocation.integer("--limit", 1...1_000_000, default: 1000)
        around = invocation.has("--around") ? UInt64(try invocation.integer("--around", 1...Int.max, default: 1)) : nil
        let now = SystemTime().now().wall
        to = try HistoryListing.moment("--until", invocation, now) ?? now
        let usual = WallTime(milliseconds: to.milliseconds - 3_600_000)
        from = try HistoryListing.moment("--since", invocation, now) ?? usual
        if to < from { throw Invocation.UsageFault(text: "--until lies before --since") }
    }

    private static func moment(_ option: String, _ invocation: Invocation, _ now: WallTime)
        throws(Invocation.UsageFault) -> WallTime?
    {
        guard let text = invocation[option] else { return nil }
        if let time = WallTime(rfc3339: text) { return time }
        if let span = parseDuration(text) {
            return WallTime(milliseconds: now.milliseconds - span.wholeMilliseconds)
        }
        throw Invocation.UsageFault(
            text: "\(option): found '\(text)', expected a time such as 2026-11-25T22:00:00Z, or 2h")
    }

    func run() -> ExitCode {
        do throws(StorageFault) {
            let known = try reader.names()
            if known.isEmpty {
                console.trouble(
                    "there is no history in \(folder)",
                    remedy: "the agent writes it from its first minute on; --journal FOLDER for another place")
                return .noInput
            }
            guard let words = invocation.arguments.first ?? around.map({ _ in "*" }) else { return try listEvents() }
            let pattern = NamePattern(words)
            let names = known.filter(pattern.matches)
            if names.isEmpty {
                console.trouble(
                    "the history knows no point '\(words)'",
                    remedy: "mdc-agent points lists them; texts, and what was never read, have no history")
                return .noInput
            }
            var (from, to) = (from, to)
            if let around {
                guard let box = try reader.blackBoxes().first(where: { $0.sequence == around }) else {
                    console.trouble(
                        "nothing is kept around event \(around)", remedy: "mdc-agent history lists the critical events")
                    return .noInput
                }
                (from, to) = (box.from, box.to)
            }
            return invocation.has("--minutes") ? try showMinutes(names, from, to) : try showChanges(names, from, to)
        } catch {
            console.trouble("history: \(error)", remedy: "join the group mdc-agent, or use sudo")
            return error.kind == .cannotOpen ? .noPermission : .fault
        }
    }

    // MARK: - What is shown

    private func showChanges(_ names: [String], _ from: WallTime, _ to: WallTime) throws(StorageFault) -> ExitCode {
        let found = try reader.changes(of: names, from: from, to: to, limit: limit + 1)
        let shown = found.prefix(limit)
        if invocation.wantsJSON {
            console.json { writer in
                writer.beginObject()
                writer.objects("changes", shown) { writer, row in
                    writer.field("time", row.change.time.milliseconds)
                    writer.field("name", row.name)
                    writer.key("value")
                    if let number = row.change.number { writer.value(number) } else { writer.null() }
                    writer.field("quality", row.change.quality.text)
                }
                writer.field("complete", found.count <= limit)
                writer.endObject()
            }
            return .healthy
        }
        console.table(
            ["TIME", "POINT", "VALUE", "UNIT", "QUALITY"],
            shown.map { row in
                let quality = row.change.quality
                return [
                    .init(row.change.time.rfc3339), .init(row.name, .strong), .init(text(row.change.number, row.name)),
                    .init(unit(row.name)), .init(quality.text, quality == .good ? .good : .attention),
                ]
            })
        note(found.count, from, to)
        return .healthy
    }

    private func showMinutes(_ names: [String], _ from: WallTime, _ to: WallTime) throws(StorageFault) -> ExitCode {
        var found: [HistoryMinute] = []
        for name in names where found.count <= limit {
            found += try reader.minutes(of: name, from: from, to: to, limit: limit + 1 - found.count)
        }
        let shown = found.prefix(limit)
        if invocation.wantsJSON {
            console.json { writer in
                writer.beginObject()
                writer.objects("minutes", shown) { writer, minute in
                    writer.field("time", minute.start.milliseconds)
                    writer.field("name", minute.name)
                    writer.field("minimum", minute.minimum)
                    writer.field("mean", minute.mean)
                    writer.field("maximum", minute.maximum)
                    writer.field("count", minute.count)
                }
                writer.field("complete", found.count <= limit)
                writer.endObject()
            }
            return .healthy
        }
        console.table(
            ["TIME", "POINT", "MINIMUM", "MEAN", "MAXIMUM", "UNIT", "CHANGES"],
            shown.map { minute in
                [
                    .init(minute.start.rfc3339), .init(minute.name, .strong), .init(valueText(.number(minute.minimum))),
                    .init(valueText(.number(minute.mean))), .init(valueText(.number(minute.maximum))),
                    .init(unit(minute.name)), .init(String(minute.count)),
                ]
            })
        note(found.count, from, to)
        return .healthy
    }

    private func listEvents() throws(StorageFault) -> ExitCode {
        let events = JournalReader(folder: folder)
        var rows: [(box: (sequence: UInt64, from: WallTime, to: WallTime), text: String)] = []
        for box in try reader.blackBoxes() {
            let event = try events.events(.init(since: box.sequence - 1), limit: 1).first
            rows.append((box, event?.sequence == box.sequence ? event?.text ?? "" : ""))
        }
        if invocation.wantsJSON {
            console.json { writer in
                writer.beginObject()
                writer.objects("events", rows) { writer, row in
                    writer.field("sequence", row.box.sequence)
                    writer.field("from", row.box.from.milliseconds)
                    writer.field("to", row.box.to.milliseconds)
                    writer.field("text", row.text)
                }
                writer.endObject()
            }
            return .healthy
        }
        if rows.isEmpty {
            console.trouble(
                "no critical event has its surroundings kept yet",
                remedy: "mdc-agent history POINT --since 1h shows what a point read")
        }
        console.table(
            ["EVENT", "FROM", "TO", "WHAT"],
            rows.map { row in
                [
                    .init(String(row.box.sequence), .strong), .init(row.box.from.rfc3339), .init(row.box.to.rfc3339),
                    .init(row.text),
                ]
            })
        return .healthy
    }

    /// An empty answer, or one that was cut, says so: on standard error, beside what is read by programs.
    private func note(_ count: Int, _ from: WallTime, _ to: WallTime) {
        if count == 0 {
            console.trouble(
                "nothing changed between \(from.rfc3339) and \(to.rfc3339), or it is kept no longer",
                remedy: invocation.has("--minutes")
                    ? "a minute is there when it has ended: try --since 1d"
                    : "try --since 6h, or --minutes for older times")
        } else if count > limit {
            console.trouble("only the first \(limit) are shown", remedy: "--limit N, or a later --since")
        }
    }

    private func unit(_ name: String) -> String { definitions[name]?.unit.rawValue ?? "" }

    private func text(_ number: Double?, _ name: String) -> String {
        guard let number else { return "-" }
        if case .state(let texts)? = definitions[name]?.kind,
            let state = texts.first(where: { Double($0.code) == number })
        {
            return state.text
        }
        return valueText(.number(number))
    }
}
