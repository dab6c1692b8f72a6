internal import Platform
internal import Site

/// The protocol's documents, as Triton's clients read them.
enum Documents {
    static let extensions = [
        "classification", "sequence", "model_repository", "model_repository(unload_dependents)", "schedule_policy",
        "model_configuration", "system_shared_memory", "binary_tensor_data", "parameters", "statistics",
    ]

    static var server: [UInt8] {
        var writer = ByteWriter(capacity: 512)
        writer.beginObject()
        writer.field("name", "mdc-inference")
        writer.field("version", "1.0.0")
        writer.beginArray("extensions")
        for name in extensions { writer.value(name) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    static func metadata(_ model: ServedModel, _ description: ModelDescription) -> [UInt8] {
        var writer = ByteWriter(capacity: 1024)
        writer.beginObject()
        writer.field("name", model.name)
        writer.beginArray("versions")
        writer.value(model.version)
        writer.endArray()
        writer.field("platform", description.platform)
        for (key, tensors) in [("inputs", description.inputs), ("outputs", description.outputs)] {
            writer.key(string: key)
            writer.beginArray()
            for tensor in tensors {
                writer.beginObject()
                writer.field("name", tensor.name)
                writer.field("datatype", tensor.type.text)
                writer.beginArray("shape")
                for dimension in tensor.shape { writer.value(dimension) }
                writer.endArray()
                writer.endObject()
            }
            writer.endArray()
        }
        writer.endObject()
        return writer.bytes
    }

    /// Triton's ModelConfig as JSON: what perf_analyzer and Model Analyzer want to know.
    static func configuration(_ model: ServedModel, _ description: ModelDescription) -> [UInt8] {
        var writer = ByteWriter(capacity: 2048)
        writer.beginObject()
        writer.field("name", model.name)
        writer.field("platform", description.platform)
        writer.field("backend", model.plan.engine.rawValue)
        writer.beginObject("version_policy")
        writer.beginObject("latest")
        writer.field("num_versions", 1)
        writer.endObject()
        writer.endObject()
        writer.field("max_batch_size", model.maxBatchSize)
        tensors("input", description.inputs, model, &writer)
        tensors("output", description.outputs, model, &writer)
        writer.beginArray("instance_group")
        for lane in model.lanes {
            writer.beginObject()
            writer.field("name", lane.plan.name)
            writer.field("kind", lane.plan.provider == "CPU" ? "KIND_CPU" : "KIND_MODEL")
            writer.field("count", 1)
            writer.endObject()
        }
        writer.endArray()
        if model.maxBatchSize > 1 {
            writer.beginObject("dynamic_batching")
            writer.beginArray("preferred_batch_size")
            for size in model.plan.preferredBatchSizes { writer.value(size) }
            writer.endArray()
            writer.field("max_queue_delay_microseconds", model.plan.maxQueueDelay.count / 1000)
            writer.field("priority_levels", model.plan.priorityLevels)
            writer.field("default_priority_level", model.plan.defaultPriority)
            writer.endObject()
        }
        writer.endObject()
        return writer.bytes
    }

    private static func tensors(
        _ key: StaticString, _ tensors: [TensorDescription], _ model: ServedModel, _ writer: inout ByteWriter
    ) {
        writer.beginArray(key)
        for tensor in tensors {
            writer.beginObject()
            writer.field("name", tensor.name)
            writer.field("data_type", tensor.type.configurationName)
            writer.beginArray("dims")
            for dimension in tensor.shape.dropFirst(model.maxBatchSize > 0 ? 1 : 0) { writer.value(dimension) }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
    }

    static func index(_ house: InferenceHouse, onlyReady: Bool) -> [UInt8] {
        var writer = ByteWriter(capacity: 1024)
        writer.beginArray()
        var named: Set<String> = []
        for model in house.allModels where named.insert(model.name).inserted {
            let (state, reason): (String, String?) =
                switch model.state {
                case .loading: ("LOADING", nil)
                case .ready: ("READY", nil)
                case .unavailable(let why): ("UNAVAILABLE", why)
                case .leaving: ("UNLOADING", nil)
                case .gone: ("UNAVAILABLE", "unloaded")
                }
            if onlyReady && state != "READY" { continue }
            entry(model.name, model.version, state, reason, &writer)
        }
        for source in house.sources where !onlyReady && named.insert(source.name).inserted {
            entry(source.name, source.version, "UNAVAILABLE", source.fault ?? "unloaded", &writer)
        }
        writer.endArray()
        return writer.bytes
    }

    private static func entry(
        _ name: String, _ version: String, _ state: String, _ reason: String?, _ writer: inout ByteWriter
    ) {
        writer.beginObject()
        writer.field("name", name)
        writer.field("version", version)
        writer.field("state", state)
        writer.field("reason", reason)
        writer.endObject()
    }

    static func regions(_ regions: [SharedRegion]) -> [UInt8] {
        var writer = ByteWriter(capacity: 512)
        writer.beginArray()
        for region in regions {
            writer.beginObject()
            writer.field("name", region.name)
            writer.field("key", region.key)
            writer.field("offset", region.offset)
            writer.field("byte_size", region.byteCount)
            writer.endObject()
        }
        writer.endArray()
        return writer.bytes
    }

    // MARK: - Statistics

    /// Triton's statistics, and ours beside them under "lanes": what each device did and for how long.
    static func statistics(_ models: [ServedModel]) -> [UInt8] {
        var writer = ByteWriter(capacity: 4096)
        writer.beginObject()
        writer.beginArray("model_stats")
        for model in models { statistics(model, &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private static func statistics(_ model: ServedModel, _ writer: inout ByteWriter) {
        let stats = model.statistics
        writer.beginObject()
        writer.field("name", model.name)
        writer.field("version", model.version)
        writer.field("last_inference", stats.lastInferenceMilliseconds)
        writer.field("inference_count", stats.inferences)
        writer.field("execution_count", stats.executions)
        writer.beginObject("inference_stats")
        duration("success", stats.success, &writer)
        duration("fail", stats.fail, &writer)
        duration("queue", stats.queue, &writer)
        duration("compute_input", stats.computeInput, &writer)
        duration("compute_infer", stats.computeInfer, &writer)
        duration("compute_output", stats.computeOutput, &writer)
        duration("cache_hit", ModelStatistics.Duration(), &writer)
        duration("cache_miss", ModelStatistics.Duration(), &writer)
        writer.endObject()
        writer.beginObject("response_stats")
        writer.endObject()
        writer.beginArray("batch_stats")
        for (index, batch) in stats.batches.enumerated() where batch.computeInfer.count > 0 {
            writer.beginObject()
            writer.field("batch_size", index + 1)
            duration("compute_input", batch.computeInput, &writer)
            duration("compute_infer", batch.computeInfer, &writer)
            duration("compute_output", batch.computeOutput, &writer)
            writer.endObject()
        }
        writer.endArray()
        writer.beginArray("memory_usage")
        writer.endArray()
        lanes(model, &writer)
        writer.endObject()
    }

    private static func lanes(_ model: ServedModel, _ writer: inout ByteWriter) {
        writer.beginArray("lanes")
        for lane in model.lanes {
            writer.beginObject()
            writer.field("name", lane.plan.name)
            writer.field("accelerator", lane.plan.accelerator)
            writer.field("ready", lane.isReady)
            writer.field("inference_count", lane.inferences)
            writer.field("execution_count", lane.executions)
            writer.field("failure_count", lane.failures)
            writer.field("restart_count", lane.restarts)
            writer.field("busy_ns", lane.busyNanoseconds)
            writer.endObject()
        }
        writer.endArray()
    }

    private static func duration(
        _ key: StaticString, _ duration: ModelStatistics.Duration, _ writer: inout ByteWriter
    ) {
        writer.beginObject(key)
        writer.field("count", duration.count)
        writer.field("ns", duration.nanoseconds)
        writer.endObject()
    }

    /// `/lanes`: what the site plane asks once a second. Not of the protocol.
    static func lanes(_ status: InferenceStatus) -> [UInt8] {
        var writer = ByteWriter(capacity: 512)
        writer.beginObject()
        writer.field("ready", status.isReady)
        writer.beginArray("lanes")
        for lane in status.lanes {
            writer.beginObject()
            writer.field("model", lane.model)
            writer.field("accelerator", lane.accelerator)
            writer.field("state", lane.state)
            writer.field("reason", lane.reason)
            writer.field("inferences", lane.inferences)
            writer.field("failures", lane.failures)
            if let canary = lane.canary {
                writer.beginObject("canary")
                writer.field("lane", canary.lane)
                writer.field("answers", canary.answers)
                writer.field("expected", canary.expected)
                writer.field("got", canary.got)
                writer.endObject()
            }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}
