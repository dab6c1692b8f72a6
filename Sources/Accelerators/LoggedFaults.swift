internal import Platform
internal import Site

/// What the kernel log said of one card. Each stands for a while after it was last said; a card that was
/// taken off the bus and came back starts clean.
struct LoggedFaults {
    struct Fault {
        var verdict: Verdict
        var line: String
        var count: Int
        var last: MonotonicTime
    }

    private(set) var faults: [Fault] = []

    /// Long enough that a technician who looks once an hour sees it.
    private static let hold = Nanoseconds.seconds(3600)
    /// The same thing said again within this is no news (gpud's window is 5 to 15 minutes).
    private static let repeatWindow = Nanoseconds.seconds(600)

    /// True when it is worth an event of its own.
    mutating func note(_ verdict: Verdict, _ line: String, _ now: MonotonicTime) -> Bool {
        if let index = faults.firstIndex(where: { $0.verdict.code == verdict.code }) {
            let isNews = now - faults[index].last > Self.repeatWindow
            faults[index] = Fault(
                verdict: verdict, line: line, count: faults[index].count + 1, last: now)
            return isNews
        }
        faults.append(Fault(verdict: verdict, line: line, count: 1, last: now))
        return true
    }

    mutating func expire(_ now: MonotonicTime) {
        if faults.contains(where: { now - $0.last > Self.hold }) { faults.removeAll { now - $0.last > Self.hold } }
    }

    mutating func clear() { faults = [] }
}
