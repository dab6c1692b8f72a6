internal import CLinux
internal import Glibc
internal import Platform
internal import Status

/// The container on one screen of 80x24, over a serial console too: what is well takes one line, what is not
/// takes its own. Nothing scrolls, nothing flickers; a terminal that cannot move its cursor gets a new
/// screen whenever something has changed.
struct WatchScreen {
    private let console: Console
    private let rows: Int
    private let columns: Int
    private var last: [String] = []

    init(_ console: Console) {
        self.console = console
        var rows: Int32 = 0
        var columns: Int32 = 0
        // A serial line does not know its terminal's size: every one has had 24 lines of 80.
        _ = unsafe cl_terminal_size(STDOUT_FILENO, &rows, &columns)
        self.rows = rows > 4 ? Int(rows) : environment("LINES").flatMap { Int($0) } ?? 24
        self.columns = columns > 20 ? Int(columns) : environment("COLUMNS").flatMap { Int($0) } ?? 80
    }

    typealias Line = (text: String, ink: Console.Ink)

    mutating func show(_ lines: [Line]) {
        let shown = fitted(lines)
        if !console.isTerminal || Console.isDumb {
            // The clock alone is no news.
            let news = shown.dropFirst().map(\.text)
            if news == last { return }
            last = news
            console.raw(shown.map { $0.text + "\n" }.joined() + "\n")
            return
        }
        // Home, each line to its end, then the rest of the screen: no blank moment in between. No line feed
        // after the last line, which would scroll.
        let text = shown.map { console.inked($0.text, $0.ink) + "\u{1B}[K" }.joined(separator: "\r\n")
        console.raw((last.isEmpty ? "\u{1B}[2J" : "") + "\u{1B}[H" + text + "\u{1B}[J")
        last = [""]
    }

    /// As many lines as there are rows, each as long as there are columns. What must not be lost stands first.
    private func fitted(_ lines: [Line]) -> [Line] {
        var out: [Line] = lines.prefix(rows).map { (WatchScreen.cut($0.text, columns - 1), $0.ink) }
        if lines.count > rows {
            out[rows - 1] = (local("... and %1 lines more", "\(lines.count - rows + 1)"), .faint)
        }
        return out
    }

    static func cut(_ text: String, _ columns: Int) -> String {
        if columnWidth(text) <= columns { return text }
        var out = ""
        var width = 0
        for letter in text {
            width += columnWidth(String(letter))
            if width > columns - 2 { break }
            out.append(letter)
        }
        return out + ".."
    }
}

/// `/v1/status` and `/v1/alarms` as the lines of one screen.
struct WatchLines {
    private(set) var lines: [WatchScreen.Line] = []
    private let status: JSON
    private let alarms: [JSON]

    init(_ status: JSON, _ alarms: [JSON]) {
        self.status = status
        self.alarms = alarms
        head()
        trouble()
        buses()
        accelerators()
        zones()
        planes()
    }

    private mutating func add(_ text: String, _ ink: Console.Ink = .plain) { lines.append((text, ink)) }

    /// A heading of ten columns, whatever the language.
    private func label(_ word: String) -> String {
        let text = local(word)
        return text + String(repeating: " ", count: max(1, 11 - columnWidth(text)))
    }

    /// One of several under a heading: how it is first, all in one column.
    private mutating func item(_ state: String, _ text: String, _ ink: Console.Ink) {
        add("  " + state + String(repeating: " ", count: max(1, 9 - columnWidth(state))) + text, ink)
    }

    private mutating func head() {
        let health = status["health"]?.string ?? "?"
        let wall = status["time"]?.number.map { WallTime(milliseconds: Int64($0)).rfc3339 } ?? ""
        let time = wall.isEmpty ? "" : wall.prefix(19) + "Z"
        add("\(status["title"]?.string ?? "?")  \(time)", .strong)
        add(label("health") + local(health), health == "ok" ? .good : .bad)
        let posture = status["posture"]
        let state = posture?["state"]?.string ?? "?"
        let watts = posture?["watts"]?.number.map { " (\(valueText(.number($0))) W)" } ?? ""
        add(
            label("posture") + local(state) + watts + "  "
                + Catalogue.sentence(posture?["reason"]?.string ?? ""), state == "normal" ? .good : .attention)
        add(label("security") + local(status["arming"]?.string ?? "?"))
    }

