internal import Platform
internal import Site

/// READY means that every device was asked once, and answered or not, or that its deadline has passed:
/// whoever starts after us finds readings, and a dead machine does not keep the container from starting.
struct FirstRound {
    static let patience = Nanoseconds.seconds(1)

    /// By device: the points of those that were not heard of yet.
    private var silent: [[PointID]]
    private let deadline: MonotonicTime

    init(_ plan: SitePlan, _ board: Board, now: MonotonicTime) {
        let expected = plan.modbus.points + plan.security.points + plan.accelerators.points
        let byDevice = Dictionary(grouping: expected.compactMap { board.points.id(of: $0.name) }) {
            board.points[$0].device
        }
        silent = Array(byDevice.values)
        deadline = now + FirstRound.patience
    }

    mutating func isOver(_ board: Board, now: MonotonicTime) -> Bool {
        silent.removeAll { points in points.contains { board.sample($0, at: now).reason != .notYetRead } }
        return silent.isEmpty || now >= deadline
    }
}
