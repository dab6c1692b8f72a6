internal import CLinux
internal import Glibc
internal import Platform
internal import Site

/// One instance of a model on one device, seen from the serving thread: starts it, gives it batches,
/// notices its answers, its end and its silence, and starts it again with back-off.
final class Lane {
    enum State: Equatable {
        case loading(since: MonotonicTime)
        case ready
        /// Comes back by itself at `until`.
        case failed(until: MonotonicTime, reason: String)
        case stopped
    }

    /// A runtime that needs longer to load a model than this has hung (a large model on a device
    /// compiles for minutes).
    static let loadLimit = Nanoseconds.seconds(600)
    static let backOffMin = Nanoseconds.milliseconds(250)
    static let backOffMax = Nanoseconds.seconds(30)

    let plan: LanePlan
    private(set) var state = State.stopped
    private(set) var restarts: UInt64 = 0
    private(set) var inferences: UInt64 = 0
    private(set) var executions: UInt64 = 0
    private(set) var failures: UInt64 = 0
    /// Nanoseconds the engine worked: with the device's watts this is joules.
    private(set) var busyNanoseconds: UInt64 = 0
    private(set) var description: ModelDescription?

    private unowned let home: any LaneHome
    private let enginePlan: EnginePlan
    private let runLimit: Nanoseconds
    private var link: LaneLink?
    /// Jobs in the channel, oldest first; nil for one that only maps memory.
    private var running: [Batch?] = []
    private var spareBatches: [Batch] = []
    private var runningSince = MonotonicTime.distantFuture
    private var backOff = Lane.backOffMin
    private var mappedRegions: Set<UInt32> = []

    init(_ plan: LanePlan, _ enginePlan: EnginePlan, runLimit: Nanoseconds, home: any LaneHome) {
        self.plan = plan
        self.enginePlan = enginePlan
        self.runLimit = runLimit
        self.home = home
        running.reserveCapacity(LaneChannel.depth)
        for _ in 0..<LaneChannel.depth + 1 { spareBatches.append(Batch()) }
    }

    var isReady: Bool { state == .ready }
    var isIdle: Bool { state == .ready && running.isEmpty }
    var isBusy: Bool { !running.isEmpty }
    /// A second batch may wait in the channel, so that the device does not idle between two.
    var canPrefetch: Bool { state == .ready && running.count == 1 }

    // MARK: - Life

    func start(_ now: MonotonicTime) {
        do throws(SystemError) {
            let link = try LaneLink(enginePlan, home.laneSettings)
            try home.watch(link.control, self, isControl: true)
            try home.watch(link.signal, self, isControl: false)
            self.link = link
            mappedRegions.removeAll(keepingCapacity: true)
            state = .loading(since: now)
        } catch {
            fail("cannot start: \(error)", now)
        }
    }

    func stop() {
        if let link {
            home.unwatch(link.control)
            home.unwatch(link.signal)
            link.end(politely: true)
        }
        link = nil
        // Nobody answers these any more; their rows would hold their model for ever.
        for case let batch? in running { batch.clear() }
        running.removeAll(keepingCapacity: true)
        state = .stopped
    }

    /// The lane's end, for whatever reason: what ran is answered, and it starts again later.
    private func fail(_ reason: String, _ now: MonotonicTime) {
        if let link {
            home.unwatch(link.control)
            home.unwatch(link.signal)
            link.end(politely: false)
        }
        link = nil
        failures += UInt64(running.count)
        let lost = running
        running.removeAll(keepingCapacity: true)
        runningSince = .distantFuture
        state = .failed(until: now + backOff, reason: reason)
        backOff = min(backOff * 2, Lane.backOffMax)
        for case let batch? in lost {
            home.finished(batch, nil, "the lane '\(plan.name)' failed while this request ran: \(reason)", self, now)
            recycle(batch)
        }
        home.laneChanged(self, reason)
    }

    /// Called every turn; returns when it wants to be looked at again.
    func look(_ now: MonotonicTime) -> MonotonicTime {
        switch state {
        case .loading(let since):
            if now - since > Lane.loadLimit { fail("loading took longer than 10 minutes", now) }
            return now + .seconds(5)
        case .ready:
            guard isBusy else { return .distantFuture }
            if now - runningSince > runLimit {
                fail("a run took longer than \(runLimit.wholeMilliseconds) ms", now)
                return now + backOff
            }
            return runningSince + runLimit + .milliseconds(1)
        case .failed(let until, _):
            guard now >= until else { return until }
            restarts += 1
            start(now)
            return now
        case .stopped: return .distantFuture
        }
    }

    // MARK: - What comes from the lane

    func controlIsReady(_ now: MonotonicTime) {
        guard let link else { return }
        switch link.receive() {
        case .nothing: break
        case .closed: fail(link.endReason(), now)
        case .message(let bytes):
            do {
                switch try LaneMessage.decode(bytes) {
                case .ready(let description):
                    self.description = description
                    state = .ready
                    home.laneChanged(self, nil)
                case .refused(let reason): fail(reason, now)
                }
            } catch { fail("the lane speaks nonsense: \(error)", now) }
        }
    }

