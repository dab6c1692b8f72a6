internal import Platform
internal import Site

/// One version of one model as it is loaded now: its lanes, its slabs, its queue. A reload makes a new
/// one beside it; this one finishes what it holds and goes.
final class ServedModel: SlabHome {
    enum State: Equatable {
        case loading
        case ready
        case unavailable(String)
        /// Replaced or unloaded: takes nothing new.
        case leaving
        case gone
    }

    let name: String
    let version: String
    let source: ModelSource
    let plan: ModelPlan
    private(set) var state = State.loading
    private(set) var description: ModelDescription?
    private(set) var layout: SlabLayout?
    private(set) var maxBatchSize = 0
    private(set) var lanes: [Lane] = []
    var queue: ModelQueue
    var statistics: ModelStatistics
    var knownQuestion = KnownQuestion()
    var requestsHeld = 0

    unowned let house: InferenceHouse
    /// What each lane was asked that is known, and what it answered.
    var canaries: [Canary]
    private var filling: Slab?
    private var idleSlabs: [Slab] = []
    private static let idleSlabsMax = 3
    private var warmUpsLeft: [Int]

    init(_ source: ModelSource, lanes plans: [LanePlan], house: InferenceHouse) {
        self.source = source
        name = source.name
        version = source.version
        plan = source.plan
        self.house = house
        queue = ModelQueue(capacity: plan.queueSizeMax)
        statistics = ModelStatistics(batchSizeMax: max(1, plan.maxBatchSize ?? 32))
        idleSlabs.reserveCapacity(ServedModel.idleSlabsMax + 1)
        warmUpsLeft = Array(repeating: plan.warmUpRuns, count: plans.count)
        canaries = Array(repeating: Canary(), count: plans.count)
        lanes = plans.map { Lane($0, source.enginePlan($0, house.libraries), runLimit: plan.runLimit, home: self) }
        if plans.isEmpty {
            state = .unavailable("no lane of the site is named in 'lanes' (\(plan.lanes.joined(separator: ", ")))")
        }
    }

    // MARK: - Life

    /// Meant to serve, but not doing so yet (or not able to).
    var isComing: Bool {
        switch state {
        case .loading, .unavailable: true
        case .ready, .leaving, .gone: false
        }
    }

    func start(_ now: MonotonicTime) { for lane in lanes { lane.start(now) } }

    /// Takes nothing new from now on; `requestLeft` ends it when the last request is answered.
    func leave() {
        guard state != .gone else { return }
        state = .leaving
        requestLeft()
    }

    func requestLeft() {
        guard state == .leaving, requestsHeld == 0, !lanes.contains(where: \.isBusy) else { return }
        close()
    }

    func close() {
        state = .gone
        for lane in lanes { lane.stop() }
        dropIdleSlabs()
        filling = nil
        house.modelIsGone(self)
    }

    func dropIdleSlabs() {
        idleSlabs.removeAll(keepingCapacity: true)
        if filling?.rowsHeld == 0 { filling = nil }
    }

    private func learn(_ description: ModelDescription) {
        if let known = self.description {
            // A restarted lane reads the same file; another answer means that it was changed meanwhile.
            if known != description { Log.write(.warning, "inference", "\(name): the model changed under its lanes") }
            return
        }
        self.description = description
        let wanted = plan.maxBatchSize ?? (description.hasFreeFirstDimension ? 32 : 0)
        if let layout = SlabLayout(description, maxBatchSize: wanted), layout.byteCount <= house.pool.largestSlot {
            self.layout = layout
            maxBatchSize = layout.isBatching ? layout.rows : 0
        } else if let layout = SlabLayout(description, maxBatchSize: wanted) {
            // Fewer rows rather than none, where a whole batch does not fit the largest slot.
            let rows = max(1, layout.rows * house.pool.largestSlot / layout.byteCount)
            let smaller = SlabLayout(description, maxBatchSize: layout.isBatching ? rows : 0)
            if let smaller, smaller.byteCount <= house.pool.largestSlot {
                self.layout = smaller
                maxBatchSize = smaller.isBatching ? smaller.rows : 0
            }
        } else {
            maxBatchSize = wanted
        }
        if plan.canary != nil && layout == nil {
            Log.write(.warning, "inference", "\(name): 'canary' is not asked: the model leaves its shapes open")
        }
        statistics = ModelStatistics(batchSizeMax: max(1, layout?.rows ?? 1))
    }

