internal import Platform
public import Site

/// A model's `model.yaml`, read as strictly as the site file.
public enum ModelFile {
    public struct Refused: Error { public let faults: [ProfileFault] }

    public static func load(_ path: String) throws(Refused) -> ModelPlan {
        let faults = FaultCollector()
        let plan = YAMLReader.readFile(path, faults).flatMap { Shape.model.read($0, faults) }
        guard let plan, faults.faults.isEmpty else { throw Refused(faults: faults.inFileOrder) }
        return plan
    }

    public static var schema: Schema { Shape.model.schema }
}

extension Shape where Value == TensorPlan {
    fileprivate static var tensor: Shape {
        .object("tensor") { fields in
            let types = [
                "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32",
                "FP64", "BF16", "BYTES",
            ]
            let name = fields.required("name", .text, "The tensor's name")
            let type = fields.required("datatype", .choice(types.map { ($0, $0) }), "Its element type")
            let shape = fields.required(
                "shape", .list(of: .integer(-1...(1 << 31)), atMost: 8), "Its dimensions; -1 is free")
            guard let name, let type, let shape else { return nil }
            return TensorPlan(name: name, datatype: type, shape: shape)
        }
    }
}

extension Shape where Value == CanaryPlan {
    fileprivate static var canary: Shape {
        .object("canary") { fields in
            var plan = CanaryPlan()
            plan.seed = fields.optional("seed", .integer(0...0x7FFF_FFFF), default: 1, "What the inputs are made from")
            plan.digest = fields.optional(
                "digest", .digest, "SHA-256 of the right outputs; none: only shown, not judged")
            plan.digests = fields.optional(
                "digests", .dictionary(key: .word, of: .digest), default: [],
                "By lane, where devices differ in the last bits"
            ).map { CanaryPlan.Digest(lane: $0.key, digest: $0.value) }
            return plan
        }
    }
}

extension Shape where Value == String {
    fileprivate static var digest: Shape {
        .scalar(.string(pattern: "^[0-9a-f]{64}$"), expected: "a SHA-256 of 64 small hex digits") { text in
            text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
                ? text : nil
        }
    }
}

extension Shape where Value == ModelPlan {
    static var model: Shape {
        .object("the model") { fields in
            var plan = ModelPlan()
            plan.engine = fields.optional(
                "engine", .choice(ModelPlan.Engine.allCases.map { ($0.rawValue, $0) }), default: plan.engine,
                "What runs it")
            plan.file = fields.optional("file", .text, "The model's file beside this one")
            plan.maxBatchSize = fields.optional(
                "max_batch_size", .integer(0...1024), "Rows of one run; 0: the model does not batch")
            plan.outputBytesMax = fields.optional(
                "max_output_bytes", .byteCount(64...(1 << 30)), default: plan.outputBytesMax,
                "Room for outputs whose size the model leaves open")
            plan.lanes = fields.optional(
                "lanes", .list(of: .word, atMost: 64), default: [], "Lanes by name; none: every lane")
            plan.threads = fields.optional("threads", .integer(1...256), default: 1, "Threads of one lane")
            plan.warmUpRuns = fields.optional(
                "warm_up_runs", .integer(0...1000), default: plan.warmUpRuns, "Runs before the model is ready")
            plan.runLimit = fields.optional(
                "run_limit", .duration(.milliseconds(1)...(.seconds(3600))), default: plan.runLimit,
                "A longer run is a hang: the lane is restarted")
            plan.labels = fields.optional(
                "labels", .list(of: .text), default: [], "Texts of the classes, for classification")
            plan.delay = fields.optional(
                "delay", .duration(.zero...(.seconds(600))), default: .zero, "How long a built-in engine takes")
            plan.inputs = fields.optional("inputs", .list(of: .tensor, atMost: 30), default: [], "Of a built-in engine")
            plan.outputs = fields.optional(
                "outputs", .list(of: .tensor, atMost: 30), default: [], "Of a built-in engine")
            plan.options = fields.optional(
                "options", .dictionary(key: .text, of: .text), default: [], "Options of the execution provider"
            ).map { LanePlan.Option(key: $0.key, value: $0.value) }
            plan.canary = fields.optional(
                "canary", .canary, "A question whose answer is known, to find wrong computing")
            readScheduling(fields, &plan)
            return plan
        }
    }

    private static func readScheduling(_ fields: Fields, _ plan: inout ModelPlan) {
        plan.preferredBatchSizes = fields.optional(
            "preferred_batch_sizes", .list(of: .integer(1...1024), atMost: 16), default: [],
            "Sizes worth sending at once while a queue delay runs")
        plan.maxQueueDelay = fields.optional(
            "max_queue_delay", .duration(.zero...(.seconds(60))), default: .zero,
            "How long a request may wait for company")
        plan.queueSizeMax = fields.optional(
            "queue_size", .integer(1...65_536), default: plan.queueSizeMax, "Requests that may wait")
        plan.priorityLevels = fields.optional(
            "priority_levels", .integer(1...64), default: plan.priorityLevels, "1 is the most urgent")
        plan.defaultPriority = fields.optional(
            "default_priority", .integer(1...64), default: min(plan.defaultPriority, plan.priorityLevels),
            "Of requests that name none")
        plan.defaultTimeout = fields.optional(
            "default_timeout", .duration(.zero...(.seconds(3600))), default: .zero,
            "How long a request may wait; 0s: as long as it likes")
        plan.allowTimeoutOverride = fields.optional(
            "allow_timeout_override", .flag, default: true, "Requests may bring their own timeout")
        if plan.defaultPriority > plan.priorityLevels {
            fields.report("default_priority", "is beyond priority_levels (\(plan.priorityLevels))")
        }
        if plan.engine != .onnxruntime, plan.inputs.isEmpty || plan.outputs.isEmpty {
            fields.report("engine", "a built-in engine needs 'inputs' and 'outputs'")
        }
    }
}