    func signalled(_ now: MonotonicTime) {
        guard let link else { return }
        _ = cl_eventfd_drain(link.signal)
        reap(now)
    }

    var hasFinished: Bool {
        guard let link else { return false }
        return link.reaped != link.channel.finished
    }

    /// Before the serving thread sleeps. False: a job has finished meanwhile.
    func ringsWhenDone() -> Bool {
        guard isBusy, let link else { return true }
        link.channel.serverSleeps()
        return !hasFinished
    }

    func needNotRing() { link?.channel.serverWakes() }

    /// Takes what is finished; cheap when there is nothing.
    func reap(_ now: MonotonicTime) {
        guard let link else { return }
        while link.reaped != link.channel.finished {
            guard !running.isEmpty else { return fail("the lane answered what was not asked", now) }
            let job = link.channel.job(link.reaped)
            link.reaped &+= 1
            let batch = running.removeFirst()
            runningSince = running.isEmpty ? .distantFuture : now
            guard let batch else {
                if job.outcome == .failed { Log.write(.warning, "inference", "\(plan.name): \(job.reason)") }
                continue
            }
            backOff = Lane.backOffMin
            executions += 1
            busyNanoseconds += UInt64(max(0, job.ended - job.begun))
            if job.outcome == .done {
                inferences += UInt64(batch.rows)
                home.finished(batch, job, nil, self, now)
            } else {
                failures += 1
                home.finished(batch, job, job.reason, self, now)
            }
            recycle(batch)
            if self.link !== link { return }
        }
    }

    // MARK: - What goes to the lane

    func takeBatch() -> Batch { spareBatches.popLast() ?? Batch() }

    func recycle(_ batch: Batch) {
        batch.clear()
        spareBatches.append(batch)
    }

    /// The next job's record, to be filled before `submit`.
    var nextJob: JobRecord? {
        guard let link, link.channel.hasRoom else { return nil }
        return link.channel.job(link.channel.submitted)
    }

    func submit(_ batch: Batch, _ now: MonotonicTime) {
        guard let link else { return }
        if running.isEmpty { runningSince = now }
        running.append(batch)
        link.channel.submit()
    }

    /// Makes client memory known to the lane, once. False when it has no room for the message now.
    func map(_ region: UInt32, descriptor: Int32, byteCount: Int, _ now: MonotonicTime) -> Bool {
        if mappedRegions.contains(region) { return true }
        guard let link, let job = nextJob, running.count < LaneChannel.depth - 1 else { return false }
        var byte: UInt8 = 0, descriptor = descriptor
        guard unsafe cl_send_descriptors(link.control, &byte, 1, &descriptor, 1) == 1 else { return false }
        job.kind = .mapRegion
        job.region = region
        job.regionBytes = byteCount
        submitQuietly(now)
        mappedRegions.insert(region)
        return true
    }

    func forget(_ region: UInt32, _ now: MonotonicTime) {
        guard mappedRegions.remove(region) != nil, let job = nextJob else { return }
        job.kind = .forgetRegion
        job.region = region
        submitQuietly(now)
    }

    private func submitQuietly(_ now: MonotonicTime) {
        guard let link else { return }
        if running.isEmpty { runningSince = now }
        running.append(nil)
        link.channel.submit()
    }
}

/// Requests that run as one job: neighbours in one slab.
final class Batch {
    var requests: [InferRequest] = []
    var rows = 0
    /// A run of our own (a warm-up, a known question) holds its rows itself.
    var ownRows: RowLease?
    /// Where a known question and its answer lie.
    var canarySlab: Slab?
    var isWarmUp: Bool { ownRows != nil && canarySlab == nil }

    init() { requests.reserveCapacity(64) }

    func clear() {
        requests.removeAll(keepingCapacity: true)
        rows = 0
        ownRows = nil
        canarySlab = nil
    }
}

/// What a lane needs from the model it serves.
protocol LaneHome: AnyObject {
    var laneSettings: LaneSettings { get }
    func watch(_ descriptor: Int32, _ lane: Lane, isControl: Bool) throws(SystemError)
    func unwatch(_ descriptor: Int32)
    /// `job` is nil when the lane died; `failure` is nil when all went well.
    func finished(_ batch: Batch, _ job: JobRecord?, _ failure: String?, _ lane: Lane, _ now: MonotonicTime)
    func laneChanged(_ lane: Lane, _ failure: String?)
}

/// What all lanes of the house have in common.
struct LaneSettings {
    var isolation: LaneIsolation
    /// The program whose `lane` command is the child's life.
    var executable: String
    var pool: Int32
    /// How long a lane looks for its next job before it sleeps.
    var lookAgain: Nanoseconds
}
