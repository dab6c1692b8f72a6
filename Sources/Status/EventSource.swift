public import Site

/// Where events are read from: the Journal, as far as this room needs to know it. Called on the status
/// thread.
public protocol EventSource: Sendable {
    /// The oldest `limit` events whose sequence is greater than `since`, in order.
    func events(since: UInt64, limit: Int) -> [Event]
}
