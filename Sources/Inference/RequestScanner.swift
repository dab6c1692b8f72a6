internal import Platform

/// Reads an infer request's JSON into its fixed record: first what it says, then (in RequestCheck)
/// whether that fits the model and where its tensors lie.
struct RequestScanner {
    /// One input as the client described it.
    struct Input {
        var index = -1
        var type: DataType?
        var rank = 0
        var dims = InlineArray<8, Int64>(repeating: 0)
        /// Bytes behind the JSON; nil: the data is elsewhere.
        var binaryBytes: Int?
        /// Where `data` stands in the JSON.
        var data: Range<Int>?
        var region: SharedRegion?
        var regionOffset = 0
        var regionBytes: Int?
    }

    private struct Parameters {
        var binaryDataSize: Int?
        var binaryData: Bool?
        var classes = 0
        var region: SharedRegion?
        var hasRegion = false
        var offset = 0
        var byteSize: Int?
    }

    let request: InferRequest
    let model: ServedModel
    let description: ModelDescription
    private let regions: SharedRegions
    private(set) var inputs: [Input]
    private(set) var timeoutMicroseconds: UInt64 = 0
    private var binaryByDefault = false
    private var asksForOutputs = false

    /// `inputs` is the caller's array, used again for every request.
    init(
        _ request: InferRequest, _ model: ServedModel, _ description: ModelDescription, _ regions: SharedRegions,
        reusing inputs: consuming [Input]
    ) {
        self.request = request
        self.model = model
        self.description = description
        self.regions = regions
        self.inputs = inputs
        self.inputs.removeAll(keepingCapacity: true)
    }

    var reusable: [Input] { inputs }

    mutating func scan(_ memory: Memory, _ range: Range<Int>) throws(RequestFault) {
        var cursor = JSONCursor(memory, range)
        try cursor.object { (key, cursor) throws(RequestFault) in
            if memory.holds("inputs", key) {
                try cursor.array { (cursor) throws(RequestFault) in try input(&cursor) }
            } else if memory.holds("outputs", key) {
                try cursor.array { (cursor) throws(RequestFault) in try output(&cursor) }
            } else if memory.holds("id", key) {
                request.idRange = try cursor.string()
            } else if memory.holds("parameters", key) {
                try requestParameters(&cursor)
            } else {
                try cursor.skipValue()
            }
        }
        try cursor.finish()
        finishWishes()
    }

    /// A raw request: the whole body is the one input, and everything comes back binary.
    mutating func assumeRaw(_ byteCount: Int) throws(RequestFault) {
        guard description.inputs.count == 1, let tensor = description.inputs.first else {
            throw .invalid(
                "a raw request needs a model with one input; '\(model.name)' has \(description.inputs.count)")
        }
        var input = Input()
        input.index = 0
        input.type = tensor.type
        input.rank = tensor.shape.count
        input.binaryBytes = byteCount
        var free = -1, known = max(1, tensor.type.byteCount)
        for (d, size) in tensor.shape.enumerated() {
            let isBatch = d == 0 && model.maxBatchSize > 0
            input.dims[d] = size >= 0 ? Int64(size) : 1
            if size >= 0 { known = known.multipliedReportingOverflow(by: size).partialValue }
            if size < 0, !isBatch {
                guard free < 0 else { throw .invalid("a raw request allows one variable dimension") }
                free = d
            }
        }
        if free >= 0, tensor.type != .bytes, known > 0 { input.dims[free] = Int64(byteCount / known) }
        inputs.append(input)
        binaryByDefault = true
        finishWishes()
    }

    // MARK: - Inputs

    private mutating func input(_ cursor: inout JSONCursor) throws(RequestFault) {
        guard inputs.count < ModelDescription.tensorsMax else { throw .invalid("too many inputs") }
        let memory = cursor.memory
        var input = Input(), name: Range<Int>?
        try cursor.object { (key, cursor) throws(RequestFault) in
            if memory.holds("name", key) {
                name = try cursor.string()
            } else if memory.holds("datatype", key) {
                let word = try cursor.string()
                input.type = DataType.allCases.first { memory.holds($0.name, word) }
                if input.type == nil { throw .invalid("unknown datatype '\(printable(memory, word))'") }
            } else if memory.holds("shape", key) {
                input.rank = 0
                try cursor.array { (cursor) throws(RequestFault) in
                    guard input.rank < ModelDescription.rankMax else {
                        throw .invalid("at most \(ModelDescription.rankMax) dimensions are served")
                    }
                    input.dims[input.rank] = Int64(try cursor.size())
                    input.rank += 1
                }
            } else if memory.holds("data", key) {
                input.data = try cursor.skipValue()
            } else if memory.holds("parameters", key) {
                let parameters = try tensorParameters(&cursor)
                input.binaryBytes = parameters.binaryDataSize
                input.region = parameters.region
                input.regionOffset = parameters.offset
                input.regionBytes = parameters.hasRegion ? parameters.byteSize : nil
                if parameters.hasRegion, parameters.byteSize == nil {
                    throw .invalid("'shared_memory_byte_size' is missing")
                }
            } else {
                try cursor.skipValue()
            }
        }
        guard let name else { throw .invalid("an input has no name") }
        guard let index = description.inputs.firstIndex(where: { memory.holds($0.name, name) }) else {
            throw .invalid("unexpected inference input '\(printable(memory, name))' for model '\(model.name)'")
        }
        guard !inputs.contains(where: { $0.index == index }) else {
            throw .invalid("input '\(description.inputs[index].name)' is given twice")
        }
        input.index = index
        inputs.append(input)
    }

