internal import CLinux
internal import Glibc
internal import HTTP
internal import Platform
internal import Site

/// Everything that the serving thread owns: pool, requests, models, regions. It sits on the HTTP
/// server's loop as its guest, so that a request crosses no thread on its way to a lane.
final class InferenceHouse: @unchecked Sendable {
    let plan: InferencePlan
    let pool: Pool
    let requests: RequestTable
    let regions: SharedRegions
    let posture: PosturePage
    let libraries: [String]
    let laneSettings: LaneSettings
    private let readPlan: ModelPlanReader
    private let time: any TimeSource
    let status: Latest<InferenceStatus>
    let onReady: @Sendable () -> Void

    // The loop's thread only, from here on.
    private(set) var now = SystemTime.monotonic
    private(set) var wallMilliseconds: Int64 = 0
    private(set) var serving: [ServedModel] = []
    /// Loading beside the one that serves, or finishing after it was replaced.
    private(set) var others: [ServedModel] = []
    private var seat: LoopSeat?
    private var watched: [Int32: (lane: Lane, isControl: Bool)] = [:]
    /// Names that a client unloaded: not loaded again by the folder's watch.
    private var unloaded: Set<String> = []
    private(set) var sources: [ModelSource] = []
    private var nextScan = MonotonicTime.distantPast
    private var lastPosture = PostureState.normal
    private enum Wiped { case not, once, empty }
    private var wiped = Wiped.not
    private var hasAnnouncedReady = false
    var ring: RingDoor?
    /// Set once, before it starts: for its counters.
    weak var server: HTTPServer?
    var refusals = RefusalCounts()
    /// The service manager stops this process: what is here is finished, nothing new begins.
    private(set) var isStopping = false
    private var opensAt = MonotonicTime.distantFuture
    /// A request was admitted or answered in this turn.
    var hasWorked = false
    private var awakeUntil = MonotonicTime.distantPast
    /// Lanes and native clients were told to ring.
    private var isAsleep = false
    /// Lanes run on the one processor that this thread has, so only while it rests: to dispatch before it
    /// has received and sent all it can makes batches smaller and nothing sooner.
    private var sharesProcessor = false
    private var isGathering = false
    private var gatheredTurns = 0
    /// A crowd that never pauses shall not keep lanes waiting.
    private static let gatheredTurnsMax = 4

    /// Clients wait at the door until every model is warm, but no longer than this: then they are told
    /// which model is still loading.
    static let openLimit = Nanoseconds.seconds(30)
    /// How often the models folder is looked at: a reload within two seconds of the file's change.
    static let scanInterval = Nanoseconds.seconds(2)

    struct RefusalCounts {
        var posture: UInt64 = 0
        var queueFull: UInt64 = 0
        var pool: UInt64 = 0
        var requests: UInt64 = 0
    }

    init(
        _ plan: InferencePlan, pool: Pool, posture: PosturePage, executable: String, libraries: [String],
        time: any TimeSource, readPlan: @escaping ModelPlanReader, status: Latest<InferenceStatus>,
        onReady: @escaping @Sendable () -> Void
    ) {
        self.plan = plan
        self.pool = pool
        self.posture = posture
        self.libraries = libraries
        self.time = time
        self.readPlan = readPlan
        self.status = status
        self.onReady = onReady
        requests = RequestTable(count: plan.limits.requestsMax)
        regions = SharedRegions(plan.sharedMemory, limit: plan.limits.bodyBytesMax)
        laneSettings = LaneSettings(
            isolation: plan.isolation, executable: executable, pool: pool.descriptor.raw,
            lookAgain: plan.lookAgain)
        regions.onForget = { [unowned self] region in
            for model in serving + others { for lane in model.lanes { lane.forget(region.number, now) } }
        }
    }

    // MARK: - Models

    func model(named name: String, version: String?) -> ServedModel? {
        serving.first { $0.name == name && (version == nil || version == $0.version) }
    }

    /// The hot path's look-up: by bytes, where the request's head lies.
    func model(_ name: HeadText, _ version: HeadText?) -> ServedModel? {
        for model in serving where unsafe sameBytes(name.bytes, model.name) {
            if let version, unsafe !sameBytes(version.bytes, model.version) { continue }
            return model
        }
        return nil
    }

