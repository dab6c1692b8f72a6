public import Platform

/// Decisions on their way out. One that made events waits until the journal holds them (or says that it
/// cannot): nothing is told before it is written. The order of decisions is kept.
public struct Outbox: Sendable {
    private struct Waiting: Sendable {
        let decisions: Decisions
        /// Nil: nothing to wait for but its turn.
        let ticket: UInt64?
        let since: MonotonicTime
    }

    /// A disk that hangs must not keep a door open: after this the decision goes out all the same, and
    /// the journal's status says that it is not durable.
    public static let patience = Nanoseconds.seconds(1)

    private var waiting: [Waiting] = []
    private var journalledTicket: UInt64 = 0

    public init() {}

    public mutating func add(_ decisions: Decisions, ticket: UInt64?, at now: MonotonicTime) {
        waiting.append(Waiting(decisions: decisions, ticket: ticket, since: now))
    }

    public mutating func isJournalled(_ ticket: UInt64) { journalledTicket = max(journalledTicket, ticket) }

    /// The next that may go out now, in order.
    public mutating func next(at now: MonotonicTime) -> Decisions? {
        if waiting.isEmpty { return nil }
        let isJournalled = waiting[0].ticket.map { $0 <= journalledTicket } ?? true
        guard isJournalled || now - waiting[0].since >= Outbox.patience else { return nil }
        return waiting.removeFirst().decisions
    }

    /// When the first goes out all the same.
    public var patienceEnds: MonotonicTime? { waiting.isEmpty ? nil : waiting[0].since + Outbox.patience }

    /// The end: the journal has taken everything it could.
    public mutating func releaseAll() -> [Decisions] {
        defer { waiting = [] }
        return waiting.map(\.decisions)
    }
}
