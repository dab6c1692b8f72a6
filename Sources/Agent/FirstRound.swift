internal import Platform
internal import Site

/// READY means that every device was asked once (and answered or not), or that its deadline has passed:
/// whoever starts after us finds readings, and a dead machine does not keep the container from starting.
struct FirstRound {
    static let patience = Nanoseconds.seconds(3)

    private var unread: [PointID]
    private let deadline: MonotonicTime

    init(_ plan: SitePlan, _ board: Board, now: MonotonicTime) {
        let devices = plan.modbus.points + plan.security.points + plan.accelerators.points
        unread = devices.compactMap { board.points.id(of: $0.name) }
        deadline = now + FirstRound.patience
    }

    mutating func isOver(_ board: Board, now: MonotonicTime) -> Bool {
        unread.removeAll { board.sample($0, at: now).reason != .notYetRead }
        return unread.isEmpty || now >= deadline
    }
}
