internal import CLinux
internal import Glibc
internal import Platform
internal import Security
internal import Site

// `gpio test`: a walk test that ticks off each sensor as it is set off.
extension SecurityCommands {
    static let test = Command(
        "gpio", "test", summary: "Walk test: ticks off each sensor as you set it off",
        discussion: """
            Open each door, step into each sensor's view, wet each leak tape. With a running agent its alarms
            are held back meanwhile (30 min at most; it must be disarmed). Ends when every zone was seen,
            after --for, or by Ctrl-C. Exit 1 when a zone was not seen.
            """,
        options: [.init("--for", value: "SECONDS", "End after this time (default 1800)")]
    ) { invocation in
        do throws(Invocation.UsageFault) {
            let seconds = try invocation.integer("--for", 1...1800, default: 1800)
            let ends = SystemTime.monotonic + .seconds(Int64(seconds))
            if let client = runningAgent(invocation) { return walkWithAgent(client, invocation, ends) }
            return walkAlone(invocation, ends)
        } catch {
            invocation.console.trouble("gpio test: \(error.text)")
            return .usage
        }
    }

    // MARK: - With the agent

    private static func walkWithAgent(_ client: AgentClient, _ invocation: Invocation, _ ends: MonotonicTime)
        -> ExitCode
    {
        do throws(AgentClient.Fault) {
            _ = try client.post("/v1/actions/walk-test", Array("{\"on\":true}".utf8))
            let signals = [SIGINT, SIGTERM]
            let interrupted = unsafe FileDescriptor(owning: cl_signalfd(signals, 2))
            let before = try activations(client)
            var sheet = TickSheet(before.map(\.zone), invocation.console)
            while SystemTime.monotonic < ends, cl_signalfd_read(interrupted.raw) < 0 {
                for (index, now) in try activations(client).enumerated() where index < before.count {
                    if now.count > before[index].count { sheet.tick(index) }
                }
                // The last one is let go first: a test that ends on a wet leak tape ends in an alarm.
                if sheet.isComplete, try everyZoneIsNormal(client) { break }
                pause(.milliseconds(200))
            }
            let answer = try client.postJSON("/v1/actions/walk-test", Array("{\"on\":false}".utf8))
            return sheet.close(answer["text"]?.string)
        } catch { return invocation.failed(error) }
    }

    private static func activations(_ client: AgentClient) throws(AgentClient.Fault) -> [(zone: String, count: Double)]
    {
        let document = try client.getJSON("/v1/points?match=" + percentEncoded("zone.*.activations"))
        return (document["points"]?.array ?? []).map { point in
            let name = point["name"]?.string ?? "?"
            return (String(name.split(separator: ".").dropFirst().first ?? "?"), point["value"]?.number ?? 0)
        }
    }

    private static func everyZoneIsNormal(_ client: AgentClient) throws(AgentClient.Fault) -> Bool {
        let document = try client.getJSON("/v1/points?match=" + percentEncoded("zone.*.state"))
        return (document["points"]?.array ?? []).allSatisfy { $0["value"]?.string == "normal" }
    }

    // MARK: - Alone

    private static func walkAlone(_ invocation: Invocation, _ ends: MonotonicTime) -> ExitCode {
        guard let plan = securityPlan(invocation), !plan.zones.isEmpty, plan.source == .gpio || plan.source == .libgpiod
        else {
            invocation.console.trouble(
                "no zones to walk: \(invocation.sitePath) names none on GPIO lines",
                remedy: "mdc-agent check says what is wrong with it; mdc-agent gpio watch shows bare lines")
            return .noInput
        }
        let walker = Walker(plan, TickSheet(plan.zones.map(\.name), invocation.console))
        let source = GPIOSource(plan.lines, time: SystemTime())
        do throws(SystemError) {
            let signals = [SIGINT, SIGTERM]
            let interrupted = unsafe FileDescriptor(owning: try checked(cl_signalfd(signals, 2), "signalfd"))
            let loop = try EventLoop()
            var isInterrupted = false
            try loop.add(interrupted.raw, .readable) { _ in isInterrupted = true }
            source.start(on: loop, telling: walker)
            while !walker.sheet.isComplete, !isInterrupted, SystemTime.monotonic < ends {
                source.tick(SystemTime.monotonic)
                // A walk test is minutes long; looking at deadlines four times a second is enough.
                try loop.turn(timeout_ms: 250)
                walker.tick()
            }
        } catch {
            invocation.console.trouble("gpio test: \(error)")
            return .internalFault
        }
        source.stop()
        return walker.sheet.close(nil)
    }
}

/// Ticks zones off by what the lines say.
private final class Walker: LineListener {
    private var engine: ZoneEngine
    var sheet: TickSheet

    init(_ plan: SecurityPlan, _ sheet: TickSheet) {
        engine = ZoneEngine(plan)
        self.sheet = sheet
    }

    func lineMoved(_ line: Int, isHigh: Bool, isSettled: Bool, at time: MonotonicTime) {
        engine.move(line, isHigh: isHigh, isSettled: isSettled, at: time)
        read()
    }
    func lineFailed(_ line: Int, _ fault: LineFault) {
        engine.fail(line, fault, at: SystemTime.monotonic)
        read()
    }
    func edgesLost(_ count: UInt64) {}
    func tick() {
        engine.advance(to: SystemTime.monotonic)
        read()
    }

    private func read() {
        for output in engine.takeOutputs() {
            switch output {
            case .activated(let zone, _, _): sheet.tick(zone)
            case .changed(let zone, _, .fault(let fault), _, _): sheet.note(zone, fault.text)
            default: break
            }
        }
    }
}

/// The list that a technician would tick on paper.
private struct TickSheet {
    private let zones: [String]
    private let console: Console
    private var seen: Set<Int> = []

    init(_ zones: [String], _ console: Console) {
        self.zones = zones
        self.console = console
        if !console.isJSON { console.line("to see: " + zones.joined(separator: ", ")) }
    }

    var isComplete: Bool { seen.count == zones.count }

    mutating func tick(_ zone: Int) {
        guard seen.insert(zone).inserted, !console.isJSON else { return }
        console.line(console.inked("seen ", .good) + zones[zone] + "  (\(zones.count - seen.count) to go)")
    }

    func note(_ zone: Int, _ text: String) {
        if !console.isJSON { console.line(console.inked("fault", .bad) + " \(zones[zone]): \(text)") }
    }

    func close(_ agentSays: String?) -> ExitCode {
        let missing = zones.indices.filter { !seen.contains($0) }.map { zones[$0] }
        if console.isJSON {
            console.json { writer in
                writer.beginObject()
                writer.beginArray("seen")
                for zone in seen.sorted() { writer.value(zones[zone]) }
                writer.endArray()
                writer.beginArray("missing")
                for zone in missing { writer.value(zone) }
                writer.endArray()
                writer.endObject()
            }
        } else {
            if let agentSays { console.line("agent: " + agentSays) }
            console.line(
                missing.isEmpty
                    ? "every zone was seen" : "not seen: " + console.inked(missing.joined(separator: ", "), .bad))
        }
        return missing.isEmpty ? .healthy : .finding
    }
}
