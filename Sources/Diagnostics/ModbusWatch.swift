internal import Platform

/// `modbus stats` and `modbus watch`: how the buses do, and what passes on them.
extension ModbusCommands {
    static let stats = Command(
        "modbus", "stats", summary: "Every bus and unit: requests, errors, round-trip times, the last error in words",
        options: [.init("--watch", "Keep it current; Ctrl-C ends")]
    ) { invocation in
        let client = AgentClient(socketPath: invocation.socketPath)
        while true {
            do throws(AgentClient.Fault) {
                let bytes = try client.post("/v1/actions/modbus", Array(#"{"do":"stats"}"#.utf8))
                if invocation.has("--watch"), invocation.console.isTerminal {
                    invocation.console.raw("\u{1B}[H\u{1B}[2J")
                }
                let code = showStats(invocation, bytes, try AgentClient.parse(bytes))
                if !invocation.has("--watch") { return code }
            } catch { return invocation.failed(error) }
            pause(.seconds(1))
        }
    }

    private static func showStats(_ invocation: Invocation, _ bytes: [UInt8], _ document: JSON) -> ExitCode {
        let buses = document["buses"]?.array ?? []
        let units = buses.flatMap { $0["units"]?.array ?? [] }
        let isWell = units.allSatisfy { $0["state"]?.string == "online" }
        if invocation.wantsJSON {
            invocation.console.raw(String(decoding: bytes, as: UTF8.self) + "\n")
            return isWell ? .healthy : .finding
        }
        for bus in buses {
            let load = ((bus["utilisation"]?.number ?? 0) * 100).rounded()
            let state = bus["connected"]?.bool == true ? "connected" : "down"
            invocation.console.line(
                "\(bus["name"]?.string ?? "")  \(bus["address"]?.string ?? "")  \(state), \(Int(load)) % busy, "
                    + "\(valueText(bus["missedCycles"])) rounds missed, late start "
                    + "\(valueText(bus["startDelayP99Ms"])) ms (p99)"
                    + (bus["error"]?.string.map { ": \($0)" } ?? ""))
            invocation.console.table(
                [
                    "UNIT", "ID", "STATE", "REQUESTS", "TIMEOUTS", "CRC", "EXC", "LATE", "FOREIGN", "P50 MS", "P99 MS",
                    "LAST ERROR",
                ],
                (bus["units"]?.array ?? []).map { unit in
                    func cell(_ key: String) -> Console.Cell { .init(valueText(unit[key])) }
                    let state = unit["state"]?.string ?? ""
                    return [
                        .init(unit["name"]?.string ?? "", .strong), cell("id"),
                        .init(state, state == "online" ? .good : .bad), cell("requests"), cell("timeouts"),
                        cell("checksumErrors"), cell("exceptions"), cell("lateReplies"), cell("foreignReplies"),
                        cell("p50Ms"), cell("p99Ms"), .init(unit["error"]?.string ?? ""),
                    ]
                })
        }
        return isWell ? .healthy : .finding
    }

    static let watch = Command(
        "modbus", "watch", summary: "Follow a unit's points, or with --trace every frame on a bus",
        discussion: """
            Prints a line whenever a point of the unit changes. With --trace every frame that passes on the bus, or on
            the bus of the unit, is printed with what it means. Needs the running agent, which owns the bus; Ctrl-C
            ends.
            """,
        arguments: [.init("NAME", "a unit; with --trace also a bus")],
        options: [
            .init("--trace", "Show the frames"), .init("--count", value: "N", "End after N lines (default: never)"),
        ]
    ) { invocation in
        let client = AgentClient(socketPath: invocation.socketPath)
        var left: Int
        do throws(Invocation.UsageFault) {
            left = try invocation.integer("--count", 1...1_000_000_000, default: .max)
        } catch {
            return usage(invocation, error.text)
        }
        do throws(AgentClient.Fault) {
            return invocation.has("--trace")
                ? try followFrames(invocation, client, &left) : try followPoints(invocation, client, &left)
        } catch { return invocation.failed(error) }
    }

    private static func followFrames(
        _ invocation: Invocation, _ client: AgentClient, _ left: inout Int
    ) throws(AgentClient.Fault) -> ExitCode {
        var next = 0.0
        while left > 0 {
            var writer = ByteWriter()
            writer.beginObject()
            writer.field("do", "trace")
            writer.field("bus", invocation.arguments[0])
            writer.field("since", next)
            writer.endObject()
            let document = try client.postJSON("/v1/actions/modbus", writer.bytes)
            for frame in document["frames"]?.array ?? [] where left > 0 {
                left -= 1
                let direction = frame["sent"]?.bool == true ? "->" : "<-"
                let bytes = frame["bytes"]?.string ?? ""
                let text = frame["text"]?.string ?? ""
                if invocation.wantsJSON {
                    invocation.console.json { writer in
                        writer.beginObject()
                        writer.field("time", frame["time"]?.number)
                        writer.field("sent", direction == "->")
                        writer.field("bytes", bytes)
                        writer.field("text", text)
                        writer.endObject()
                    }
                } else {
                    let time = WallTime(milliseconds: Int64(frame["time"]?.number ?? 0))
                    invocation.console.line("\(clockText(time))  \(direction)  \(spaced(bytes))  \(text)")
                }
            }
            next = document["next"]?.number ?? next
            pause(.milliseconds(200))
        }
        return .healthy
    }

    private static func followPoints(
        _ invocation: Invocation, _ client: AgentClient, _ left: inout Int
    ) throws(AgentClient.Fault) -> ExitCode {
        var seen: [String: String] = [:]
        while left > 0 {
            let document = try client.getJSON("/v1/points?match=" + percentEncoded(invocation.arguments[0] + ".*"))
            let points = document["points"]?.array ?? []
            if points.isEmpty {
                invocation.console.trouble(
                    "no unit '\(invocation.arguments[0])'", remedy: "mdc-agent modbus stats lists them")
                return .noInput
            }
            for point in points where left > 0 {
                let name = point["name"]?.string ?? ""
                let quality = point["quality"]?.string ?? ""
                let reason = point["reason"]?.string.map { ": \($0)" } ?? ""
                let shown = "\(valueText(point["value"])) \(point["unit"]?.string ?? "")"
                let text = quality == "good" ? shown : "\(quality)\(reason)"
                if seen.updateValue(text, forKey: name) == text { continue }
                left -= 1
                let time = WallTime(milliseconds: Int64(document["time"]?.number ?? 0))
                if invocation.wantsJSON {
                    invocation.console.json { writer in writer.value(json: point) }
                } else {
                    invocation.console.line("\(clockText(time))\t\(name)\t\(text)")
                }
            }
            pause(.milliseconds(500))
        }
        return .healthy
    }

    /// Universal time of day, to the millisecond.
    private static func clockText(_ time: WallTime) -> String {
        let ms = time.milliseconds % 86_400_000
        func two(_ n: Int64) -> String { n < 10 ? "0\(n)" : "\(n)" }
        let rest = ms % 1000
        let padded = rest < 10 ? "00\(rest)" : rest < 100 ? "0\(rest)" : "\(rest)"
        return "\(two(ms / 3_600_000)):\(two(ms / 60_000 % 60)):\(two(ms / 1000 % 60)).\(padded)"
    }

    private static func spaced(_ hex: String) -> String {
        var out = ""
        for (i, character) in hex.enumerated() {
            if i > 0, i % 2 == 0 { out.append(" ") }
            out.append(character)
        }
        return out
    }
}
