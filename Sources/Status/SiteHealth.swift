public import Site

/// The container in one word, the same for people, scripts and probes.
public enum SiteHealth: Int, CaseIterable, Sendable {
    case ok = 0
    case degraded = 1
    case fault = 2

    public var text: String {
        switch self {
        case .ok: "ok"
        case .degraded: "degraded"
        case .fault: "fault"
        }
    }

    /// A fault: somebody must act now. Degraded: something does not work as it should. What is unknown
    /// is never ok.
    public init(_ snapshot: SiteSnapshot) {
        let worst = snapshot.alarms.filter(\.isActive).map(\.severity).max()
        if !snapshot.stuck.isEmpty || worst == .critical || snapshot.posture.state >= .stop {
            self = .fault
            return
        }
        let isDegraded =
            (worst ?? .info) >= .warning || snapshot.posture.state >= .drain
            || snapshot.buses.contains { bus in
                !bus.isConnected || bus.units.contains { $0.state == .offline || $0.state == .dormant }
            }
            || snapshot.accelerators.contains { $0.health != .ok && $0.health != .transitional }
            || snapshot.journal?.isDurable == false
        self = isDegraded ? .degraded : .ok
    }
}
