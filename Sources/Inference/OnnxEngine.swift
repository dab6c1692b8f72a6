internal import COnnxRuntime
internal import Glibc
internal import Platform
internal import Site

/// ONNX Runtime behind the engine protocol. Tensors are prepared over the memory they lie in, once
/// per place and shape, and kept: a slab and batch size that comes back costs a comparison.
@safe final class OnnxEngine: Engine {
    let description: ModelDescription
    private let session: OpaquePointer
    private var prepared: [Prepared]
    private var inputs: [OpaquePointer?]
    private var outputs: [OpaquePointer?]
    /// Inputs and outputs that the runtime keeps itself (strings): released after the run.
    private var temporary: [OpaquePointer] = unsafe []

    @safe private struct Prepared {
        var place = TensorPlace()
        var tensor = -1
        var value: OpaquePointer?
    }

    /// Direct-mapped: a collision only means preparing again. 16 KiB of slabs x batch sizes.
    private static let preparedCount = 4096

    init(_ plan: EnginePlan) throws(EngineFault) {
        try OnnxEngine.load(plan.libraries)
        unsafe session = try OnnxEngine.open(plan)
        description = unsafe try OnnxEngine.describe(session)
        unsafe inputs = Array(repeating: nil, count: description.inputs.count)
        unsafe outputs = Array(repeating: nil, count: description.outputs.count)
        prepared = Array(repeating: Prepared(), count: OnnxEngine.preparedCount)
        unsafe temporary.reserveCapacity(ModelDescription.tensorsMax)
    }

    deinit {
        for index in prepared.indices { unsafe ort_release(prepared[index].value) }
        unsafe ort_close(session)
    }

    func run(_ job: JobRecord, _ regions: RegionTable) throws(EngineFault) {
        guard unsafe job.inputCount == inputs.count, unsafe job.outputCount == outputs.count
        else { throw EngineFault("the job does not fit the model") }
        defer { releaseTemporary() }
        for i in unsafe inputs.indices {
            unsafe inputs[i] = try value(i, job.place(i), description.inputs[i].type, regions)
        }
        for o in unsafe outputs.indices {
            unsafe outputs[o] =
                job.outputsAreFixed
                ? try value(inputs.count + o, job.place(inputs.count + o), description.outputs[o].type, regions) : nil
        }
        job.inputsReady = SystemTime.monotonic.nanoseconds
        unsafe try attempt { why in
            unsafe inputs.withUnsafeMutableBufferPointer { inputs in
                unsafe outputs.withUnsafeMutableBufferPointer { outputs in
                    unsafe ort_run(session, inputs.baseAddress, outputs.baseAddress, why)
                }
            }
        }
        job.computed = SystemTime.monotonic.nanoseconds
        if !job.outputsAreFixed { try collect(job, regions) }
    }

    func forget(region: UInt32) {
        for i in prepared.indices where prepared[i].place.region == region {
            unsafe ort_release(prepared[i].value)
            prepared[i] = Prepared()
        }
    }

    // MARK: - Tensors

    private func value(
        _ tensor: Int, _ place: TensorPlace, _ type: DataType, _ regions: RegionTable
    ) throws(EngineFault) -> OpaquePointer? {
        if type == .bytes { return unsafe try stringValue(place, regions) }
        var hash = UInt64(bitPattern: Int64(place.offset)) &* 0x9E37_79B9_7F4A_7C15
        hash ^= (UInt64(place.region) << 32 | UInt64(tensor)) &* 0xC2B2_AE3D_27D4_EB4F
        hash = (hash ^ UInt64(bitPattern: Int64(place.byteCount))) &* 0x9E37_79B9_7F4A_7C15
        let slot = Int(hash >> 52)
        if prepared[slot].tensor == tensor, prepared[slot].place == place { return unsafe prepared[slot].value }
        let memory = try regions.memory(place)
        var made: OpaquePointer?
        var place = place
        let rank = place.rank
        unsafe try attempt { why in
            unsafe withUnsafePointer(to: &place.dims) { dims in
                unsafe dims.withMemoryRebound(to: Int64.self, capacity: 8) { dims in
                    unsafe ort_tensor(
                        memory.start, memory.count, OnnxEngine.elementType(type), dims, rank, &made, why)
                }
            }
        }
        unsafe ort_release(prepared[slot].value)
        prepared[slot] = unsafe Prepared(place: place, tensor: tensor, value: made)
        return unsafe made
    }

