internal import Platform

/// Feeds systemd's watchdog while every owner thread makes progress, and names the one that does not.
final class Watch {
    private let heartbeats: [Heartbeat]
    private let manager: ServiceManager
    private var stuck: [String] = []

    init(_ heartbeats: [Heartbeat], _ manager: ServiceManager) {
        self.heartbeats = heartbeats
        self.manager = manager
    }

    /// The threads that make no progress, by name.
    func look(_ now: MonotonicTime) -> [String] {
        let silent = heartbeats.filter { !$0.isAlive(at: now) }
        for heart in silent where !stuck.contains(heart.name) {
            let seconds = Int(heart.silence(at: now).seconds)
            Log.write(
                .fault, "watchdog",
                "\(heart.name) has made no progress for \(seconds) s (limit \(Int(heart.limit.seconds)) s): "
                    + "systemd is no longer told that all is well and will restart the agent")
        }
        stuck = silent.map(\.name)
        if silent.isEmpty { manager.feedWatchdog() }
        return stuck
    }
}
