internal import Platform
internal import Status

/// `/v1/status` for a person at a serial console: fits 80x24 for a container of ordinary size.
struct StatusScreen {
    private let status: JSON
    private let console: Console

    init(_ status: JSON, _ console: Console) {
        self.status = status
        self.console = console
    }

    func show() {
        head()
        alarms()
        section("buses", "name") { bus in
            let isUp = bus["connected"]?.bool ?? false
            let units = bus["units"]?.array ?? []
            let online = units.filter { $0["state"]?.string == "online" }.count
            return (
                isUp && online == units.count ? .good : .bad,
                local("%1 of %2 units answer", "\(online)", "\(units.count)") + trouble(bus, units)
            )
        }
        section("accelerators", "name") { card in
            let health = card["health"]?.string ?? "unknown"
            let findings = (card["findings"]?.array ?? []).compactMap { finding in
                finding["text"]?.string.map {
                    "\(Catalogue.sentence($0)) -> \(local(finding["action"]?.string ?? "observe"))"
                }
            }
            let model = card["model"]?.string ?? ""
            return (
                health == "ok" ? .good : .bad,
                "\(local(health))  " + local("%1 at %2", model, card["address"]?.string ?? "?")
                    + (findings.isEmpty ? "" : "  " + findings.joined(separator: "; "))
            )
        }
        section("zones", "name") { zone in
            let state = zone["state"]?.string ?? "?"
            return (
                state == "normal" ? .good : .attention, local(state) + (zone["reason"]?.string.map { ": \($0)" } ?? "")
            )
        }
        planes()
    }

    private func head() {
        let posture = status["posture"]
        let state = posture?["state"]?.string ?? "?"
        let health = status["health"]?.string ?? "?"
        console.line(
            console.inked(status["title"]?.string ?? status["site"]?.string ?? "?", .strong)
                + "  " + console.inked(local(health), health == "ok" ? .good : .bad)
                + "  mdc-agent \(status["version"]?.string ?? "?")")
        let watts = posture?["watts"]?.number.map { " (\(valueText(.number($0))) W)" } ?? ""
        console.line(
            local("posture") + "  " + console.inked(local(state) + watts, state == "normal" ? .good : .attention)
                + "  " + Catalogue.sentence(posture?["reason"]?.string ?? ""))
    }

    private func alarms() {
        let alarms = status["alarms"]
        let active = alarms?["active"]?.integer ?? 0
        let waiting = alarms?["unacknowledged"]?.integer ?? 0
        let worst = alarms?["worst"]?.string.map { ", " + local("worst: %1", local($0)) } ?? ""
        let count = local("%1 active, %2 to acknowledge", "\(active)", "\(waiting)") + worst
        console.line(
            local("alarms") + "   "
                + console.inked(active == 0 && waiting == 0 ? local("none") : count, active == 0 ? .good : .bad)
                + (waiting > 0 ? "  (mdc-agent alarms)" : ""))
    }

    private func section(_ key: String, _ nameKey: String, _ row: (JSON) -> (Console.Ink, String)) {
        guard let items = status[key]?.array, !items.isEmpty else { return }
        console.line(console.inked(local(key), .faint))
        let width = items.map { columnWidth($0[nameKey]?.string ?? "?") }.max() ?? 0
        for item in items {
            let name = item[nameKey]?.string ?? "?"
            let (ink, text) = row(item)
            console.line(
                "  " + name + String(repeating: " ", count: width - columnWidth(name) + 2) + console.inked(text, ink))
        }
    }

    private func trouble(_ bus: JSON, _ units: [JSON]) -> String {
        let silent = units.filter { $0["state"]?.string != "online" }.compactMap { unit in
            unit["name"]?.string.map { name in name + (unit["error"]?.string.map { " (\($0))" } ?? "") }
        }
        let all = [bus["error"]?.string].compactMap { $0 } + silent
        return all.isEmpty ? "" : "; " + all.joined(separator: ", ")
    }

    private func planes() {
        if let inference = status["inference"], inference.object != nil {
            let lanes = inference["lanes"]?.array ?? []
            let isReady = inference["ready"]?.bool ?? false
            console.line(
                local("inference") + "  "
                    + console.inked(local(isReady ? "ready" : "not ready"), isReady ? .good : .attention)
                    + "  " + local("%1 lanes", "\(lanes.count)"))
        }
        if let upstream = status["upstream"], upstream.object != nil {
            let isConnected = upstream["connected"]?.bool ?? false
            let behind = upstream["behind"]?.integer ?? 0
            console.line(
                local("upstream") + "   "
                    + console.inked(local(isConnected ? "connected" : "not connected"), isConnected ? .good : .bad)
                    + "  \(upstream["broker"]?.string ?? local("no broker"))  "
                    + local("%1 events behind", "\(behind)"))
        }
    }
}
