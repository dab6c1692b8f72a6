internal import Platform
internal import Profiles
internal import Site

/// `power`: what each feed draws and may draw, where the energy goes, and limits for a time.
enum PowerCommands {
    static let all = [power, target, clear]

    static let power = Command(
        "power", summary: "What each feed draws and may draw; PUE; joules per inference",
        discussion: """
            'may' is where the feed stands on its ramp, 'usual' what it may draw without a target. PUE is after
            ISO/IEC 30134-2, with the boundary that the site file names. Exit 0: within its limits, 1: a feed
            is over or unmeasured, 2: a target is breached.
            """
    ) { invocation in
        do throws(AgentClient.Fault) {
            let status = try AgentClient(socketPath: invocation.socketPath).getJSON("/v1/status")
            guard let power = status["power"] else {
                invocation.console.trouble(
                    "this site has no power feeds", remedy: "name them in the site file under control: feeds:")
                return .noInput
            }
            if invocation.wantsJSON {
                invocation.console.json { $0.value(json: power) }
            } else {
                show(power, at: status["time"]?.number ?? 0, invocation.console)
            }
            return verdict(power["feeds"]?.array ?? [])
        } catch { return invocation.failed(error) }
    }

    private static func verdict(_ feeds: [JSON]) -> ExitCode {
        if feeds.contains(where: { $0["breach"]?["state"]?.string.map { $0 != "resolved" } ?? false }) { return .fault }
        let isWell = feeds.allSatisfy { feed in
            guard let measured = feed["measured_watts"]?.number else { return false }
            return measured <= feed["default_watts"]?.number ?? 0
        }
        return isWell ? .healthy : .finding
    }

    private static func show(_ power: JSON, at now: Double, _ console: Console) {
        func watts(_ value: JSON?) -> String { value?.number.map { "\(valueText(.number($0.rounded()))) W" } ?? "-" }
        console.table(
            ["FEED", "DRAWS", "MAY", "USUAL", "MOST", "ENERGY", "STATE"],
            (power["feeds"]?.array ?? []).map { feed in
                let (state, ink) = state(of: feed)
                let energy = feed["energy_watt_hours"]?.number.map { "\(valueText(.number($0 / 1000))) kWh" } ?? "-"
                return [
                    .init(feed["tag"]?.string ?? "?", .strong), .init(watts(feed["measured_watts"])),
                    .init(watts(feed["allowed_watts"])), .init(watts(feed["default_watts"])),
                    .init(watts(feed["maximum_watts"])), .init(energy), .init(state, ink),
                ]
            })
        for feed in power["feeds"]?.array ?? [] {
            for target in feed["targets"]?.array ?? [] {
                let begin = target["start"]?.number ?? 0
                let when =
                    target["active"]?.bool == true
                    ? "now" : begin > now ? "in \(ageText(milliseconds: begin - now))" : "-"
                let end = target["end"]?.number.map { "for \(ageText(milliseconds: $0 - max(now, begin)))" }
                console.line(
                    "target\t\(feed["tag"]?.string ?? "?")\t\(watts(target["watts"]))\t\(when)\t"
                        + "\(end ?? "until replaced")\t\(target["actor"]?.string ?? "")")
            }
        }
        if let pue = power["pue"] {
            console.line(
                "pue\t\(valueText(pue["live"])) now, \(valueText(pue["overall"])) overall"
                    + "\t\(watts(pue["total_watts"])) of which IT \(watts(pue["it_watts"]))"
                    + "\t\(pue["boundary"]?.string ?? "")")
        }
        for lane in power["lanes"]?.array ?? [] {
            console.line(
                "lane\t\(lane["model"]?.string ?? "?") on \(lane["accelerator"]?.string ?? "?")"
                    + "\t\(valueText(lane["joules_per_inference"])) J per inference"
                    + "\t\(valueText(lane["inferences"])) inferences")
        }
    }

    private static func state(of feed: JSON) -> (String, Console.Ink) {
        if let breach = feed["breach"], let state = breach["state"]?.string, state != "resolved" {
            return (breach["critical"]?.bool == true ? "breach, critical" : "breach", .bad)
        }
        guard let measured = feed["measured_watts"]?.number else { return ("a meter is not good", .attention) }
        if measured > feed["default_watts"]?.number ?? 0 { return ("over its limit", .bad) }
        if feed["ramping"]?.bool == true { return ("ramping", .attention) }
        let isLimited = feed["targets"]?.array?.contains { $0["active"]?.bool == true } ?? false
        return isLimited ? ("limited", .attention) : ("well", .good)
    }

    private static let feedOption = Command.Option("--feed", value: "TAG", "Only this feed (default: all)")

    static let target = Command(
        "power", "target", summary: "Limit what feeds may draw, now or later, for a time",
        discussion: """
            The allowance ramps down so that it is there when the time begins, and up again after it. What the
            accelerators may draw follows in the posture. T is a time (2026-11-25T22:00:00Z) or how long from
            now (2h). Example: mdc-agent power target 4000 --feed main --from 30min --for 2h
            """,
        arguments: [.init("WATTS", "at most so much")],
        options: [
            feedOption, .init("--from", value: "T", "When it begins (default: now)"),
            .init("--for", value: "TIME", "How long it holds (default: until replaced)"),
            .init("--until", value: "T", "When it ends, instead of --for"),
        ]
    ) { invocation in
        do throws(Invocation.UsageFault) {
            guard let watts = Double(invocation.arguments[0]), watts >= 0, watts.isFinite else {
                throw Invocation.UsageFault(text: "found '\(invocation.arguments[0])', expected watts, 0 or more")
            }
            let now = SystemTime().now().wall
            let start = try moment("--from", invocation, now) ?? now
            if invocation.has("--for"), invocation.has("--until") {
                throw Invocation.UsageFault(text: "--for and --until: one of them")
            }
            var end = try moment("--until", invocation, now)
            if let text = invocation["--for"] {
                guard let span = parseDuration(text), span > .zero else {
                    throw Invocation.UsageFault(text: "--for: found '\(text)', expected a time such as 30min or 2h")
                }
                end = WallTime(milliseconds: start.milliseconds + span.wholeMilliseconds)
            }
            return ask(invocation, start: start, end: end, watts: watts)
        } catch { return invocation.misused(error) }
    }

    static let clear = Command(
        "power", "clear", summary: "Remove what limits feeds, now and to come", options: [feedOption]
    ) { invocation in ask(invocation, start: SystemTime().now().wall, end: nil, watts: nil) }

    private static func moment(_ option: String, _ invocation: Invocation, _ now: WallTime)
        throws(Invocation.UsageFault) -> WallTime?
    {
        guard let text = invocation[option] else { return nil }
        if let time = WallTime(rfc3339: text) { return time }
        if let span = parseDuration(text) {
            return WallTime(milliseconds: now.milliseconds + span.wholeMilliseconds)
        }
        throw Invocation.UsageFault(
            text: "\(option): found '\(text)', expected a time such as 2026-11-25T22:00:00Z, or 2h from now")
    }

    private static func ask(_ invocation: Invocation, start: WallTime, end: WallTime?, watts: Double?) -> ExitCode {
        invocation.act("power-target") { body in
            body.field("start", start.milliseconds)
            if let end { body.field("end", end.milliseconds) }
            body.field("watts", watts)
            guard let feed = invocation["--feed"] else { return }
            body.beginArray("feeds")
            body.value(feed)
            body.endArray()
        }
    }
}
