internal import CLinux
internal import Glibc
internal import Platform
internal import Profiles
internal import Security
internal import Site

// `gpio watch` and `gpio test`: the lines as they move, in front of the technician who moves them.
extension SecurityCommands {
    static let watch = Command(
        "gpio", "watch", summary: "Edges as they come, with the kernel's time",
        discussion: """
            Lines named here, or without a running agent those of the site file or every free input, are taken
            hold of: each edge is shown with its CLOCK_MONOTONIC stamp. What a running agent holds it alone
            reads: without LINE each change of its zones is shown, with the line's level and the same stamp.
            Ends after --count or --for, or by Ctrl-C. Exit 1: edges were lost or a line could not be read.
            """,
        arguments: [.init("LINE", "a line's name, or CHIP:OFFSET", isOptional: true, isRepeated: true)],
        options: [
            .init("--count", value: "N", "End after this many edges"),
            .init("--for", value: "SECONDS", "End after this time"),
            .init("--debounce", value: "MS", "Let the kernel take out bounces this long (default 0)"),
        ]
    ) { invocation in
        do throws(Invocation.UsageFault) {
            let limits = WatchLimits(
                count: try invocation.integer("--count", 1...1_000_000_000, default: .max),
                seconds: try invocation.integer("--for", 1...86_400, default: .max))
            let debounce = Nanoseconds.milliseconds(
                Int64(try invocation.integer("--debounce", 0...10_000, default: 0)))
            if invocation.arguments.isEmpty, let client = runningAgent(invocation) {
                return followZones(client, invocation, limits)
            }
            let lines = linesToWatch(invocation, debounce)
            if lines.isEmpty {
                invocation.console.trouble("no line to watch", remedy: "mdc-agent gpio list shows what there is")
                return .noInput
            }
            return watchLines(lines, invocation, limits)
        } catch {
            invocation.console.trouble("gpio watch: \(error.text)")
            return .usage
        }
    }

    struct WatchLimits {
        let count: Int
        let seconds: Int
        var ends: MonotonicTime {
            seconds == .max ? .distantFuture : SystemTime.monotonic + .seconds(Int64(seconds))
        }
    }

    static func runningAgent(_ invocation: Invocation) -> AgentClient? {
        let client = AgentClient(socketPath: invocation.socketPath)
        return (try? client.get("/healthz")) == nil ? nil : client
    }

    private static func linesToWatch(_ invocation: Invocation, _ debounce: Nanoseconds) -> [LinePlan] {
        func line(_ address: LineAddress) -> LinePlan {
            LinePlan(address: address, bias: .asIs, debounce: debounce, writtenAt: "command line")
        }
        if !invocation.arguments.isEmpty {
            return invocation.arguments.map { word in
                let parts = word.split(separator: ":").map(String.init)
                if parts.count == 2, let offset = Int(parts[1]) { return line(.place(chip: parts[0], offset: offset)) }
                return line(.name(word))
            }
        }
        if let plan = securityPlan(invocation), !plan.lines.isEmpty { return plan.lines.map { line($0.address) } }
        return ChipCatalogue.read().chips.flatMap { chip in
            chip.lines.filter { !$0.isUsed && !$0.isOutput }.map { line(.place(chip: chip.label, offset: $0.offset)) }
        }
    }

    private static func watchLines(_ lines: [LinePlan], _ invocation: Invocation, _ limits: WatchLimits) -> ExitCode {
        let printer = EdgePrinter(lines, invocation.console)
        let source = GPIOSource(lines, time: SystemTime())
        do throws(SystemError) {
            let loop = try EventLoop()
            source.start(on: loop, telling: printer)
            let ends = limits.ends
            while printer.edges < limits.count {
                let now = SystemTime.monotonic
                if now >= ends { break }
                source.tick(now)
                let due = min(ends, source.nextDeadline ?? .distantFuture)
                let wait = due == .distantFuture ? -1 : Int32(clamping: (due - now).wholeMilliseconds + 1)
                try loop.turn(timeout_ms: wait)
            }
        } catch {
            invocation.console.trouble("gpio watch: \(error)")
            return .internalFault
        }
        source.stop()
        return printer.unread.isEmpty && printer.lost == 0 ? .healthy : .finding
    }

