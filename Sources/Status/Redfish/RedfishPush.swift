internal import HTTP
internal import Platform
internal import Site
import Synchronization

/// Tells subscribers of events, in order, each at least once, on a thread of its own: a receiver that does not
/// answer keeps nobody waiting but itself, and gets everything when it comes back.
final class RedfishPush: Sendable {
    private let subscriptions: Subscriptions
    private let events: any EventSource
    private let origin: @Sendable (String) -> RedfishOrigin
    private let wakeup: Wakeup
    private let stopping = Atomic<Bool>(false)
    private let thread = Mutex<OwnerThread?>(nil)
    /// Records that are sent once to everyone and kept nowhere (SubmitTestEvent).
    private let extras = Mutex<[RedfishEvent]>([])
    let heartbeat = Heartbeat("status-push", limit: .seconds(120))

    /// Events in one POST.
    static let batch = 10
    static let retryInterval = Nanoseconds.seconds(30)
    private static let retryIntervalMax = Nanoseconds.seconds(300)
    private static let timeout = Nanoseconds.seconds(3)
    private static let saveInterval = Nanoseconds.seconds(5)

    /// `origin` knows the resource that a subject is.
    init(
        _ subscriptions: Subscriptions, events: any EventSource, origin: @escaping @Sendable (String) -> RedfishOrigin
    ) throws(SystemError) {
        self.subscriptions = subscriptions
        self.events = events
        self.origin = origin
        wakeup = try Wakeup()
    }

    func start() throws(SystemError) {
        // OpenSSL and the resolver want more than the usual half megabyte.
        let fresh = try OwnerThread("status-push", stackBytes: 1 << 20) { self.run() }
        thread.withLock { $0 = fresh }
    }

    func stop() {
        stopping.store(true, ordering: .releasing)
        wakeup.signal()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// Something may have happened: one lock and, where somebody waits for it, one write.
    func changed() { if !subscriptions.isEmpty { wakeup.signal() } }

    func sendOnce(_ record: RedfishEvent) {
        extras.withLock { if $0.count < 16 { $0.append(record) } }
        wakeup.signal()
    }

    private struct Patience {
        var next = MonotonicTime.distantPast
        var interval = RedfishPush.retryInterval
    }

    private func run() {
        guard let loop = try? EventLoop() else { return }
        try? loop.add(wakeup.descriptor.raw, .readable) { [wakeup] _ in wakeup.drain() }
        var patience: [String: Patience] = [:]
        var saved = SystemTime.monotonic
        while true {
            try? loop.turn(timeout_ms: 1000)
            heartbeat.beat()
            if stopping.load(ordering: .acquiring) { break }
            let records = extras.withLock { extras in
                defer { extras = [] }
                return extras
            }
            for subscription in subscriptions.all {
                if stopping.load(ordering: .acquiring) { break }
                heartbeat.beat()
                for record in records where subscription.filter.admits(record) {
                    _ = deliver([record], id: "test", to: subscription)
                }
                serve(subscription, &patience[subscription.id, default: Patience()])
            }
            let now = SystemTime.monotonic
            if now - saved >= RedfishPush.saveInterval {
                saved = now
                subscriptions.saveIfChanged()
            }
        }
        subscriptions.saveIfChanged()
    }

    private func serve(_ subscription: Subscription, _ patience: inout Patience) {
        var told = subscription.sequence
        while SystemTime.monotonic >= patience.next, !stopping.load(ordering: .acquiring) {
            let fresh = events.events(since: told, limit: RedfishPush.batch)
            guard let last = fresh.last else { return }
            let records = fresh.map { RedfishEvent($0, origin: origin($0.subject)) }.filter(subscription.filter.admits)
            guard records.isEmpty || deliver(records, id: String(fresh[0].sequence), to: subscription) else {
                patience.next = SystemTime.monotonic + patience.interval
                patience.interval = Nanoseconds(
                    min(RedfishPush.retryIntervalMax.count, patience.interval.count * 2))
                return
            }
            patience.interval = RedfishPush.retryInterval
            told = last.sequence
            subscriptions.delivered(subscription.id, upTo: told)
            heartbeat.beat()
        }
    }

    /// True when the receiver said that it has it.
    private func deliver(_ records: [RedfishEvent], id: String, to subscription: Subscription) -> Bool {
        guard let target = HTTPPoster.Target(subscription.destination) else { return false }
        let body = RedfishEvent.envelope(records, id: id, context: subscription.context)
        do throws(HTTPPoster.Fault) {
            let status = try HTTPPoster(timeout: RedfishPush.timeout).post(
                body, to: target, headers: subscription.headers.map { ($0.name, $0.value) },
                checksCertificate: subscription.checksCertificate)
            if (200..<300).contains(status) { return true }
            subscriptions.failed(subscription.id, "the receiver answers \(status)")
        } catch { subscriptions.failed(subscription.id, error.description) }
        return false
    }
}
