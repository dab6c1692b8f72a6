internal import Control
internal import Platform

/// Decisions on their way out. One that made events waits until the journal holds them (or says that it
/// cannot): nothing is told before it is written. The order of decisions is kept.
struct Outbox {
    private struct Waiting {
        let decisions: Decisions
        /// Nil: nothing to wait for but its turn.
        let ticket: UInt64?
        let since: MonotonicTime
    }

    /// A disk that hangs must not keep a door open: after this the decision goes out all the same, and
    /// the journal's status says that it is not durable.
    static let patience = Nanoseconds.seconds(1)

    private var waiting: [Waiting] = []
    private var journalledTicket: UInt64 = 0

    mutating func add(_ decisions: Decisions, ticket: UInt64?, at now: MonotonicTime) {
        waiting.append(Waiting(decisions: decisions, ticket: ticket, since: now))
    }

    mutating func isJournalled(_ ticket: UInt64) { journalledTicket = max(journalledTicket, ticket) }

    /// What may go out now, in order.
    mutating func release(at now: MonotonicTime) -> [Decisions] {
        let ready = waiting.prefix { waiting in
            (waiting.ticket.map { $0 <= journalledTicket } ?? true) || now - waiting.since >= Outbox.patience
        }
        defer { waiting.removeFirst(ready.count) }
        return ready.map(\.decisions)
    }

    /// The end: the journal has taken everything it could.
    mutating func releaseAll() -> [Decisions] {
        defer { waiting = [] }
        return waiting.map(\.decisions)
    }
}