    // MARK: - Rows

    /// Rows for one request, or nil at once when the pool has no slab left.
    func takeRows(_ count: Int) -> RowLease? {
        guard let layout, count <= layout.rows else { return nil }
        if let slab = filling, let rows = slab.take(count) { return rows }
        filling = idleSlabs.popLast() ?? makeSlab(layout)
        return filling?.take(count)
    }

    private func makeSlab(_ layout: SlabLayout) -> Slab? {
        guard let lease = house.leaseSlot(layout.byteCount) else { return nil }
        return Slab(pool: house.pool, lease: lease, rows: layout.rows, home: self)
    }

    /// A slot for a request whose size only its body tells.
    func takeLooseSlot(_ byteCount: Int) -> RowLease? {
        guard let lease = house.leaseSlot(byteCount) else { return nil }
        return Slab(pool: house.pool, lease: lease, rows: 1, home: self).take(1)
    }

    func slabIsFree(_ slab: Slab) {
        guard slab !== filling, state != .gone, let layout, slab.rows == layout.rows,
            slab.lease.byteCount >= layout.byteCount, idleSlabs.count < ServedModel.idleSlabsMax
        else { return }
        idleSlabs.append(slab)
    }

    func leaseScratch(_ byteCount: Int) -> Lease? { house.leaseSlot(byteCount) }

    // MARK: - Running

    func reap(_ now: MonotonicTime) { for lane in lanes where lane.isBusy { lane.reap(now) } }

    /// Gives waiting requests to idle lanes; returns when it wants to be called again.
    func pump(_ now: MonotonicTime, mayStart: (Lane) -> Bool) -> MonotonicTime {
        if queue.isEmpty { return .distantFuture }
        queue.expire(now) { request in
            statistics.expired += 1
            finish(request, RequestFault(503, "Request timeout expired", retryAfter: 1), now)
        }
        var wake = MonotonicTime.distantFuture
        for (index, lane) in lanes.enumerated() where warmUpsLeft[index] == 0 {
            // What waits in the channel can no longer expire: only requests without a deadline go ahead.
            while !queue.isEmpty,
                lane.isIdle
                    || lane.canPrefetch && queue.count >= max(1, maxBatchSize)
                        && queue.nextDeadline == .distantFuture
            {
                guard mayStart(lane) else { break }
                let holdUntil = holdUntil(now)
                if holdUntil > now {
                    wake = min(wake, holdUntil)
                    break
                }
                if !dispatch(lane, now) { break }
            }
        }
        return min(wake, queue.nextDeadline)
    }

    /// Triton's rule: with a queue delay, a batch short of a preferred size waits for its oldest
    /// request's delay; without one it goes at once.
    private func holdUntil(_ now: MonotonicTime) -> MonotonicTime {
        guard plan.maxQueueDelay > .zero, maxBatchSize > 1 else { return now }
        var rows = 0
        for request in queue.waiting { rows += request.rowCount }
        if rows >= maxBatchSize { return now }
        if let preferred = plan.preferredBatchSizes.min(), rows >= preferred { return now }
        return max(now, queue.oldest + plan.maxQueueDelay)
    }

    private func rowsMax() -> Int {
        var rows = 0
        for request in queue.waiting { rows += request.rowCount }
        let limit = max(1, maxBatchSize)
        if rows >= limit || plan.preferredBatchSizes.isEmpty { return limit }
        return plan.preferredBatchSizes.filter { $0 <= rows }.max() ?? limit
    }

    private func dispatch(_ lane: Lane, _ now: MonotonicTime) -> Bool {
        guard let job = lane.nextJob, let description else { return false }
        let batch = lane.takeBatch()
        let first = queue.choose(into: batch, rowsMax: rowsMax())
        for request in batch.requests {
            for region in request.inputRegions where !house.map(region, lane, now) {
                lane.recycle(batch)
                return false
            }
            for wish in request.wishes {
                if let region = wish.region, !house.map(region, lane, now) {
                    lane.recycle(batch)
                    return false
                }
            }
        }
        for request in batch.requests {
            queue.remove(request)
            request.state = .running
            request.dispatched = now
            request.rows?.move(to: .running)
        }
        // Mapping regions took records of the channel: this one is the next now.
        let record = lane.nextJob ?? job
        fill(record, batch, first, description)
        // What comes next begins a fresh slab at its first row: prepared tensors are found again.
        if let slab = batch.requests.first?.rows?.slab, slab === filling { filling = nil }
        lane.submit(batch, now)
        return true
    }

