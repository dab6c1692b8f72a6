internal import Platform
internal import Site

/// `upstream status|replay`: is what happens here known out there.
enum UpstreamCommands {
    static let all = [status, replay]

    static let status = Command(
        "upstream", "status", summary: "Connected to whom, how far behind, what was refused last",
        discussion: """
            Exit code: 0 connected and nothing older than a minute waits, 1 connected and behind or in trouble,
            2 not connected.
            """
    ) { invocation in
        do throws(AgentClient.Fault) {
            let document = try AgentClient(socketPath: invocation.socketPath).getJSON("/v1/status")
            guard let upstream = document["upstream"], upstream.object != nil else {
                return none(invocation)
            }
            return show(upstream, document["time"]?.integer, invocation)
        } catch { return invocation.failed(error) }
    }

    private static func none(_ invocation: Invocation) -> ExitCode {
        if invocation.wantsJSON {
            invocation.console.json {
                $0.beginObject(); $0.field("configured", false); $0.endObject()
            }
        } else {
            invocation.console.line("nothing is reported upstream: the site file names no broker (upstream.brokers)")
        }
        return .healthy
    }

    private static func show(_ upstream: JSON, _ now: Int?, _ invocation: Invocation) -> ExitCode {
        let isConnected = upstream["connected"]?.bool ?? false
        let behind = upstream["behind"]?.integer ?? 0
        let oldest = upstream["oldest"]?.integer.map { WallTime(milliseconds: Int64($0)) }
        let broker = upstream["broker"]?.string
        let trouble = upstream["trouble"]?.string
        let age = oldest.map { (now ?? Int(SystemTime().now().wall.milliseconds)) - Int($0.milliseconds) } ?? 0
        if invocation.wantsJSON {
            invocation.console.json { writer in
                writer.beginObject()
                writer.field("configured", true)
                for (key, value) in upstream.object ?? [] {
                    writer.key(string: key)
                    switch value {
                    case .number(let number): writer.value(number)
                    case .string(let text): writer.value(text)
                    case .bool(let flag): writer.value(flag)
                    default: writer.null()
                    }
                }
                writer.endObject()
            }
        } else {
            let console = invocation.console
            console.line(
                console.inked(isConnected ? "connected" : "not connected", isConnected ? .good : .bad)
                    + (broker.map { " to \($0)" } ?? ""))
            if let error = upstream["error"]?.string { console.line("last error    \(error)") }
            console.line("events        \(behind) behind" + (oldest.map { ", the oldest from \($0.rfc3339)" } ?? ""))
            if let events = upstream["events_sent"]?.integer, let values = upstream["values_sent"]?.integer {
                console.line("sent          \(events) events and \(values) values since the start")
            }
            if let lost = upstream["events_lost"]?.integer, lost > 0 {
                console.line("lost          \(lost) events gave way in the journal before a broker took them")
            }
            if let dropped = upstream["messages_dropped"]?.integer, dropped > 0 {
                console.line("dropped       \(dropped) messages found no room")
            }
            if let minutes = upstream["backfill_minutes"]?.integer, minutes > 0 {
                console.line("backfill      \(minutes) minutes of past outages are still to be told")
            }
            if let refusal = upstream["last_refusal"]?.string { console.line("last refusal  \(refusal)") }
            if let trouble { console.line(console.inked("trouble", .bad) + "       \(trouble)") }
        }
        if !isConnected { return .fault }
        return trouble != nil || (behind > 0 && age > 60_000) ? .finding : .healthy
    }

    static let replay = Command(
        "upstream", "replay", summary: "Send events upstream again",
        discussion: """
            For a receiver that has lost something: events keep their ids, so one that it has already is known
            as a repetition. TIME is a date and time (2026-11-25T22:00:00Z) or a span back from now (2h, 3d).
            Example: mdc-agent upstream replay --since 6h
            """,
        options: [
            .init("--since", value: "TIME", "Events since that time"),
            .init("--after", value: "NUMBER", "Events after this number"),
        ]
    ) { invocation in
        var writer = ByteWriter()
        writer.beginObject()
        if invocation["--since"] != nil, invocation["--after"] != nil {
            invocation.console.trouble("from where on?", remedy: "give one of --since TIME and --after NUMBER")
            return .usage
        } else if let text = invocation["--since"] {
            guard let time = moment(text) else {
                invocation.console.trouble(
                    "'\(text)' is no time", remedy: "write 2026-11-25T22:00:00Z, 30min, 2h or 3d")
                return .usage
            }
            writer.field("since", time.milliseconds)
        } else if let text = invocation["--after"], let number = UInt64(text) {
            writer.field("after", number)
        } else {
            invocation.console.trouble("from where on?", remedy: "give --since TIME or --after NUMBER")
            return .usage
        }
        writer.endObject()
        do throws(AgentClient.Fault) {
            let client = AgentClient(socketPath: invocation.socketPath)
            let answer = try client.post("/v1/actions/upstream-replay", writer.bytes)
            if invocation.wantsJSON {
                invocation.console.raw(String(decoding: answer, as: UTF8.self) + "\n")
            } else if let count = (try? JSON.parse(answer))?["events"]?.integer, count == 0 {
                invocation.console.line("no event is sent again: there is none since then that a broker acknowledged")
            } else {
                let count = (try? JSON.parse(answer))?["events"]?.integer ?? 0
                invocation.console.line("\(count) events are sent again; how far that is: mdc-agent upstream status")
            }
            return .healthy
        } catch { return invocation.failed(error) }
    }

    /// A time, or a span back from now.
    private static func moment(_ text: String) -> WallTime? {
        if let time = WallTime(rfc3339: text) { return time }
        let digits = text.prefix { $0.isNumber }
        let seconds: [String: Int64] = ["s": 1, "min": 60, "h": 3600, "d": 86_400]
        guard let number = Int64(digits), number < 1_000_000, let unit = seconds[String(text.dropFirst(digits.count))]
        else { return nil }
        return WallTime(milliseconds: SystemTime().now().wall.milliseconds - number * unit * 1000)
    }
}