    var allModels: [ServedModel] { serving + others.filter { $0.state == .loading } }

    func rescan() {
        sources = ModelSource.scan(plan.modelsFolder, readPlan)
        nextScan = now + InferenceHouse.scanInterval
        for source in sources where !unloaded.contains(source.name) {
            let isServed = serving.contains { $0.source == source }
            if !isServed, !others.contains(where: { $0.source == source && $0.isComing }) { load(source) }
        }
        for model in serving where !sources.contains(where: { $0.name == model.name }) { retire(model) }
    }

    /// Reads the folder again and loads the model that a client named.
    func load(named name: String) throws(RequestFault) {
        unloaded.remove(name)
        sources = ModelSource.scan(plan.modelsFolder, readPlan)
        guard let source = sources.first(where: { $0.name == name }) else {
            throw .invalid("failed to load '\(name)', no such model in the repository")
        }
        if let fault = source.fault { throw .invalid("failed to load '\(name)': \(fault)") }
        load(source)
    }

    func unload(named name: String) throws(RequestFault) {
        guard let model = serving.first(where: { $0.name == name }) else {
            throw .invalid("failed to unload '\(name)', no such model is loaded")
        }
        unloaded.insert(name)
        retire(model)
    }

    /// What was said about each faulty model: the folder is looked at often, people are told once.
    private var toldFaults: [String: String] = [:]

    private func load(_ source: ModelSource) {
        // An older attempt to load the same model is overtaken.
        for model in others where model.name == source.name && model.isComing { model.leave() }
        guard source.fault == nil else {
            if toldFaults[source.name] != source.fault {
                toldFaults[source.name] = source.fault
                Log.write(.warning, "inference", "model '\(source.name)': \(source.fault ?? "")")
            }
            return
        }
        let wanted = plan.lanes.filter { source.plan.lanes.isEmpty || source.plan.lanes.contains($0.name) }
        let model = ServedModel(source, lanes: wanted, house: self)
        if serving.contains(where: { $0.name == source.name }) {
            others.append(model)
        } else {
            serving.append(model)
        }
        model.start(now)
    }

    /// Answers a load request when the model is ready, or has failed to be.
    func awaitLoad(of name: String, _ responder: Responder) { loads.append((name, responder)) }
    private var loads: [(name: String, responder: Responder)] = []

    private func answerLoads() {
        loads.removeAll { load in
            if others.contains(where: { $0.name == load.name && $0.state == .loading }) { return false }
            let newest = others.first { $0.name == load.name && $0.isComing }
            guard let model = newest ?? serving.first(where: { $0.name == load.name }) else {
                sendFault(load.responder, .invalid("failed to load '\(load.name)'"))
                return true
            }
            switch model.state {
            case .loading: return false
            case .unavailable(let why): sendFault(load.responder, .invalid("failed to load '\(load.name)': \(why)"))
            default: load.responder.answer(200) { $0.type("application/json") }
            }
            return true
        }
    }

    private func retire(_ model: ServedModel) {
        serving.removeAll { $0 === model }
        others.append(model)
        model.leave()
    }

    /// A model is loaded and warm: it takes over from the one it replaces.
    func modelIsReady(_ model: ServedModel) {
        Log.write(
            .notice, "inference",
            "model '\(model.name)' version \(model.version) is ready on "
                + model.lanes.filter(\.isReady).map(\.plan.name).joined(separator: ", "))
        if let index = others.firstIndex(where: { $0 === model }) {
            others.remove(at: index)
            if let old = serving.firstIndex(where: { $0.name == model.name }) {
                let leaving = serving[old]
                serving[old] = model
                others.append(leaving)
                leaving.leave()
            } else {
                serving.append(model)
            }
        }
        publishStatus()
    }

    func modelIsGone(_ model: ServedModel) { others.removeAll { $0 === model } }

    // MARK: - Memory

    /// A slot; when the pool is out of them, models give up the slabs they keep for later.
    func leaseSlot(_ byteCount: Int) -> Lease? {
        if let lease = pool.lease(atLeast: byteCount) { return lease }
        for model in serving { model.dropIdleSlabs() }
        return pool.lease(atLeast: byteCount)
    }

