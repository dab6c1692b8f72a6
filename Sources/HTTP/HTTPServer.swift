public import Platform
import Synchronization

/// The server: listeners, loops, one service behind them.
public final class HTTPServer: Sendable {
    public let listeners: [HTTPListener]
    private let loops: [ServerLoop]
    private let threads = Mutex<[OwnerThread]>([])
    private let name: String

    /// `loops`: one thread each. `limits.connectionsMax` is shared out among them.
    public init(
        name: String, listeners: [HTTPListener], service: any HTTPService, limits: HTTPLimits = HTTPLimits(),
        loops wanted: Int = 1, guest: (any LoopGuest)? = nil
    ) throws(SystemError) {
        self.name = name
        self.listeners = listeners
        let count = guest == nil ? wanted : 1
        let slots = max(1, (limits.connectionsMax + count - 1) / count)
        var loops: [ServerLoop] = []
        for index in 0..<max(1, count) {
            loops.append(
                try ServerLoop(
                    "\(name)-\(index)", listeners: listeners, service: service, limits: limits, slots: slots,
                    guest: guest))
        }
        self.loops = loops
    }

    public func start() throws(SystemError) {
        for loop in loops {
            let thread = try OwnerThread(loop.heartbeat.name) { loop.run() }
            threads.withLock { $0.append(thread) }
        }
    }

    /// Answers under way get their time (`HTTPLimits.stopTime`), then every thread is joined.
    public func stop() {
        for loop in loops { loop.requestStop() }
        let running = threads.withLock { threads in
            defer { threads.removeAll() }
            return threads
        }
        for thread in running { thread.join() }
    }

    public var heartbeats: [Heartbeat] { loops.map(\.heartbeat) }

    public var counts: HTTPCounts {
        var counts = HTTPCounts()
        for loop in loops { loop.counters.add(to: &counts) }
        return counts
    }
}
