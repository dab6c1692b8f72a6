internal import Platform
internal import Site

/// One input line of the container's security wiring, and what its levels mean.
struct SecurityLine: Equatable {
    enum Kind: String { case door, motion, smoke, leak, tamper, mains, contact }
    enum State: String, CaseIterable { case normal, alarm, short, open }

    let name: String
    /// The zone it belongs to: a supervised zone has two lines that move together.
    let zone: String
    let kind: Kind
    /// Level in each state, in `State`'s order.
    let levels: [Bool]

    func isHigh(in state: State) -> Bool { levels[State.allCases.firstIndex(of: state) ?? 0] }

    /// A normally closed contact to ground under a pull-up: rest and a short read low, alarm and a cut high.
    init(normallyClosed name: String, _ kind: Kind) {
        self.init(name: name, zone: name, kind: kind, levels: [false, true, false, true])
    }

    init(name: String, zone: String, kind: Kind, levels: [Bool]) {
        self.name = name
        self.zone = zone
        self.kind = kind
        self.levels = levels
    }

    /// Where the site file says nothing of security.
    static let usual = [
        SecurityLine(normallyClosed: "door-front", .door), SecurityLine(normallyClosed: "door-rear", .door),
        SecurityLine(normallyClosed: "pir-aisle", .motion), SecurityLine(normallyClosed: "smoke-ceiling", .smoke),
        SecurityLine(normallyClosed: "leak-floor", .leak), SecurityLine(normallyClosed: "tamper-panel", .tamper),
        SecurityLine(normallyClosed: "mains-relay", .mains),
    ]
}

/// The levels of all lines, with the moment of each change: what the line socket tells.
final class SecurityLines {
    let lines: [SecurityLine]
    private(set) var states: [SecurityLine.State]
    private var levels: [Bool]
    private var changed: [MonotonicTime]
    /// Called with every edge.
    var onEdge: ((_ line: Int) -> Void)?

    init(_ lines: [SecurityLine], now: MonotonicTime) {
        self.lines = lines
        states = lines.map { _ in .normal }
        levels = lines.map { $0.isHigh(in: .normal) }
        changed = lines.map { _ in now }
    }

    func level(_ line: Int) -> Bool { levels[line] }

    /// As the socket writes it: `line NAME LEVEL NANOSECONDS`.
    func text(_ line: Int) -> String {
        "line \(lines[line].name) \(levels[line] ? 1 : 0) \(changed[line].nanoseconds)\n"
    }

    func set(_ line: Int, high: Bool, at now: MonotonicTime) {
        if levels[line] == high { return }
        levels[line] = high
        changed[line] = now
        onEdge?(line)
    }

    /// Puts a line into a state the way a contact gets there: with a few bounces.
    func enter(_ state: SecurityLine.State, _ line: Int, at now: MonotonicTime, _ queue: DeliveryQueue?) {
        states[line] = state
        let target = lines[line].isHigh(in: state)
        if levels[line] == target { return }
        set(line, high: target, at: now)
        guard let queue else { return }
        // Reed contacts bounce for a few milliseconds: two short returns, then rest.
        for (delay_ms, back) in [(2, true), (3, false), (6, true), (8, false)] {
            queue.at(now + .milliseconds(Int64(delay_ms))) { [weak self] in
                guard let self, states[line] == state else { return }
                set(line, high: back ? !target : target, at: SystemTime.monotonic)
            }
        }
    }
}
