internal import Platform

/// The requests of one model that wait for a lane, and which of them run next: by priority, then by
/// fair share among clients, then by age; a chosen request takes its neighbours in the slab along,
/// because they cost no gather.
///
/// Bounded by the model's `queue_size`; a scan of that many is cheaper than any tree.
struct ModelQueue {
    private(set) var waiting: [InferRequest] = []
    let capacity: Int
    /// Clients, by a hash of who they are; two that share a number share their fortune.
    private static let clientsMax = 256
    private var finishTags = [UInt64](repeating: 0, count: ModelQueue.clientsMax)
    private var held = [Int](repeating: 0, count: ModelQueue.clientsMax)
    private var clientsPresent = 0
    private var virtualTime: UInt64 = 0

    init(capacity: Int) {
        self.capacity = capacity
        waiting.reserveCapacity(capacity)
    }

    var count: Int { waiting.count }
    var isEmpty: Bool { waiting.isEmpty }

    static func clientNumber(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) >> 56) % clientsMax
    }

    /// False: the queue is full, or this client already fills more than its share of a crowded one.
    func hasRoom(for client: Int) -> Bool {
        if waiting.count >= capacity { return false }
        guard waiting.count * 2 > capacity else { return true }
        let present = clientsPresent + (held[client] == 0 ? 1 : 0)
        return held[client] < max(1, capacity / max(1, present))
    }

    mutating func add(_ request: InferRequest) {
        let start = max(virtualTime, finishTags[request.client])
        request.fairTag = start + UInt64(request.rowCount)
        finishTags[request.client] = request.fairTag
        if held[request.client] == 0 { clientsPresent += 1 }
        held[request.client] += 1
        request.queueIndex = waiting.count
        waiting.append(request)
    }

    mutating func remove(_ request: InferRequest) {
        let index = request.queueIndex
        guard index >= 0, index < waiting.count, waiting[index] === request else { return }
        let last = waiting.removeLast()
        if last !== request {
            waiting[index] = last
            last.queueIndex = index
        }
        request.queueIndex = -1
        held[request.client] -= 1
        if held[request.client] == 0 { clientsPresent -= 1 }
    }

    /// Takes out what has waited too long; it will never run.
    mutating func expire(_ now: MonotonicTime, _ expired: (InferRequest) -> Void) {
        var index = 0
        while index < waiting.count {
            let request = waiting[index]
            if request.deadline <= now {
                remove(request)
                expired(request)
            } else {
                index += 1
            }
        }
    }

    /// When the first deadline passes.
    var nextDeadline: MonotonicTime {
        var next = MonotonicTime.distantFuture
        for request in waiting where request.deadline < next { next = request.deadline }
        return next
    }

    var oldest: MonotonicTime {
        var oldest = MonotonicTime.distantFuture
        for request in waiting where request.arrived < oldest { oldest = request.arrived }
        return oldest
    }

    /// Puts the next batch of at most `rowsMax` rows into `batch`; returns the slab row it begins at.
    mutating func choose(into batch: Batch, rowsMax: Int) -> Int {
        guard var best = waiting.first else { return 0 }
        for request in waiting.dropFirst() where isBefore(request, best) { best = request }
        virtualTime = max(virtualTime, best.fairTag - UInt64(best.rowCount))
        batch.requests.append(best)
        batch.rows = best.rowCount
        var first = best.rows?.first ?? 0
        guard let slab = best.rows?.slab, canShare(best) else { return first }
        var right = first + best.rowCount
        while right < slab.rows, let next = slab.waiting[right], next.state == .queued, canShare(next),
            next !== best, batch.rows + next.rowCount <= rowsMax
        {
            batch.requests.append(next)
            batch.rows += next.rowCount
            right += next.rowCount
        }
        while first > 0, let next = slab.waiting[first - 1], next.state == .queued, canShare(next),
            batch.rows + next.rowCount <= rowsMax
        {
            batch.requests.append(next)
            batch.rows += next.rowCount
            first -= next.rowCount
        }
        return first
    }

    /// Tensors in a client's memory lie nowhere near a slab.
    private func canShare(_ request: InferRequest) -> Bool { !request.usesSharedMemory && request.looseBytes == 0 }

    private func isBefore(_ a: InferRequest, _ b: InferRequest) -> Bool {
        if a.priority != b.priority { return a.priority < b.priority }
        return a.fairTag < b.fairTag
    }
}