    private func stringValue(_ place: TensorPlace, _ regions: RegionTable) throws(EngineFault) -> OpaquePointer? {
        let memory = try regions.memory(place)
        var made: OpaquePointer?
        var dims = place.dims
        unsafe try attempt { why in
            unsafe withUnsafePointer(to: &dims) { dims in
                unsafe dims.withMemoryRebound(to: Int64.self, capacity: 8) { dims in
                    unsafe ort_string_tensor(memory.start, memory.count, dims, place.rank, &made, why)
                }
            }
        }
        if let made = unsafe made { unsafe temporary.append(made) }
        return unsafe made
    }

    /// Copies outputs that the runtime made into the job's area.
    private func collect(_ job: JobRecord, _ regions: RegionTable) throws(EngineFault) {
        var area = try OutputArea(job, regions)
        for o in unsafe outputs.indices {
            guard let value = unsafe outputs[o] else { throw EngineFault("the model made no output \(o)") }
            unsafe temporary.append(value)
            unsafe outputs[o] = nil
            var type: Int32 = 0, rank: Int32 = 0, byteCount = 0
            var bytes: UnsafeMutableRawPointer?
            var dims = InlineArray<8, Int64>(repeating: 0)
            unsafe try attempt { why in
                unsafe withUnsafeMutablePointer(to: &dims) { dims in
                    unsafe dims.withMemoryRebound(to: Int64.self, capacity: 8) { dims in
                        unsafe ort_inspect(value, &type, dims, &rank, &byteCount, &bytes, why)
                    }
                }
            }
            guard rank >= 0 else { throw EngineFault("output \(o) has more than 8 dimensions") }
            let rest = area.rest
            if type == ORT_STRING {
                unsafe try attempt { why in unsafe ort_pack_strings(value, rest.start, rest.count, &byteCount, why) }
            }
            guard byteCount <= rest.count else {
                throw EngineFault(
                    "output '\(description.outputs[o].name)' of \(byteCount) bytes is larger than max_output_bytes allows"
                )
            }
            if let bytes = unsafe bytes { unsafe memcpy(rest.start, bytes, byteCount) }
            area.placed(byteCount, output: o, rank: Int(rank), dims: dims)
        }
    }

    private func releaseTemporary() {
        for index in unsafe temporary.indices { unsafe ort_release(temporary[index]) }
        unsafe temporary.removeAll(keepingCapacity: true)
    }

    // MARK: - Loading

    private static func load(_ libraries: [String]) throws(EngineFault) {
        var reasons: [String] = []
        for library in libraries where unsafe access(library, R_OK) == 0 {
            do throws(EngineFault) {
                unsafe try attempt { why in unsafe ort_load(library, why) }
                return
            } catch { reasons.append("\(library): \(error)") }
        }
        throw EngineFault(
            reasons.isEmpty
                ? "ONNX Runtime was not found: set 'library' in the site file's inference section, "
                    + "MDC_ONNXRUNTIME, or run 'make deps' (looked in \(libraries.joined(separator: ", ")))"
                : "ONNX Runtime cannot be loaded: " + reasons.joined(separator: "; "))
    }