    func map(_ region: SharedRegion, _ lane: Lane, _ now: MonotonicTime) -> Bool {
        lane.map(region.number, descriptor: region.descriptor.raw, byteCount: region.mappedBytes, now)
    }

    // MARK: - Descriptors of lanes

    func watch(_ descriptor: Int32, _ lane: Lane, isControl: Bool) throws(SystemError) {
        watched[descriptor] = (lane, isControl)
        try seat?.watch(descriptor)
    }

    func unwatch(_ descriptor: Int32) {
        watched.removeValue(forKey: descriptor)
        seat?.unwatch(descriptor)
    }

    // MARK: - Readiness

    var isReady: Bool {
        let state = posture.state(at: now, staleAfter: plan.postureStaleAfter, safe: plan.safePosture).state
        guard state < .drain, !isStopping else { return false }
        return serving.allSatisfy { $0.state == .ready || $0.state == .leaving }
    }

    func publishStatus() {
        var lanes: [LaneStatus] = []
        for model in allModels {
            for (index, lane) in model.lanes.enumerated() {
                var reason: String?
                var state = "ready"
                switch lane.state {
                case .loading: state = "loading"
                case .ready: state = isDrained(lane) ? "draining" : lane.isBusy ? "running" : "ready"
                case .failed(_, let why):
                    state = "failed"
                    reason = why
                case .stopped: state = "stopped"
                }
                lanes.append(
                    LaneStatus(
                        model: model.name, accelerator: lane.plan.accelerator, state: state, reason: reason,
                        inferences: lane.inferences, failures: lane.failures, canary: model.canaryStatus(index)))
            }
        }
        status.publish(InferenceStatus(isReady: isReady, lanes: lanes))
    }

    // MARK: - Posture

    /// Names of accelerators whose lanes take nothing now; read again every turn that dispatches, but
    /// only as often as the page changes matters to people.
    private(set) var drained: [String] = []
    private var nextPostureLook = MonotonicTime.distantPast
    private(set) var allowedWatts: Double?

    /// Not while a sealed or stopped container's memory must stay as it is.
    var mayAskCanaries: Bool { lastPosture < .stop }

    func isDrained(_ lane: Lane) -> Bool { lane.plan.accelerator.map { drained.contains($0) } ?? false }

    private func lookAtPosture() {
        guard now >= nextPostureLook else { return }
        nextPostureLook = now + .milliseconds(100)
        let whole = posture.posture(at: now, staleAfter: plan.postureStaleAfter)
        drained = whole?.drainedAccelerators ?? []
        let state = whole?.state ?? plan.safePosture
        allowedWatts = state == .conserve ? whole?.watts : nil
        if state == .seal { seal() } else { wiped = .not }
        if state != lastPosture {
            Log.write(.notice, "inference", "posture \(state.text): \(whole?.reason ?? "the posture page is stale")")
            lastPosture = state
        }
    }

    /// Answers what waits with a refusal, and wipes once nothing runs over the memory any more.
    private func seal() {
        for model in serving {
            for request in model.queue.waiting {
                model.queue.remove(request)
                model.finish(request, RequestFault(503, "sealed: what was held is wiped"), now)
            }
        }
        guard !serving.contains(where: { $0.lanes.contains(where: \.isBusy) }) else { return }
        // A body that was on its way may have arrived since: once more when nobody is left.
        let isEmpty = requests.inUse == 0
        guard wiped == .not || isEmpty && wiped == .once else { return }
        pool.wipe()
        wiped = isEmpty ? .empty : .once
        Log.write(.warning, "inference", "sealed: the pool is wiped")
    }
}

extension InferenceHouse: LoopGuest {
    func seated(_ seat: LoopSeat) {
        self.seat = seat
        sharesProcessor = cl_allowed_processors() == 1 && plan.lanes.allSatisfy { $0.processor == nil }
        now = SystemTime.monotonic
        opensAt = now + InferenceHouse.openLimit
        wallMilliseconds = time.now().wall.milliseconds
        do throws(SystemError) { try ring?.open(seat) } catch {
            Log.write(.fault, "inference", "no native clients: \(error)")
        }
        rescan()
        publishStatus()
    }

