public import Platform

/// How one model is served: its `model.yaml`, or these defaults for a bare `.onnx`.
public struct ModelPlan: Equatable, Sendable {
    public enum Engine: String, CaseIterable, Sendable { case onnxruntime, identity, delay }

    public var engine = Engine.onnxruntime
    /// Beside `model.yaml`; nil: the one `.onnx` there.
    public var file: String?
    /// Nil: 32 where every input and output has a free first dimension, otherwise 0 (the model does
    /// not batch).
    public var maxBatchSize: Int?
    public var preferredBatchSizes: [Int] = []
    public var maxQueueDelay = Nanoseconds.zero
    public var queueSizeMax = 256
    /// 1 is the most urgent.
    public var priorityLevels = 8
    public var defaultPriority = 4
    /// How long a request may wait; zero: as long as it likes.
    public var defaultTimeout = Nanoseconds.zero
    public var allowTimeoutOverride = true
    /// A run that takes longer is a hang: the lane is restarted.
    public var runLimit = Nanoseconds.seconds(30)
    /// Lanes by name; empty: every lane of the site.
    public var lanes: [String] = []
    public var threads = 1
    /// Room for outputs whose size the model does not say.
    public var outputBytesMax = 1 << 20
    public var warmUpRuns = 3
    /// Text of each index of the first output, for classification.
    public var labels: [String] = []
    /// For the built-in engines, which have no model to ask.
    public var inputs: [TensorPlan] = []
    public var outputs: [TensorPlan] = []
    public var delay = Nanoseconds.zero
    public var options: [LanePlan.Option] = []
    /// Asked on each lane as often as the site says; nil: never.
    public var canary: CanaryPlan?

    public init() {}
}

/// A question whose answer is known: inputs made from a seed, and the SHA-256 of the outputs.
public struct CanaryPlan: Equatable, Sendable {
    public var seed = 1
    public var digest: String?
    /// Where devices differ in the last bits: each lane's own.
    public var digests: [Digest] = []

    public struct Digest: Equatable, Sendable {
        public var lane: String
        public var digest: String
        public init(lane: String, digest: String) {
            self.lane = lane
            self.digest = digest
        }
    }

    public init() {}

    public func digest(for lane: String) -> String? { digests.first { $0.lane == lane }?.digest ?? digest }
}

public struct TensorPlan: Equatable, Sendable {
    public var name: String
    /// Open Inference Protocol names: FP32, INT64, BYTES, ...
    public var datatype: String
    /// -1 is free.
    public var shape: [Int]
    public init(name: String, datatype: String, shape: [Int]) {
        self.name = name
        self.datatype = datatype
        self.shape = shape
    }
}
