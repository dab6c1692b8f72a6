internal import CLinux
internal import Platform
internal import Site

/// The engine that needs no library: each output is a copy of the input at its place in the list,
/// after an optional delay. For tests, benches and commissioning of a container without models.
/// A delay of `delay` is slept, as a device would let the processor idle.
final class BuiltInEngine: Engine {
    let description: ModelDescription
    private let delay: Nanoseconds

    init(_ plan: EnginePlan) throws(EngineFault) {
        description = ModelDescription(
            platform: plan.engine == .identity ? "mdc_identity" : "mdc_delay",
            inputs: try plan.inputs.map(BuiltInEngine.tensor), outputs: try plan.outputs.map(BuiltInEngine.tensor))
        delay = Nanoseconds(plan.delayNanoseconds)
        guard description.inputs.count >= description.outputs.count, !description.outputs.isEmpty else {
            throw EngineFault("an identity model needs an input for each output")
        }
        for (input, output) in zip(description.inputs, description.outputs)
        where input.type != output.type || input.shape != output.shape {
            throw EngineFault("an identity model's output '\(output.name)' differs from its input '\(input.name)'")
        }
    }

    func run(_ job: JobRecord, _ regions: RegionTable) throws(EngineFault) {
        guard job.inputCount == description.inputs.count, job.outputCount == description.outputs.count
        else { throw EngineFault("the job does not fit the model") }
        job.inputsReady = SystemTime.monotonic.nanoseconds
        if delay > .zero {
            cl_pause_ns(delay.count)
        }
        if job.outputsAreFixed {
            for o in 0..<job.outputCount {
                let source = try regions.memory(job.place(o))
                try regions.memory(job.place(job.inputCount + o)).copy(from: source)
            }
        } else {
            var area = try OutputArea(job, regions)
            for o in 0..<job.outputCount {
                let place = job.place(o)
                let source = try regions.memory(place)
                guard source.count <= area.rest.count else {
                    throw EngineFault("output of \(source.count) bytes is larger than max_output_bytes allows")
                }
                area.rest.copy(from: source)
                area.placed(source.count, output: o, rank: place.rank, dims: place.dims)
            }
        }
        job.computed = SystemTime.monotonic.nanoseconds
    }

    func forget(region: UInt32) {}

    private static func tensor(_ plan: TensorPlan) throws(EngineFault) -> TensorDescription {
        guard let type = DataType(text: plan.datatype) else {
            throw EngineFault("'\(plan.datatype)' is no datatype of the Open Inference Protocol")
        }
        return TensorDescription(name: plan.name, type: type, shape: plan.shape)
    }
}