    // MARK: - Outputs

    private mutating func output(_ cursor: inout JSONCursor) throws(RequestFault) {
        asksForOutputs = true
        let memory = cursor.memory
        var wish = OutputWish(), name: Range<Int>?, parameters = Parameters()
        try cursor.object { (key, cursor) throws(RequestFault) in
            if memory.holds("name", key) {
                name = try cursor.string()
            } else if memory.holds("parameters", key) {
                parameters = try tensorParameters(&cursor)
            } else {
                try cursor.skipValue()
            }
        }
        guard let name else { throw .invalid("an output has no name") }
        guard let index = description.outputs.firstIndex(where: { memory.holds($0.name, name) }) else {
            throw .invalid("unexpected inference output '\(printable(memory, name))' for model '\(model.name)'")
        }
        guard !request.wishes.contains(where: { $0.index == index }) else {
            throw .invalid("output '\(description.outputs[index].name)' is asked for twice")
        }
        wish.index = index
        wish.classes = parameters.classes
        if let region = parameters.region {
            guard wish.classes == 0 else { throw .invalid("classification cannot go to shared memory") }
            guard let byteSize = parameters.byteSize else { throw .invalid("'shared_memory_byte_size' is missing") }
            guard region.contains(parameters.offset, byteSize) else { throw SharedRegion.outside }
            wish.region = region
            wish.offset = parameters.offset
            wish.byteSize = byteSize
            region.users += 1
            request.usesSharedMemory = true
        }
        // Marked until the whole request is read: the default may stand behind the outputs.
        wish.isBinary = parameters.binaryData ?? false
        unsaid.append(parameters.binaryData == nil)
        request.wishes.append(wish)
    }

    /// Which wishes leave open whether they are binary.
    private var unsaid = InlineBits()

    private mutating func finishWishes() {
        if !asksForOutputs {
            for index in description.outputs.indices {
                var wish = OutputWish()
                wish.index = index
                wish.isBinary = binaryByDefault
                request.wishes.append(wish)
            }
            return
        }
        for index in request.wishes.indices where unsaid[index] { request.wishes[index].isBinary = binaryByDefault }
    }

    // MARK: - Parameters

    private mutating func requestParameters(_ cursor: inout JSONCursor) throws(RequestFault) {
        let memory = cursor.memory
        try cursor.object { (key, cursor) throws(RequestFault) in
            if memory.holds("priority", key) {
                request.priority = try cursor.size()
            } else if memory.holds("timeout", key) {
                timeoutMicroseconds = UInt64(try cursor.size())
            } else if memory.holds("binary_data_output", key) {
                binaryByDefault = try cursor.flag()
            } else if memory.holds("sequence_start", key) || memory.holds("sequence_end", key) {
                // Models here keep no state: a sequence is just its requests.
                _ = try cursor.flag()
            } else {
                try cursor.skipValue()
            }
        }
    }

    private mutating func tensorParameters(_ cursor: inout JSONCursor) throws(RequestFault) -> Parameters {
        let memory = cursor.memory
        var parameters = Parameters(), regionName: Range<Int>?
        try cursor.object { (key, cursor) throws(RequestFault) in
            if memory.holds("binary_data_size", key) {
                parameters.binaryDataSize = try cursor.size()
            } else if memory.holds("binary_data", key) {
                parameters.binaryData = try cursor.flag()
            } else if memory.holds("classification", key) {
                parameters.classes = try cursor.size()
            } else if memory.holds("shared_memory_region", key) {
                regionName = try cursor.string()
            } else if memory.holds("shared_memory_offset", key) {
                parameters.offset = try cursor.size()
            } else if memory.holds("shared_memory_byte_size", key) {
                parameters.byteSize = try cursor.size()
            } else {
                try cursor.skipValue()
            }
        }
        if let regionName {
            parameters.hasRegion = true
            parameters.region = try regions.find(memory, regionName)
        }
        return parameters
    }
}

/// Names from outside, fit for an error text: bounded, no control characters.
func printable(_ memory: Memory, _ range: Range<Int>) -> String {
    let shown = range.lowerBound..<min(range.upperBound, range.lowerBound + 80)
    return String(memory.text(shown).map { $0.isASCII && $0 >= " " && $0 != "\"" && $0 != "\\" ? $0 : "?" })
}

/// Thirty-two flags without an allocation.
struct InlineBits {
    private var bits: UInt32 = 0
    private var count: UInt32 = 0
    mutating func append(_ flag: Bool) {
        if flag { bits |= 1 << count }
        count += 1
    }
    subscript(index: Int) -> Bool { bits >> UInt32(index) & 1 == 1 }
}
