internal import HTTP
internal import Platform
internal import Site
import Synchronization

/// Server-sent events: every change, rendered once and sent to everyone who watches. A watcher that
/// cannot keep up is let go; its browser comes back by itself and begins anew.
final class LiveStreams: Sendable {
    enum Wish: Equatable, Sendable {
        case everything, eventsOnly
        /// Events as Redfish sends them, to a subscription that lasts as long as its stream.
        case redfish(id: String, client: String, filter: EventFilter)
    }

    private struct Watcher {
        let stream: ResponseStream
        let wish: Wish
        /// Journal entries up to this one were sent.
        var sequence: UInt64
        var hasFirst = false
        var isRedfish: Bool { if case .redfish = wish { true } else { false } }
        func wants(_ event: RedfishEvent) -> Bool {
            if case .redfish(_, _, let filter) = wish { filter.admits(event) } else { false }
        }
    }

    private let snapshot: Latest<SiteSnapshot?>
    private let layout: SiteLayout
    private let events: (any EventSource)?
    private let watchers = Mutex<[Watcher]>([])
    private let watched = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)
    /// Redfish records that are sent once and kept nowhere.
    private let extras = Mutex<[RedfishEvent]>([])
    private let wakeup: Wakeup
    private let thread = Mutex<OwnerThread?>(nil)
    let watchersMax: Int
    let trends = TrendRing()
    let heartbeat = Heartbeat("status-live", limit: .seconds(40))

    /// Changes closer together than this are told as one.
    private static let gap = Nanoseconds.milliseconds(100)
    /// A comment now and then keeps proxies and phones from closing a silent stream.
    private static let keepAlive = Nanoseconds.seconds(15)

    init(
        snapshot: Latest<SiteSnapshot?>, layout: SiteLayout, events: (any EventSource)?, watchersMax: Int
    ) throws(SystemError) {
        self.snapshot = snapshot
        self.layout = layout
        self.events = events
        self.watchersMax = watchersMax
        wakeup = try Wakeup()
    }

    func start() throws(SystemError) {
        let fresh = try OwnerThread("status-live") { self.run() }
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

    /// One atomic read while nobody watches.
    func changed() { if isWatched { wakeup.signal() } }
    var isWatched: Bool { watched.load(ordering: .relaxed) }

    /// False when there are enough watchers already.
    func add(_ responder: Responder, _ wish: Wish, since: UInt64?) -> Bool {
        let isFull = watchers.withLock { $0.count >= watchersMax }
        if isFull { return false }
        let newest = since ?? snapshot.value?.journal?.lastSequence ?? 0
        let stream = responder.stream(200) { response in
            response.type("text/event-stream")
            response.field("Cache-Control", "no-store")
            // A proxy in between must not collect what is meant to flow.
            response.field("X-Accel-Buffering", "no")
        }
        guard let stream else { return true }
        watchers.withLock { $0.append(Watcher(stream: stream, wish: wish, sequence: newest)) }
        watched.store(true, ordering: .relaxed)
        wakeup.signal()
        return true
    }

    // MARK: - Redfish

    /// Who has a stream of Redfish events open now.
    var redfishWatchers: [(id: String, client: String, filter: EventFilter)] {
        watchers.withLock { watchers in
            watchers.compactMap { watcher in
                guard case .redfish(let id, let client, let filter) = watcher.wish, watcher.stream.waiting != nil else {
                    return nil
                }
                return (id, client, filter)
            }
        }
    }

    /// Ends the stream; false when there is none of that name.
    func closeRedfish(_ id: String) -> Bool {
        let stream = watchers.withLock { watchers in
            watchers.first { if case .redfish(id, _, _) = $0.wish { true } else { false } }?.stream
        }
        stream?.finish()
        return stream != nil
    }

    func sendOnce(_ record: RedfishEvent) {
        extras.withLock { if $0.count < 16 { $0.append(record) } }
        wakeup.signal()
    }

    /// The resource that a subject is, as far as it is known now.
    func origin(_ subject: String, _ snapshot: SiteSnapshot?) -> RedfishOrigin {
        snapshot.map { RedfishEquipment(snapshot: $0, layout: layout).origin(of: subject) } ?? .manager
    }

    // MARK: - The thread

    private func run() {
        guard let loop = try? EventLoop() else { return }
        try? loop.add(wakeup.descriptor.raw, .readable) { [wakeup] _ in wakeup.drain() }
        var shown = Shown()
        var lastPush = MonotonicTime.distantPast
        while !stopping.load(ordering: .acquiring) {
            try? loop.turn(timeout_ms: Int32(LiveStreams.keepAlive.wholeMilliseconds))
            var now = SystemTime.monotonic
            heartbeat.beat(now)
            if stopping.load(ordering: .acquiring) { break }
            if let snapshot = snapshot.value { trends.look(snapshot, at: now) }
            if now - lastPush < LiveStreams.gap { pause(LiveStreams.gap - (now - lastPush)) }
            now = SystemTime.monotonic
            lastPush = now
            push(&shown)
        }
        let left = watchers.withLock { watchers in
            defer { watchers = [] }
            return watchers
        }
        for watcher in left { watcher.stream.finish() }
    }

    /// What the watchers have seen of the points.
    private struct Shown {
        var readings: [Reading] = []
        var version: UInt64 = .max
        var writer = ByteWriter()
    }

    private func push(_ shown: inout Shown) {
        var current = watchers.withLock { $0 }
        if current.isEmpty { return }
        let version = snapshot.version
        if let snapshot = snapshot.value {
            let isNew = version != shown.version
            let hasNewcomer = current.contains { !$0.hasFirst }
            let status = isNew || hasNewcomer ? render(&shown.writer, "status") { $0.writeStatus(snapshot) } : nil
            let all = hasNewcomer ? render(&shown.writer, "points") { $0.writePoints(snapshot) } : nil
            let delta = isNew ? renderDelta(&shown, snapshot) : nil
            for index in current.indices where current[index].wish == .everything {
                let isFirst = !current[index].hasFirst
                var pieces = [SharedBytes]()
                if isFirst || isNew, let status { pieces.append(status) }
                if isFirst, let all { pieces.append(all) } else if isNew, let delta { pieces.append(delta) }
                if pieces.isEmpty { pieces.append(LiveStreams.comment) }
                send(pieces, to: &current[index])
                current[index].hasFirst = true
            }
            shown.readings = snapshot.readings
            shown.version = version
        }
        sendEvents(&shown.writer, to: &current)
        keep(current)
    }

    private static let comment = SharedBytes(Array(": here\n\n".utf8))

    private func render(_ writer: inout ByteWriter, _ name: StaticString, _ body: (inout ByteWriter) -> Void)
        -> SharedBytes
    {
        writer.clear()
        writer.append("event: ")
        writer.append(name)
        writer.append("\ndata: ")
        body(&writer)
        // The documents end in a line feed; an event ends in two.
        writer.append("\n")
        return SharedBytes(writer.bytes)
    }

    private func renderDelta(_ shown: inout Shown, _ snapshot: SiteSnapshot) -> SharedBytes? {
        let old = shown.readings
        guard old.count == snapshot.readings.count else {
            return render(&shown.writer, "points") { $0.writePoints(snapshot) }
        }
        let changed = old.indices.filter { old[$0] != snapshot.readings[$0] }
        if changed.isEmpty { return nil }
        return render(&shown.writer, "points") { writer in
            writer.beginObject()
            writer.field("time", snapshot.time.wall.milliseconds)
            writer.beginArray("points")
            for index in changed { writer.writePoint(snapshot.points.definitions[index], snapshot.readings[index]) }
            writer.endArray()
            writer.endObject()
            writer.append("\n")
        }
    }

    private func sendEvents(_ writer: inout ByteWriter, to watchers: inout [Watcher]) {
        let records = extras.withLock { extras in
            defer { extras = [] }
            return extras
        }
        for record in records {
            let piece = redfishPiece(&writer, record, id: nil)
            for index in watchers.indices where watchers[index].wants(record) { send([piece], to: &watchers[index]) }
        }
        guard let events, let oldest = watchers.map(\.sequence).min() else { return }
        let fresh = events.events(since: oldest, limit: 200)
        let snapshot = snapshot.value
        for event in fresh {
            let waiting = watchers.indices.filter { watchers[$0].sequence < event.sequence }
            let plain = waiting.contains { !watchers[$0].isRedfish } ? plainPiece(&writer, event) : nil
            let record =
                waiting.contains { watchers[$0].isRedfish }
                ? RedfishEvent(event, origin: origin(event.subject, snapshot)) : nil
            let redfish = record.map { redfishPiece(&writer, $0, id: event.sequence) }
            for index in waiting {
                let isWanted = record.map(watchers[index].wants) ?? false
                if let piece = watchers[index].isRedfish ? (isWanted ? redfish : nil) : plain {
                    send([piece], to: &watchers[index])
                }
                watchers[index].sequence = event.sequence
            }
        }
        for index in watchers.indices where fresh.isEmpty && watchers[index].wish != .everything {
            send([LiveStreams.comment], to: &watchers[index])
        }
    }

    private func plainPiece(_ writer: inout ByteWriter, _ event: Event) -> SharedBytes {
        writer.clear()
        writer.append("event: event\nid: ")
        writer.append(event.sequence)
        writer.append("\ndata: ")
        writer.writeEvent(event)
        writer.append("\n\n")
        return SharedBytes(writer.bytes)
    }

    private func redfishPiece(_ writer: inout ByteWriter, _ record: RedfishEvent, id: UInt64?) -> SharedBytes {
        writer.clear()
        if let id {
            writer.append("id: ")
            writer.append(id)
            writer.append("\n")
        }
        writer.append("data: ")
        writer.append(contentsOf: RedfishEvent.envelope([record], id: id.map { String($0) } ?? "test", context: ""))
        writer.append("\n\n")
        return SharedBytes(writer.bytes)
    }

    private func send(_ pieces: [SharedBytes], to watcher: inout Watcher) {
        for piece in pieces where watcher.stream.send(piece) != .queued {
            watcher.stream.finish()
            return
        }
    }

    /// Those still there; some may have come while this went on.
    private func keep(_ current: [Watcher]) {
        let isEmpty = watchers.withLock { watchers in
            let newcomers = watchers.dropFirst(current.count)
            watchers = current.filter { $0.stream.waiting != nil } + newcomers
            return watchers.isEmpty
        }
        if isEmpty { watched.store(false, ordering: .relaxed) }
    }
}