    private static func open(_ plan: EnginePlan) throws(EngineFault) -> OpaquePointer {
        var session: OpaquePointer?
        let keys = unsafe plan.options.map { unsafe strdup($0.key) }
        let values = unsafe plan.options.map { unsafe strdup($0.value) }
        defer {
            for index in unsafe keys.indices {
                unsafe free(keys[index])
                unsafe free(values[index])
            }
        }
        let keyPointers = unsafe keys.map { unsafe UnsafePointer<CChar>($0) }
        let valuePointers = unsafe values.map { unsafe UnsafePointer<CChar>($0) }
        unsafe try attempt { why in
            unsafe plan.modelPath.withCString { path in
                unsafe plan.provider.withCString { provider in
                    unsafe keyPointers.withUnsafeBufferPointer { keys in
                        unsafe valuePointers.withUnsafeBufferPointer { values in
                            var request = unsafe ort_session_plan(
                                model_path: path, provider: provider, option_keys: keys.baseAddress,
                                option_values: values.baseAddress, option_count: keys.count,
                                threads: Int32(plan.threads))
                            return unsafe ort_open(&request, &session, why)
                        }
                    }
                }
            }
        }
        guard let session = unsafe session else { throw EngineFault("no session") }
        return unsafe session
    }

    private static func describe(_ session: OpaquePointer) throws(EngineFault) -> ModelDescription {
        let inputCount = unsafe ort_input_count(session), outputCount = unsafe ort_output_count(session)
        guard inputCount + outputCount <= ModelDescription.tensorsMax else {
            throw EngineFault("the model has more than \(ModelDescription.tensorsMax) inputs and outputs")
        }
        var description = ModelDescription(platform: "onnxruntime_onnx", inputs: [], outputs: [])
        for i in 0..<inputCount { unsafe description.inputs.append(try tensor(session, true, i)) }
        for o in 0..<outputCount { unsafe description.outputs.append(try tensor(session, false, o)) }
        return description
    }

    private static func tensor(
        _ session: OpaquePointer, _ isInput: Bool, _ index: Int
    ) throws(EngineFault) -> TensorDescription {
        var info = ort_tensor_info()
        unsafe try attempt { why in unsafe ort_describe(session, isInput, index, &info, why) }
        let name = unsafe withUnsafePointer(to: &info.name) { field in
            unsafe field.withMemoryRebound(to: CChar.self, capacity: Int(ORT_NAME)) { unsafe String(cString: $0) }
        }
        guard let type = dataType(info.type) else {
            throw EngineFault("'\(name)' has an element type (ONNX \(info.type)) that the protocol cannot say")
        }
        guard info.rank >= 0 else { throw EngineFault("'\(name)' has more than 8 dimensions") }
        let rank = Int(info.rank)
        let shape = unsafe withUnsafePointer(to: &info.dims) { field in
            unsafe field.withMemoryRebound(to: Int64.self, capacity: 8) { dims in
                (0..<rank).map { unsafe dims[$0] < 0 ? -1 : Int(dims[$0]) }
            }
        }
        return TensorDescription(name: name, type: type, shape: shape)
    }

    private static let types: [(DataType, Int32)] = [
        (.bool, 9), (.uint8, 2), (.uint16, 4), (.uint32, 12), (.uint64, 13), (.int8, 3), (.int16, 5), (.int32, 6),
        (.int64, 7), (.fp16, 10), (.fp32, 1), (.fp64, 11), (.bf16, 16), (.bytes, 8),
    ]

    /// The table is in the order of `DataType`.
    private static func elementType(_ type: DataType) -> Int32 { types[Int(type.rawValue)].1 }
    private static func dataType(_ element: Int32) -> DataType? { types.first { $0.1 == element }?.0 }
}

/// Calls the shim; its reason becomes the fault.
private func attempt(_ call: (UnsafeMutablePointer<CChar>) -> Int32) throws(EngineFault) {
    var reason: String?
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(ORT_WHY)) { why in
        guard let base = why.baseAddress else { return }
        unsafe base[0] = 0
        if unsafe call(base) != 0 { reason = unsafe String(cString: base) }
    }
    if let reason { throw EngineFault(reason) }
}
