public import Platform
public import Site

/// The journal as Upstream needs it: events in order, and a cursor that survives a restart.
public protocol EventFeed: Sendable {
    /// The number of the newest event; 0 before the first.
    var lastSequence: UInt64 { get }

    /// Events numbered above `sequence`, oldest first. Fewer than `limit` only when there are no more;
    /// numbers are missing where old events had to give way.
    func events(after sequence: UInt64, limit: Int) -> [Event]

    /// Up to where a broker acknowledged them; kept over restarts. Nil: never set.
    var cursor: UInt64? { get }

    /// Durable when it returns. It also moves back: that is a replay which a crash must not forget.
    func moveCursor(to sequence: UInt64)

    /// The number of the last event before that time; 0 when all that are kept are younger.
    func sequence(before time: WallTime) -> UInt64
}