    private func fill(_ job: JobRecord, _ batch: Batch, _ first: Int, _ description: ModelDescription) {
        job.kind = .run
        job.inputCount = description.inputs.count
        job.outputCount = description.outputs.count
        guard let request = batch.requests.first else { return }
        if request.hasFixedOutputs { return fillFromRing(job, request) }
        guard let slab = request.slab else { return }
        if batch.requests.count == 1 && (request.usesSharedMemory || request.looseBytes > 0) {
            fillAlone(job, request, slab, description)
            return
        }
        guard let layout else { return }
        job.outputsAreFixed = true
        for i in description.inputs.indices {
            job.set(
                i, place(layout.inputs[i], slab, first, batch.rows, description.inputs[i].shape, layout.isBatching))
        }
        for o in description.outputs.indices {
            job.set(
                description.inputs.count + o,
                place(layout.outputs[o], slab, first, batch.rows, description.outputs[o].shape, layout.isBatching))
        }
    }

    private func place(
        _ tensor: SlabLayout.Tensor, _ slab: Slab, _ first: Int, _ rows: Int, _ shape: [Int], _ isBatching: Bool
    ) -> TensorPlace {
        var place = TensorPlace()
        place.offset = slab.lease.offset + tensor.offset + first * tensor.rowBytes
        place.byteCount = rows * tensor.rowBytes
        place.rank = shape.count
        for (d, size) in shape.enumerated() { place.dims[d] = Int64(isBatching && d == 0 ? rows : size) }
        return place
    }

    private func fillFromRing(_ job: JobRecord, _ request: InferRequest) {
        job.outputsAreFixed = true
        for i in request.inputs.indices { job.set(i, request.inputs[i]) }
        for o in request.outputs.indices { job.set(request.inputs.count + o, request.outputs[o]) }
    }

    /// A request by itself: its inputs where they lie, its outputs where the client wants them.
    private func fillAlone(
        _ job: JobRecord, _ request: InferRequest, _ slab: Slab, _ description: ModelDescription
    ) {
        for i in request.inputs.indices { job.set(i, request.inputs[i]) }
        guard let layout, request.looseBytes == 0 else {
            job.outputsAreFixed = false
            let start = aligned(request.looseBytes, to: tensorAlignment)
            job.outputAreaOffset = slab.lease.offset + start
            job.outputAreaBytes = max(0, slab.lease.byteCount - start)
            return
        }
        job.outputsAreFixed = true
        for o in description.outputs.indices {
            var placed = place(
                layout.outputs[o], slab, request.firstRow, request.rowCount, description.outputs[o].shape,
                layout.isBatching)
            for wish in request.wishes where wish.index == o {
                if let region = wish.region {
                    placed.region = region.number
                    placed.offset = region.offset + wish.offset
                }
            }
            job.set(description.inputs.count + o, placed)
        }
    }

    // MARK: - Results

    func finish(_ request: InferRequest, _ fault: RequestFault?, _ now: MonotonicTime) {
        if let fault, fault.status != 200 { statistics.fail.add((now - request.arrived).count) }
        if request.isAbandoned || request.origin == nil {
            house.requests.release(request)
            return
        }
        request.state = .answering
        request.rows?.move(to: .sending)
        request.origin?.completed(request, fault)
    }

    private func takeResults(_ request: InferRequest, _ job: JobRecord, _ batch: Batch, _ description: ModelDescription)
        -> RequestFault?
    {
        if request.hasFixedOutputs { return nil }
        request.outputs.removeAll(keepingCapacity: true)
        guard let slab = request.slab else { return RequestFault(500, "the request lost its rows") }
        let alone = request.looseBytes > 0
        for o in description.outputs.indices {
            if !alone, let layout {
                request.outputs.append(
                    place(
                        layout.outputs[o], slab, request.firstRow, request.rowCount, description.outputs[o].shape,
                        layout.isBatching))
                continue
            }
            // The lane's word: believed only as far as it stays in the slot.
            let place = job.place(job.inputCount + o)
            let start = slab.lease.offset
            guard place.region == 0, place.offset >= start, place.byteCount >= 0,
                place.offset <= start + slab.lease.byteCount,
                place.byteCount <= start + slab.lease.byteCount - place.offset
            else { return RequestFault(500, "the lane answered with an impossible output") }
            request.outputs.append(place)
        }
        return nil
    }
}

