internal import Platform
internal import Site
internal import Status

/// `status` and `points`: the container at a glance, from the running agent.
enum StatusCommands {
    static let all = [status, points]

    static let status = Command(
        "status", summary: "The container at a glance: posture, alarms, devices",
        discussion: """
            Says what the container allows its inference and why, which alarms stand, and which device does
            not answer. The exit code says the same to scripts: 0 all is well, 1 degraded, 2 fault.
            """,
        options: [.init("--watch", "One screen of 80x24, kept current; Ctrl-C ends")]
    ) { invocation in
        let client = AgentClient(socketPath: invocation.socketPath)
        guard invocation.has("--watch") else { return showOnce(client, invocation) }
        return invocation.wantsJSON ? follow(client, invocation) : watch(client, invocation)
    }

    /// One document a second, for as long as anybody reads.
    private static func follow(_ client: AgentClient, _ invocation: Invocation) -> ExitCode {
        while true {
            let code = showOnce(client, invocation)
            if code == .agentNotRunning || code == .noPermission { return code }
            pause(.seconds(1))
        }
    }

    /// Stays through a restart of the agent; ends at once where there is none to begin with.
    private static func watch(_ client: AgentClient, _ invocation: Invocation) -> ExitCode {
        var screen = WatchScreen(invocation.console)
        var hasSeen = false
        while true {
            do throws(AgentClient.Fault) {
                let status = try client.getJSON("/v1/status")
                let alarms = try client.getJSON("/v1/alarms")["alarms"]?.array ?? []
                screen.show(WatchLines(status, alarms).lines)
                hasSeen = true
            } catch {
                if !hasSeen { return invocation.failed(error) }
                screen.show([
                    (Catalogue.sentence(error.description), .bad), (local("trying again every second"), .plain),
                ])
            }
            pause(.seconds(1))
        }
    }

    private static func showOnce(_ client: AgentClient, _ invocation: Invocation) -> ExitCode {
        do throws(AgentClient.Fault) {
            let bytes = try client.get("/v1/status")
            let status = try AgentClient.parse(bytes)
            if invocation.wantsJSON {
                invocation.console.raw(String(decoding: bytes, as: UTF8.self) + "\n")
            } else {
                StatusScreen(status, invocation.console).show()
            }
            return switch status["health"]?.string {
            case "ok": .healthy
            case "fault": .fault
            default: .finding
            }
        } catch { return invocation.failed(error) }
    }

    static let points = Command(
        "points", summary: "Every measured value, with its unit, quality and age",
        discussion: """
            PATTERN matches whole names; * stands for any letters: mdc-agent points 'ups1.*'.
            In a pipe each point is one line of tab-separated fields: name, value, unit, quality, age.
            """,
        arguments: [.init("PATTERN", "which points", isOptional: true)]
    ) { invocation in
        let client = AgentClient(socketPath: invocation.socketPath)
        let pattern = invocation.arguments.first ?? "*"
        do throws(AgentClient.Fault) {
            let bytes = try client.get("/v1/points?match=" + percentEncoded(pattern))
            let document = try AgentClient.parse(bytes)
            let points = document["points"]?.array ?? []
            if invocation.wantsJSON {
                invocation.console.raw(String(decoding: bytes, as: UTF8.self) + "\n")
            } else {
                invocation.console.table(
                    ["POINT", "VALUE", "UNIT", "QUALITY", "AGE"],
                    points.map { row($0, at: document["time"]?.number ?? 0) })
            }
            if points.isEmpty {
                invocation.console.trouble("no point is named like '\(pattern)'", remedy: "mdc-agent points lists all")
                return .noInput
            }
            return points.allSatisfy { $0["quality"]?.string == "good" } ? .healthy : .finding
        } catch { return invocation.failed(error) }
    }

    static func row(_ point: JSON, at now: Double) -> [Console.Cell] {
        let quality = point["quality"]?.string ?? "?"
        let reason = point["reason"]?.string.map { ": \($0)" } ?? ""
        // A map's author was not sure of this register.
        let doubt = point["verified"]?.bool == false ? ", unverified" : ""
        let age = point["time"]?.number.map { ageText(milliseconds: now - $0) } ?? "-"
        return [
            .init(point["name"]?.string ?? "?", .strong), .init(valueText(point["value"])),
            .init(point["unit"]?.string ?? ""), .init(quality + reason + doubt, quality == "good" ? .good : .bad),
            .init(age, .faint),
        ]
    }
}

extension Invocation {
    /// Says what went wrong with the agent and returns the code for it.
    func failed(_ fault: AgentClient.Fault) -> ExitCode {
        if wantsJSON {
            console.json { writer in
                writer.beginObject()
                writer.field("error", fault.description)
                writer.endObject()
            }
        }
        console.trouble("\(command.name): \(fault)", remedy: fault.remedy)
        return fault.exitCode
    }

    /// Says what was wrong with the command line.
    func misused(_ fault: UsageFault) -> ExitCode {
        console.trouble(
            "\(command.name): \(fault.text)",
            remedy: local("usage: %1; see mdc-agent %2 --help", command.synopsis, command.name))
        return .usage
    }

    /// Asks the agent for an action and says what came of it.
    func act(_ action: String, _ body: (inout ByteWriter) -> Void) -> ExitCode {
        var writer = ByteWriter()
        writer.beginObject()
        body(&writer)
        writer.endObject()
        do throws(AgentClient.Fault) {
            let answer = try AgentClient(socketPath: socketPath).post("/v1/actions/" + action, writer.bytes)
            if wantsJSON {
                console.raw(String(decoding: answer, as: UTF8.self))
            } else {
                console.line(Catalogue.sentence(try AgentClient.parse(answer)["text"]?.string ?? "done"))
            }
            return .healthy
        } catch { return failed(error) }
    }
}

/// A JSON value as a person reads it: whole numbers plain, others to three places.
func valueText(_ value: JSON?) -> String {
    switch value {
    case .number(let number):
        let rounded = (number * 1000).rounded() / 1000
        if let whole = Int64(exactly: rounded) { return String(whole) }
        return rounded.description
    case .string(let text): return text
    case .bool(let flag): return flag ? "yes" : "no"
    default: return "-"
    }
}

/// "3 s", "12 min", "5 h", "2 d".
func ageText(milliseconds: Double) -> String {
    let seconds = max(0, milliseconds / 1000)
    if seconds < 120 { return "\(Int(seconds)) s" }
    if seconds < 7200 { return "\(Int(seconds / 60)) min" }
    if seconds < 172_800 { return "\(Int(seconds / 3600)) h" }
    return "\(Int(seconds / 86_400)) d"
}

/// For a query: everything but letters, digits and -._~ as %XX.
func percentEncoded(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
        switch byte {
        case 48...57, 65...90, 97...122, 45, 46, 95, 126: out.unicodeScalars.append(Unicode.Scalar(byte))
        default: out += "%" + hexText([byte]).uppercased()
        }
    }
    return out
}
