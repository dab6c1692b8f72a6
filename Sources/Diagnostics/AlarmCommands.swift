internal import Platform
internal import Profiles
internal import Site
internal import Status

/// `alarms`: what stands, and what a person does about it. All through the running agent.
enum AlarmCommands {
    static let all = [alarms, acknowledge, shelve, unshelve]

    static let alarms = Command(
        "alarms", summary: "Which alarms stand, worst first",
        discussion: """
            An alarm marked 'acknowledged' was seen by somebody; one marked 'over' waits to be acknowledged.
            What another alarm explains is indented under it. Exit 0: none, 1: some, 2: one is critical.
            """
    ) { invocation in
        do throws(AgentClient.Fault) {
            let bytes = try AgentClient(socketPath: invocation.socketPath).get("/v1/alarms")
            let document = try AgentClient.parse(bytes)
            let alarms = document["alarms"]?.array ?? []
            if invocation.wantsJSON {
                invocation.console.raw(String(decoding: bytes, as: UTF8.self))
            } else {
                show(alarms, at: document["time"]?.number ?? 0, invocation.console)
            }
            let open = alarms.filter { $0["active"]?.bool == true }
            if open.contains(where: { $0["severity"]?.string == "critical" }) { return .fault }
            return open.isEmpty ? .healthy : .finding
        } catch { return invocation.failed(error) }
    }

    private static func show(_ alarms: [JSON], at now: Double, _ console: Console) {
        if alarms.isEmpty { return console.line(console.inked(local("no alarm stands"), .good)) }
        let ids = Set(alarms.compactMap { $0["id"]?.string })
        func isRoot(_ alarm: JSON) -> Bool { alarm["consequence_of"]?.string.map { !ids.contains($0) } ?? true }
        var rows: [[Console.Cell]] = []
        func add(_ alarm: JSON, depth: Int) {
            rows.append(row(alarm, depth, now))
            // A chain of causes has no ring (the site file is checked), and this says so to a bad answer too.
            guard depth < 8, let id = alarm["id"]?.string else { return }
            for other in alarms where other["consequence_of"]?.string == id { add(other, depth: depth + 1) }
        }
        for alarm in alarms where isRoot(alarm) { add(alarm, depth: 0) }
        console.table(["SEVERITY", "ALARM", "SINCE", "STATE", "WHAT"], rows)
    }

    private static func row(_ alarm: JSON, _ depth: Int, _ now: Double) -> [Console.Cell] {
        let severity = alarm["severity"]?.string ?? "?"
        var states: [String] = []
        if alarm["active"]?.bool == false { states.append(local("over")) }
        if let by = alarm["acknowledged_by"]?.string { states.append(local("acknowledged by %1", by)) }
        if let until = alarm["shelved_until"]?.number {
            states.append(local("shelved for %1", ageText(milliseconds: until - now)))
        }
        let ink: Console.Ink = severity == "critical" || severity == "major" ? .bad : .attention
        return [
            .init(severity, depth == 0 ? ink : .faint),
            .init(String(repeating: "  ", count: depth) + (alarm["id"]?.string ?? "?"), .strong),
            .init(alarm["raised"]?.number.map { ageText(milliseconds: now - $0) } ?? "-", .faint),
            .init(states.isEmpty ? local("new") : states.joined(separator: ", ")), .init(alarm["text"]?.string ?? ""),
        ]
    }

    static let acknowledge = Command(
        "alarms", "ack", summary: "Say that an alarm was seen; one that is over then leaves the list",
        arguments: [.init("ID", "the alarm, as 'mdc-agent alarms' names it", isOptional: true)],
        options: [.init("--all", "All that nobody has acknowledged")]
    ) { invocation in
        guard let id = invocation.arguments.first else {
            guard invocation.has("--all") else {
                invocation.console.trouble("alarms ack: which? give its ID, or --all")
                return .usage
            }
            return invocation.act("acknowledge") { $0.field("all", true) }
        }
        return invocation.act("acknowledge") { $0.field("alarm", id) }
    }

    static let shelve = Command(
        "alarms", "shelve", summary: "Hide an alarm from people for a while",
        discussion: """
            For an alarm that is known and being worked on. What it does to the posture stays; the shelf ends
            by itself. A critical alarm needs an engineer.
            """,
        arguments: [.init("ID", "the alarm")],
        options: [
            .init("--for", value: "TIME", "How long: 30min, 2h; up to 24h (default 1h)"),
            .init("--reason", value: "TEXT", "Why; it is kept in the journal"),
        ]
    ) { invocation in
        let text = invocation["--for"] ?? "1h"
        guard let span = parseDuration(text), span > .zero else {
            invocation.console.trouble("alarms shelve: --for: found '\(text)', expected a time such as 30min or 2h")
            return .usage
        }
        return invocation.act("shelve") { body in
            body.field("alarm", invocation.arguments[0])
            body.field("seconds", span.seconds)
            body.field("reason", invocation["--reason"] ?? "none given")
        }
    }

    static let unshelve = Command(
        "alarms", "unshelve", summary: "Show a shelved alarm again", arguments: [.init("ID", "the alarm")]
    ) { invocation in invocation.act("unshelve") { $0.field("alarm", invocation.arguments[0]) } }
}
