internal import HTTP
internal import Platform
internal import Site

/// The Open Inference Protocol's way in: bodies are received into the rows they will run in, answers
/// leave from the rows they were written to. All on the loop's thread.
final class HTTPDoor: HTTPService, ResponseOwner, RequestOrigin, @unchecked Sendable {
    let house: InferenceHouse
    private var answers = AnswerWriter()
    private var scannerInputs: [RequestScanner.Input] = []
    /// One per request of the house: where its answer goes.
    private var responders: [Responder?]
    private var acceptsGzip: [Coding]
    /// A whole body in JSON may come in any size; this is the largest that is taken without a length.
    private static let chunkedBytesMax = 1 << 20

    init(_ house: InferenceHouse) {
        self.house = house
        responders = Array(repeating: nil, count: house.plan.limits.requestsMax)
        acceptsGzip = Array(repeating: .identity, count: house.plan.limits.requestsMax)
        scannerInputs.reserveCapacity(ModelDescription.tensorsMax)
    }

    // MARK: - HTTPService

    func bodyPlace(for exchange: Exchange) -> BodyPlace {
        guard exchange.method == .post, let path = InferPath(exchange.path) else { return .buffer }
        do throws(RequestFault) {
            return try admit(exchange, path)
        } catch {
            refuse(exchange.responder, error)
            return .answered
        }
    }

    func handle(_ exchange: Exchange, body: UnsafeRawBufferPointer) {
        if let request = exchange.attachment as? InferRequest {
            exchange.attachment = nil
            return begin(request, exchange, bodyBytes: body.count)
        }
        if exchange.method == .post, InferPath(exchange.path) != nil {
            return refuse(exchange.responder, .invalid("an inference request needs a body"))
        }
        unsafe HTTPRoutes(house).handle(exchange, body)
    }

    func clientGone(_ exchange: Exchange) {
        if let request = exchange.attachment as? InferRequest {
            exchange.attachment = nil
            house.requests.release(request)
            return
        }
        guard exchange.tag > 0 else { return }
        let request = house.requests.all[Int(exchange.tag & 0xFFFF_FFFF) - 1]
        // It was answered, and its record serves somebody else now.
        guard request.generation == UInt32(truncatingIfNeeded: exchange.tag >> 32) else { return }
        responders[request.index] = nil
        switch request.state {
        case .queued:
            request.model?.queue.remove(request)
            request.model?.statistics.cancelled += 1
            house.requests.release(request)
        case .running:
            request.model?.statistics.cancelled += 1
            request.isAbandoned = true
        case .free, .receiving, .answering: break
        }
    }

    // MARK: - Admission

    private func admit(_ exchange: Exchange, _ path: InferPath) throws(RequestFault) -> BodyPlace {
        if let refusal = house.postureRefusal() { throw refusal }
        let model = try find(path)
        if let refusal = house.laneRefusal(model) { throw refusal }
        let client = ModelQueue.clientNumber(exchange.peer.clientHash)
        guard model.queue.hasRoom(for: client) else {
            model.statistics.refused += 1
            house.refusals.queueFull += 1
            throw RequestFault(503, "Exceeds maximum queue size", retryAfter: 1)
        }
        guard let request = house.requests.take(model, house.now) else {
            house.refusals.requests += 1
            throw RequestFault(503, "too many requests at once", retryAfter: 1)
        }
        house.hasWorked = true
        request.client = client
        do throws(RequestFault) {
            try place(request, model, exchange)
        } catch {
            if error == .poolExhausted { house.refusals.pool += 1 }
            house.requests.release(request)
            throw error
        }
        exchange.attachment = request
        return .landing
    }

    private func find(_ path: InferPath) throws(RequestFault) -> ServedModel {
        let model =
            path.isEncoded
            ? house.model(named: percentDecoded(path.name), version: path.version?.string)
            : house.model(path.name, path.version)
        guard let model else {
            throw RequestFault(404, "Request for unknown model: '\(printable(path.name))' is not found")
        }
        switch model.state {
        case .ready: return model
        case .loading: throw RequestFault(503, "model '\(model.name)' is still loading", retryAfter: 2)
        case .unavailable(let why):
            throw RequestFault(503, "model '\(model.name)' is unavailable: \(why)", retryAfter: 5)
        case .leaving, .gone: throw RequestFault(503, "model '\(model.name)' is being unloaded", retryAfter: 2)
        }
    }

