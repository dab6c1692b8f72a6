internal import Platform

/// Why a request gets no result: the protocol's status and its text.
struct RequestFault: Error, Equatable {
    var status: Int
    var text: String
    /// Seconds after which it is worth trying again; for 503.
    var retryAfter: Int?

    init(_ status: Int, _ text: String, retryAfter: Int? = nil) {
        self.status = status
        self.text = text
        self.retryAfter = retryAfter
    }

    static func invalid(_ text: String) -> RequestFault { RequestFault(400, text) }
    static let poolExhausted = RequestFault(503, "no free memory in the pool", retryAfter: 1)
}

/// Where the answer to a request goes: an HTTP exchange, a ring. Called once, on the serving thread.
protocol RequestOrigin: AnyObject {
    func completed(_ request: InferRequest, _ fault: RequestFault?)
}

/// One output that the client asked for, and how it wants it.
struct OutputWish {
    var index = 0
    var isBinary = false
    /// Greater than zero: the best n classes as text.
    var classes = 0
    /// Nil: in the answer's body.
    var region: SharedRegion?
    var offset = 0
    var byteSize = 0
}

/// One inference request from admission to the end of its answer. The objects are made at start and
/// used again: nothing is allocated for a request.
final class InferRequest {
    enum State { case free, receiving, queued, running, answering }

    let index: Int
    /// Tells this request from the next that uses the object.
    private(set) var generation: UInt32 = 1
    var state = State.free
    var model: ServedModel?
    var origin: (any RequestOrigin)?
    /// The client's memory for its JSON (or its whole body, where that is JSON).
    var text: Lease?
    var rows: RowLease?
    var rowCount = 0
    /// A loose body: received (or unpacked) whole into the rows' slot from this offset on.
    var looseBytes = 0

    // What it says.
    var inputs: [TensorPlace] = []
    var inputRegions: [SharedRegion] = []
    var wishes: [OutputWish] = []
    var idRange = 0..<0
    var priority = 0
    var usesSharedMemory = false

    // What it got: places of the outputs, in the model's order.
    var outputs: [TensorPlace] = []

    // Its time and its client.
    var arrived = MonotonicTime.distantPast
    var dispatched = MonotonicTime.distantPast
    var deadline = MonotonicTime.distantFuture
    var client = 0
    var fairTag: UInt64 = 0
    var queueIndex = -1
    /// Nobody waits for the answer any more; it may still be running.
    var isAbandoned = false
    /// The origin's own notes.
    var note: UInt64 = 0
    var number: UInt64 = 0
    /// The places of the outputs were given with the request (a ring's slot).
    var hasFixedOutputs = false

    init(index: Int) {
        self.index = index
        inputs.reserveCapacity(ModelDescription.tensorsMax)
        wishes.reserveCapacity(ModelDescription.tensorsMax)
        outputs.reserveCapacity(ModelDescription.tensorsMax)
        inputRegions.reserveCapacity(4)
    }

    var textMemory: Memory? { text?.memory }
    var slab: Slab? { rows?.slab }
    var firstRow: Int { rows?.first ?? 0 }
    var leasedRows: Int { rows?.count ?? 0 }

    fileprivate func clear() {
        generation &+= 1
        state = .free
        model = nil
        origin = nil
        text = nil
        rows = nil
        rowCount = 0
        looseBytes = 0
        inputs.removeAll(keepingCapacity: true)
        if !inputRegions.isEmpty {
            for region in inputRegions { region.users -= 1 }
            inputRegions.removeAll(keepingCapacity: true)
        }
        for wish in wishes { wish.region?.users -= 1 }
        wishes.removeAll(keepingCapacity: true)
        outputs.removeAll(keepingCapacity: true)
        idRange = 0..<0
        priority = 0
        usesSharedMemory = false
        deadline = .distantFuture
        queueIndex = -1
        isAbandoned = false
        note = 0
        number = 0
        hasFixedOutputs = false
    }
}

/// All requests of the house; their number is the limit of requests at once.
final class RequestTable {
    private(set) var all: [InferRequest]
    private var free: [Int]

    init(count: Int) {
        all = (0..<count).map { InferRequest(index: $0) }
        free = Array((0..<count).reversed())
    }

    var inUse: Int { all.count - free.count }

    func take(_ model: ServedModel, _ now: MonotonicTime) -> InferRequest? {
        guard let index = free.popLast() else { return nil }
        let request = all[index]
        request.state = .receiving
        request.model = model
        request.arrived = now
        model.requestsHeld += 1
        return request
    }

    /// The one end of every request: its memory goes back.
    func release(_ request: InferRequest) {
        guard request.state != .free else { return }
        let model = request.model
        request.clear()
        free.append(request.index)
        if let model {
            model.requestsHeld -= 1
            model.requestLeft()
        }
    }
}