    private mutating func trouble() {
        let active = alarms.filter { $0["active"]?.bool == true }
        let waiting = alarms.filter { $0["acknowledged"]?.bool == false }.count
        if alarms.isEmpty { return add(label("alarms") + local("none"), .good) }
        add(
            label("alarms") + local("%1 active, %2 to acknowledge", "\(active.count)", "\(waiting)"),
            active.isEmpty ? .attention : .bad)
        // Eight alarms and the count of the others leave room for the rest of the container.
        for alarm in alarms.prefix(8) {
            let mark = alarm["active"]?.bool == false ? local("over") : local(alarm["severity"]?.string ?? "?")
            item(mark, Catalogue.sentence(alarm["text"]?.string ?? ""), .attention)
        }
        if alarms.count > 8 { add("  " + local("and %1 more: mdc-agent alarms", "\(alarms.count - 8)"), .attention) }
    }

    private mutating func buses() {
        let buses = status["buses"]?.array ?? []
        if buses.isEmpty { return }
        let units = buses.flatMap { $0["units"]?.array ?? [] }
        let silent = units.filter { $0["state"]?.string != "online" }
        add(
            label("machines")
                + local(
                    "%1 of %2 answer on %3 buses", "\(units.count - silent.count)", "\(units.count)", "\(buses.count)"),
            silent.isEmpty ? .good : .bad)
        for unit in silent.prefix(6) {
            let why = unit["error"]?.string.map { ": " + $0 } ?? ""
            item(local(unit["state"]?.string ?? "?"), (unit["name"]?.string ?? "?") + why, .bad)
        }
        if silent.count > 6 { add("  " + local("and %1 more", "\(silent.count - 6)"), .bad) }
    }

    private mutating func accelerators() {
        let cards = status["accelerators"]?.array ?? []
        if cards.isEmpty { return }
        let ill = cards.filter { $0["health"]?.string != "ok" }
        add(
            label("cards") + local("%1 of %2 are well", "\(cards.count - ill.count)", "\(cards.count)"),
            ill.isEmpty ? .good : .bad)
        for card in ill.prefix(6) {
            let finding = card["findings"]?.array?.first
            let text = finding?["text"]?.string.map { "  " + Catalogue.sentence($0) } ?? ""
            let action = finding?["action"]?.string.map { " -> " + local($0) } ?? ""
            item(local(card["health"]?.string ?? "?"), "\(card["name"]?.string ?? "?")\(text)\(action)", .bad)
        }
        if ill.count > 6 { add("  " + local("and %1 more", "\(ill.count - 6)"), .bad) }
    }

    private mutating func zones() {
        let zones = status["zones"]?.array ?? []
        if zones.isEmpty { return }
        let loud = zones.filter { $0["state"]?.string != "normal" || $0["bypassed"]?.bool == true }
        add(
            label("zones") + local("%1 of %2 are normal", "\(zones.count - loud.count)", "\(zones.count)"),
            loud.isEmpty ? .good : .attention)
        for zone in loud.prefix(4) {
            let state = zone["bypassed"]?.bool == true ? "bypassed" : zone["state"]?.string ?? "?"
            item(local(state), Catalogue.sentence(zone["title"]?.string ?? zone["name"]?.string ?? "?"), .attention)
        }
        if loud.count > 4 { add("  " + local("and %1 more", "\(loud.count - 4)"), .attention) }
    }

    private mutating func planes() {
        if let inference = status["inference"], inference.object != nil {
            let lanes = inference["lanes"]?.array ?? []
            let ready = lanes.filter { $0["state"]?.string == "ready" }.count
            let isReady = inference["ready"]?.bool ?? false
            add(
                label("inference") + local(isReady ? "ready" : "not ready") + "  "
                    + local("%1 of %2 lanes", "\(ready)", "\(lanes.count)"), isReady ? .good : .attention)
        }
        if let upstream = status["upstream"], upstream.object != nil {
            let isConnected = upstream["connected"]?.bool ?? false
            add(
                label("upstream") + local(isConnected ? "connected" : "not connected") + "  "
                    + local("%1 events behind", "\(upstream["behind"]?.integer ?? 0)"), isConnected ? .good : .bad)
        }
        if let journal = status["journal"], journal["durable"]?.bool == false {
            add(label("journal") + local("memory only: what happens now is lost with the power"), .bad)
        }
    }
}