    /// Chooses the memory that the body is received into.
    private func place(_ request: InferRequest, _ model: ServedModel, _ exchange: Exchange) throws(RequestFault) {
        let length = exchange.contentLength
        let coding = try Coding(exchange.field("content-encoding"))
        request.note = UInt64(coding.rawValue)
        let header = try headerLength(exchange)
        let total = length ?? HTTPDoor.chunkedBytesMax
        guard coding == .identity, let length, let header, header < length else {
            return try landInText(request, model, total, exchange)
        }
        guard header <= length else { throw .invalid("Inference-Header-Content-Length exceeds the body") }
        let payload = length - header
        if let layout = model.layout, payload % layout.inputRowBytes == 0, payload / layout.inputRowBytes <= layout.rows
        {
            try landInRows(request, model, layout, header, payload, exchange)
        } else if model.layout == nil {
            request.text = house.leaseSlot(max(1, header))
            request.rows = model.takeLooseSlot(aligned(payload, to: tensorAlignment) + 4096 + model.plan.outputBytesMax)
            guard let text = request.textMemory, let slab = request.rows?.slab else { throw .poolExhausted }
            if header > 0 { unsafe exchange.landing.append(text.slice(0, header).buffer) }
            unsafe exchange.landing.append(slab.lease.memory.slice(0, payload).buffer)
        } else {
            try landInText(request, model, total, exchange)
        }
    }

    private func landInText(_ request: InferRequest, _ model: ServedModel, _ total: Int, _ exchange: Exchange)
        throws(RequestFault)
    {
        guard total <= house.plan.limits.bodyBytesMax else {
            throw .invalid("request of \(total) bytes exceeds the limit of \(house.plan.limits.bodyBytesMax)")
        }
        request.text = house.leaseSlot(max(1, total))
        guard let text = request.textMemory else { throw .poolExhausted }
        unsafe exchange.landing.append(text.slice(0, max(1, total)).buffer)
    }

    /// JSON to its slot, then each tensor straight into its rows.
    private func landInRows(
        _ request: InferRequest, _ model: ServedModel, _ layout: SlabLayout, _ header: Int, _ payload: Int,
        _ exchange: Exchange
    ) throws(RequestFault) {
        let count = payload / layout.inputRowBytes
        request.text = house.leaseSlot(max(1, header))
        request.rows = model.takeRows(count)
        guard let text = request.textMemory, let slab = request.slab else { throw .poolExhausted }
        if header > 0 { unsafe exchange.landing.append(text.slice(0, header).buffer) }
        let memory = slab.lease.memory, first = request.firstRow
        for tensor in layout.inputs {
            unsafe exchange.landing.append(
                memory.slice(tensor.offset + first * tensor.rowBytes, count * tensor.rowBytes).buffer)
        }
    }

    private func headerLength(_ exchange: Exchange) throws(RequestFault) -> Int? {
        guard let field = exchange.field("inference-header-content-length") else { return nil }
        var value = 0
        guard field.count > 0, field.count < 10 else { throw .invalid("malformed Inference-Header-Content-Length") }
        for i in 0..<field.count {
            guard field[i] >= 48, field[i] <= 57 else { throw .invalid("malformed Inference-Header-Content-Length") }
            value = value * 10 + Int(field[i] - 48)
        }
        return value
    }

    // MARK: - The body is here

    private func begin(_ request: InferRequest, _ exchange: Exchange, bodyBytes: Int) {
        guard let model = request.model else { return }
        do throws(RequestFault) {
            if model.state == .gone { throw RequestFault(503, "model '\(model.name)' was unloaded", retryAfter: 1) }
            try read(request, model, exchange, bodyBytes)
            guard model.queue.hasRoom(for: request.client) else {
                model.statistics.refused += 1
                house.refusals.queueFull += 1
                throw RequestFault(503, "Exceeds maximum queue size", retryAfter: 1)
            }
        } catch {
            if error.status == 400 { model.statistics.fail.add((house.now - request.arrived).count) }
            house.requests.release(request)
            return refuse(exchange.responder, error)
        }
        responders[request.index] = exchange.responder
        exchange.tag = UInt64(request.generation) << 32 | UInt64(request.index) + 1
        acceptsGzip[request.index] = Coding.accepted(exchange.field("accept-encoding"))
        request.origin = self
        request.state = .queued
        request.rows?.move(to: .queued)
        if let slab = request.slab {
            for row in request.firstRow..<request.firstRow + request.leasedRows { slab.waiting[row] = request }
        }
        model.queue.add(request)
    }