extension ServedModel: LaneHome {
    var laneSettings: LaneSettings { house.laneSettings }

    func watch(_ descriptor: Int32, _ lane: Lane, isControl: Bool) throws(SystemError) {
        try house.watch(descriptor, lane, isControl: isControl)
    }

    func unwatch(_ descriptor: Int32) { house.unwatch(descriptor) }

    func laneChanged(_ lane: Lane, _ failure: String?) {
        if let failure {
            if let index = lanes.firstIndex(where: { $0 === lane }) { warmUpsLeft[index] = plan.warmUpRuns }
            Log.write(.warning, "inference", "\(name): lane '\(lane.plan.name)': \(failure)", ("MDC_MODEL", name))
            if !lanes.contains(where: \.isReady), state == .loading || state == .ready {
                state = .unavailable(failure)
                for request in queue.waiting {
                    queue.remove(request)
                    finish(request, RequestFault(503, "model '\(name)' has no working lane", retryAfter: 1), house.now)
                }
            }
            requestLeft()
            return
        }
        if let description = lane.description { learn(description) }
        warmUp(lane)
    }

    /// The first runs of a runtime allocate and tune: clients shall not wait for that.
    private func warmUp(_ lane: Lane) {
        guard let index = lanes.firstIndex(where: { $0 === lane }) else { return }
        guard warmUpsLeft[index] > 0, let layout, let description, let job = lane.nextJob,
            let rows = takeOwnRows(layout, layout.rows)
        else {
            warmUpsLeft[index] = 0
            if state != .leaving && state != .gone {
                state = .ready
                house.modelIsReady(self)
            }
            return
        }
        runOwn(job, lane, rows, layout, description)
    }

    /// A run over rows of our own: nobody waits for it.
    func runOwn(
        _ job: JobRecord, _ lane: Lane, _ rows: consuming RowLease, _ layout: SlabLayout,
        _ description: ModelDescription, mark: (Batch) -> Void = { _ in }
    ) {
        let slab = rows.slab
        job.kind = .run
        job.inputCount = description.inputs.count
        job.outputCount = description.outputs.count
        job.outputsAreFixed = true
        for i in description.inputs.indices {
            job.set(
                i, place(layout.inputs[i], slab, rows.first, rows.count, description.inputs[i].shape, layout.isBatching)
            )
        }
        for o in description.outputs.indices {
            job.set(
                description.inputs.count + o,
                place(layout.outputs[o], slab, rows.first, rows.count, description.outputs[o].shape, layout.isBatching))
        }
        let batch = lane.takeBatch()
        batch.ownRows = consume rows
        mark(batch)
        lane.submit(batch, house.now)
    }

    func isWarm(_ index: Int) -> Bool { warmUpsLeft[index] == 0 && lanes[index].isReady }

    func takeOwnRows(_ layout: SlabLayout, _ count: Int) -> RowLease? {
        guard let lease = house.leaseSlot(layout.byteCount) else { return nil }
        lease.memory.slice(0, layout.byteCount).fill(0)
        return Slab(pool: house.pool, lease: lease, rows: layout.rows, home: self).take(count)
    }

    func finished(_ batch: Batch, _ job: JobRecord?, _ failure: String?, _ lane: Lane, _ now: MonotonicTime) {
        if let slab = batch.canarySlab {
            canaryFinished(slab, lane, job == nil ? failure ?? "no answer" : failure)
            return requestLeft()
        }
        house.hasWorked = true
        if batch.isWarmUp {
            if let index = lanes.firstIndex(where: { $0 === lane }) {
                if let failure, job != nil {
                    Log.write(.warning, "inference", "\(name): warm-up on '\(lane.plan.name)' failed: \(failure)")
                }
                warmUpsLeft[index] = max(0, warmUpsLeft[index] - 1)
            }
            if job != nil { warmUp(lane) }
            return
        }
        if let job, failure == nil {
            statistics.ran(job, rows: batch.rows)
            statistics.copiedBytes += UInt64(max(0, job.copiedBytes))
            statistics.lastInferenceMilliseconds = house.wallMilliseconds
        }
        for request in batch.requests {
            var fault = failure.map { RequestFault(500, $0) }
            if let job, fault == nil, let description {
                fault = takeResults(request, job, batch, description)
                if fault == nil { statistics.succeeded(request, job, now: now.nanoseconds) }
            }
            finish(request, fault, now)
        }
        requestLeft()
    }
}