    func ready(_ descriptor: Int32, hangup: Bool) {
        now = SystemTime.monotonic
        if let (lane, isControl) = watched[descriptor] {
            isControl ? lane.controlIsReady(now) : lane.signalled(now)
        } else {
            ring?.ready(descriptor, hangup: hangup, now)
        }
    }

    func turned(_ now: MonotonicTime, isQuiet: Bool) -> MonotonicTime {
        self.now = SystemTime.monotonic
        if isAsleep { wakeUp() }
        wallMilliseconds = time.now().wall.milliseconds
        lookAtPosture()
        refuseWaiting(serving)
        ring?.look(self.now)
        var wake = self.now + .milliseconds(500)
        // All that is finished first: it may be what another model's lane waits for (the watts).
        for model in serving { model.reap(self.now) }
        for model in others { model.reap(self.now) }
        gather(hasMore: !isQuiet || hasWorked)
        for model in serving {
            model.askCanaries(self.now)
            wake = min(wake, attend(model))
        }
        for model in others { wake = min(wake, attend(model)) }
        if hasWorked {
            hasWorked = false
            awakeUntil = self.now + (allowedWatts == nil ? plan.lookAgain : .zero)
        }
        regions.settle()
        if !loads.isEmpty { answerLoads() }
        if self.now >= nextScan, !isStopping {
            rescan()
            publishStatus()
        }
        announce()
        return wake
    }

    /// Decides whether idle lanes wait for one more look at the sockets.
    private func gather(hasMore: Bool) {
        isGathering = sharesProcessor && hasMore && gatheredTurns < InferenceHouse.gatheredTurnsMax
        gatheredTurns = isGathering ? gatheredTurns + 1 : 0
    }

    private func attend(_ model: ServedModel) -> MonotonicTime {
        // What lies in a client's own memory runs alone: nothing is won by waiting.
        let waits =
            isGathering && model.queue.count < max(1, model.maxBatchSize)
            && model.queue.waiting.first?.hasFixedOutputs != true
        var wake = waits && !model.queue.isEmpty ? now : MonotonicTime.distantFuture
        if !waits { wake = model.pump(now, mayStart: mayStart) }
        for lane in model.lanes { wake = min(wake, lane.look(now)) }
        return wake
    }

    /// After work, more of it is likely to come soon: for a while the thread looks again, where a sleep
    /// and its wake-up would cost more, and lets a lane on the same processor run.
    func staysAwake() -> Bool {
        if now < awakeUntil {
            // Rings and lanes are words in memory: several looks at them cost less than one at the sockets.
            for _ in 0..<8 {
                var isBusy = false
                for model in serving {
                    for lane in model.lanes where lane.isBusy {
                        if lane.hasFinished { return true }
                        isBusy = true
                    }
                }
                if let ring, !ring.clients.isEmpty {
                    if ring.hasSubmissions { return true }
                } else if !isBusy {
                    return true
                }
                // A lane may need this very processor.
                if isBusy { sched_yield() } else { cl_pause() }
            }
            return true
        }
        isAsleep = true
        var isQuiet = ring?.clientsRing() ?? true
        for model in serving { for lane in model.lanes where !lane.ringsWhenDone() { isQuiet = false } }
        for model in others { for lane in model.lanes where !lane.ringsWhenDone() { isQuiet = false } }
        return !isQuiet
    }

    private func wakeUp() {
        isAsleep = false
        ring?.clientsNeedNotRing()
        for model in serving { for lane in model.lanes { lane.needNotRing() } }
        for model in others { for lane in model.lanes { lane.needNotRing() } }
    }

    private func announce() {
        guard !hasAnnouncedReady, serving.allSatisfy({ $0.state != .loading }) else { return }
        hasAnnouncedReady = true
        publishStatus()
        onReady()
    }

    var isOpen: Bool { hasAnnouncedReady || now > opensAt }

    func stopping() { isStopping = true }

    var isBusy: Bool { requests.inUse > 0 }

    func leaving() {
        ring?.close()
        for model in serving + others { model.close() }
        serving.removeAll()
        others.removeAll()
        seat = nil
    }
}
