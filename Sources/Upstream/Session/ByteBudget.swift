internal import Platform

/// What a thin link may carry: bytes come in at a steady rate and are spent by messages. Urgent
/// messages may overdraw, the others then wait until the debt is paid, so the rate holds over time.
struct ByteBudget {
    private let bytesPerSecond: Double?
    private let capacity: Double
    private var level: Double
    private var filled: MonotonicTime

    /// Two seconds' worth may be spent at once.
    init(bytesPerSecond: Int?, now: MonotonicTime) {
        self.bytesPerSecond = bytesPerSecond.map(Double.init)
        capacity = Double(bytesPerSecond ?? 0) * 2
        level = capacity
        filled = now
    }

    mutating func hasRoom(at now: MonotonicTime) -> Bool {
        guard let bytesPerSecond else { return true }
        level = min(capacity, level + (now - filled).seconds * bytesPerSecond)
        filled = now
        return level > 0
    }

    mutating func spend(_ bytes: Int) { if bytesPerSecond != nil { level -= Double(bytes) } }
}