    private func read(_ request: InferRequest, _ model: ServedModel, _ exchange: Exchange, _ bodyBytes: Int)
        throws(RequestFault)
    {
        guard let description = model.description else { throw RequestFault(503, "model '\(model.name)' is loading") }
        let header = try headerLength(exchange)
        var total = exchange.contentLength ?? bodyBytes
        if let coding = Coding(rawValue: UInt8(request.note)), coding != .identity {
            total = try unpack(request, coding, total)
        }
        let jsonBytes = header ?? total
        guard jsonBytes <= total else { throw .invalid("Inference-Header-Content-Length exceeds the body") }
        guard let text = request.textMemory else { throw .poolExhausted }
        if model.knownQuestion.isAsked(text, jsonBytes) {
            model.knownQuestion.tell(request)
            try settle(request, model, description, jsonBytes, total, model.knownQuestion.inputs)
            return try schedule(request, model, model.knownQuestion.timeoutMicroseconds)
        }
        // Moved, not shared: an array that two hold is copied when one of them changes it.
        var spare: [RequestScanner.Input] = []
        swap(&spare, &scannerInputs)
        var scanner = RequestScanner(request, model, description, house.regions, reusing: consume spare)
        defer { scannerInputs = scanner.reusable }
        model.knownQuestion.note(text, jsonBytes)
        if jsonBytes == 0 {
            try scanner.assumeRaw(total)
        } else {
            try scanner.scan(text, 0..<jsonBytes)
        }
        try settle(request, model, description, jsonBytes, total, scanner.inputs)
        model.knownQuestion.learn(text, jsonBytes, request, scanner)
        try schedule(request, model, scanner.timeoutMicroseconds)
    }

    private func settle(
        _ request: InferRequest, _ model: ServedModel, _ description: ModelDescription, _ jsonBytes: Int, _ total: Int,
        _ inputs: [RequestScanner.Input]
    ) throws(RequestFault) {
        var check = RequestCheck(
            request: request, model: model, description: description, landing: request.rows == nil ? .text : .rows,
            binaryStart: jsonBytes, binaryBytes: total - jsonBytes)
        try check.settle(inputs)
    }

    private func unpack(_ request: InferRequest, _ coding: Coding, _ packedBytes: Int) throws(RequestFault) -> Int {
        guard let packed = request.textMemory, let model = request.model else { throw .poolExhausted }
        // Twelve characters a number in JSON is generous; a model of unknown size may use the limit.
        let limit = min(
            house.plan.limits.bodyBytesMax,
            model.layout.map { max(1 << 20, 12 * $0.inputRowBytes * $0.rows) } ?? house.plan.limits.bodyBytesMax)
        let unpacked = try Compression.unpack(packed.slice(0, packedBytes), coding, limit: limit, house)
        let count = unpacked.count
        request.text = unpacked.takeLease()
        return count
    }

    private func schedule(_ request: InferRequest, _ model: ServedModel, _ timeoutMicroseconds: UInt64)
        throws(RequestFault)
    {
        let levels = model.plan.priorityLevels
        if request.priority == 0 { request.priority = model.plan.defaultPriority }
        guard request.priority <= levels else { throw .invalid("priority must be from 0 to \(levels)") }
        var timeout = model.plan.defaultTimeout
        if timeoutMicroseconds > 0, model.plan.allowTimeoutOverride {
            // A year is for ever; more would not fit.
            timeout = .microseconds(Int64(min(timeoutMicroseconds, 31_536_000_000_000)))
        }
        if timeout > .zero { request.deadline = request.arrived + timeout }
    }

    // MARK: - The answer