    private static func followZones(
        _ client: AgentClient, _ invocation: Invocation, _ limits: WatchLimits
    ) -> ExitCode {
        let ends = limits.ends
        var told = 0
        do throws(AgentClient.Fault) {
            var since = try lastSequence(client)
            while told < limits.count, SystemTime.monotonic < ends {
                let document = try client.getJSON("/v1/events?since=\(since)&limit=1000")
                for event in document["events"]?.array ?? [] {
                    since = event["sequence"]?.integer ?? since
                    guard event["kind"]?.string == EventKind.zoneChanged.rawValue, told < limits.count else { continue }
                    told += 1
                    show(event, invocation.console)
                }
                pause(.milliseconds(200))
            }
            return .healthy
        } catch { return invocation.failed(error) }
    }

    private static func lastSequence(_ client: AgentClient) throws(AgentClient.Fault) -> Int {
        try client.getJSON("/v1/events?limit=1")["next"]?.integer ?? 0
    }

    /// What the zone's change says of the line that made it, as a bare line would be shown.
    private static func show(_ event: JSON, _ console: Console) {
        func evidence(_ name: String) -> String? {
            event["evidence"]?.array?.first { $0["name"]?.string == name }?["value"]?.string
        }
        let time = WallTime(milliseconds: Int64(event["time"]?.number ?? 0)).rfc3339
        let stamp = evidence("monotonic-ns").flatMap { Int64($0) }
        if console.isJSON {
            console.json { writer in
                writer.beginObject()
                writer.field("time", time)
                writer.field("zone", event["subject"]?.string)
                writer.field("text", event["text"]?.string)
                writer.field("line", evidence("line"))
                writer.field("level", evidence("level"))
                if let stamp {
                    writer.field("clock", "monotonic")
                    writer.field("nanoseconds", stamp)
                }
                writer.endObject()
            }
        } else {
            let edge = [evidence("line"), evidence("level")].compactMap { $0 }.joined(separator: " ")
            let words = [
                stamp.map { bootSeconds(MonotonicTime(nanoseconds: $0)) } ?? time, edge, event["text"]?.string ?? "?",
            ]
            console.line(words.filter { !$0.isEmpty }.joined(separator: "  "))
        }
    }

    /// Since the boot, to the microsecond, as the kernel's own log writes it.
    fileprivate static func bootSeconds(_ time: MonotonicTime) -> String {
        let microseconds = String(time.nanoseconds / 1000 % 1_000_000)
        return "[\(time.nanoseconds / 1_000_000_000)."
            + String(repeating: "0", count: 6 - microseconds.count) + microseconds + "]"
    }
}

/// Prints what a source tells.
private final class EdgePrinter: LineListener {
    private let lines: [LinePlan]
    private let console: Console
    private var levels: [Bool?]
    private(set) var edges = 0
    private(set) var lost: UInt64 = 0
    private(set) var unread: Set<Int> = []

    init(_ lines: [LinePlan], _ console: Console) {
        self.lines = lines
        self.console = console
        levels = lines.map { _ in nil }
    }

    func lineMoved(_ line: Int, isHigh: Bool, isSettled: Bool, at time: MonotonicTime) {
        let isFirst = levels[line] == nil
        if levels[line] == isHigh { return }
        levels[line] = isHigh
        unread.remove(line)
        if !isFirst { edges += 1 }
        let word = isHigh ? "high" : "low"
        if console.isJSON {
            console.json { writer in
                writer.beginObject()
                writer.field("line", lines[line].name)
                writer.field("level", word)
                writer.field("edge", !isFirst)
                writer.field("clock", "monotonic")
                writer.field("nanoseconds", time.nanoseconds)
                writer.field("readAfterNanoseconds", (SystemTime.monotonic - time).count)
                writer.endObject()
            }
        } else {
            console.line("\(SecurityCommands.bootSeconds(time))  \(lines[line].name)  \(isFirst ? "is " : "")\(word)")
        }
    }

    func lineFailed(_ line: Int, _ fault: LineFault) {
        levels[line] = nil
        unread.insert(line)
        let isAgents = fault.reason == .lineBusy && fault.detail.holds("mdc-agent")
        tell(lines[line].name, fault.text + (isAgents ? ": without LINE, what it reads is shown" : ""))
    }

    func edgesLost(_ count: UInt64) {
        lost += count
        tell("", "\(count) edges lost: the kernel's queue was full; levels were read again")
    }

    private func tell(_ name: String, _ text: String) {
        if console.isJSON {
            console.json { writer in
                writer.beginObject()
                if !name.isEmpty { writer.field("line", name) }
                writer.field("fault", text)
                if lost > 0 { writer.field("lost", lost) }
                writer.endObject()
            }
        } else {
            console.line(
                console.inked("\(SecurityCommands.bootSeconds(SystemTime.monotonic))  \(name)  \(text)", .attention))
        }
    }
}
