public import Journal

/// The history as Upstream needs it for what was measured while nobody listened.
public protocol HistoryFeed: Sendable {
    /// What those points read within one minute (counted from 1970).
    func minute(_ minute: Int64, of names: [String]) -> [HistoryMinute]
}