    func completed(_ request: InferRequest, _ fault: RequestFault?) {
        guard let responder = responders[request.index], let model = request.model, let description = model.description
        else { return house.requests.release(request) }
        responders[request.index] = nil
        if let fault {
            refuse(responder, fault)
            return house.requests.release(request)
        }
        for wish in request.wishes where wish.region != nil {
            if request.outputs[wish.index].byteCount > wish.byteSize {
                refuse(
                    responder,
                    .invalid("output '\(description.outputs[wish.index].name)' is larger than its shared memory"))
                return house.requests.release(request)
            }
        }
        answers.compose(request, model, description)
        if acceptsGzip[request.index] != .identity {
            sendPacked(responder, acceptsGzip[request.index], request)
            return house.requests.release(request)
        }
        let sent = responder.answer(200, owner: self, tag: UInt64(request.index)) { response in
            answers.send(response, request)
        }
        if !sent { house.requests.release(request) }
    }

    private func sendPacked(_ responder: Responder, _ coding: Coding, _ request: InferRequest) {
        let packed = Compression.pack(answers.flattened(request), coding)
        let jsonBytes = answers.jsonBytes.count
        responder.answer(200) { response in
            if answers.hasBinary {
                response.field("Content-Type", "application/octet-stream" as StaticString)
                response.field("Inference-Header-Content-Length", jsonBytes)
            } else {
                response.field("Content-Type", "application/json" as StaticString)
            }
            response.field("Content-Encoding", coding.name)
            unsafe packed.withUnsafeBytes { unsafe response.copy($0) }
        }
    }

    /// The answer has left the rows (or its client did): they are free again.
    func responseLeft(tag: UInt64, delivered: Bool) {
        house.requests.release(house.requests.all[Int(tag)])
    }

    func refuse(_ responder: Responder, _ fault: RequestFault) { sendFault(responder, fault) }
}

func sendFault(_ responder: Responder, _ fault: RequestFault) {
    responder.answer(fault.status) { response in
        response.type("application/json")
        if let seconds = fault.retryAfter { response.field("Retry-After", seconds) }
        var writer = ByteWriter(capacity: 256)
        writer.beginObject()
        writer.field("error", fault.text)
        writer.endObject()
        unsafe writer.bytes.withUnsafeBytes { unsafe response.copy($0) }
    }
}

/// "/v2/models/{name}[/versions/{digits}]/infer", cut where it lies.
struct InferPath {
    let name: HeadText
    let version: HeadText?
    let isEncoded: Bool

    init?(_ path: HeadText) {
        let prefix: StaticString = "/v2/models/", suffix: StaticString = "/infer"
        guard path.count > 17, path[0..<11] == prefix, path[path.count - 6..<path.count] == suffix else { return nil }
        let middle = path[11..<path.count - 6]
        var slash = -1, encoded = false
        for i in 0..<middle.count {
            if middle[i] == UInt8(ascii: "/"), slash < 0 { slash = i }
            if middle[i] == UInt8(ascii: "%") { encoded = true }
        }
        isEncoded = encoded
        guard slash >= 0 else {
            name = middle
            version = nil
            return
        }
        let word: StaticString = "/versions/"
        name = middle[0..<slash]
        guard middle.count > slash + 10, middle[slash..<slash + 10] == word else { return nil }
        let digits = middle[slash + 10..<middle.count]
        for i in 0..<digits.count where digits[i] < 48 || digits[i] > 57 { return nil }
        version = digits
    }
}

func printable(_ text: HeadText) -> String {
    String(percentDecoded(text).prefix(80).map { $0.isASCII && $0 >= " " && $0 != "\"" && $0 != "\\" ? $0 : "?" })
}

func percentDecoded(_ text: HeadText) -> String {
    func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
    var bytes: [UInt8] = [], i = 0
    while i < text.count {
        if text[i] == UInt8(ascii: "%"), i + 2 < text.count, let high = nibble(text[i + 1]),
            let low = nibble(text[i + 2])
        {
            bytes.append(high << 4 | low)
            i += 3
        } else {
            bytes.append(text[i])
            i += 1
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

extension Peer {
    /// Who shares a fair share: a user on the Unix socket, an address on the network.
    var clientHash: UInt64 {
        switch way {
        case .unix(_, let uid, _): UInt64(uid) &+ 1 << 40
        case .tcp(let high, let low): high ^ low
        }
    }
}
