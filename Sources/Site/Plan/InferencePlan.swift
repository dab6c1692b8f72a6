public import Platform

/// The serving plane: pool, models, lanes and its safe posture.
public struct InferencePlan: Sendable {
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]
    /// False when the site file has no `inference` section: the plane is not started.
    public var isEnabled = false
    /// Numeric "address:port" of the Open Inference Protocol; Triton's port by default.
    public var listen: [String] = ["127.0.0.1:8000"]
    /// The same protocol on a Unix socket.
    public var socketPath = "/run/mdc-inference/inference.sock"
    /// Where native clients fetch their rings; nil: no ring transport.
    public var ringPath: String? = "/run/mdc-inference/ring.sock"
    public var modelsFolder = "/var/lib/mdc-inference/models"
    /// ONNX Runtime's library; nil: looked for in the usual places.
    public var library: String?
    public var pool = PoolPlan()
    public var lanes: [LanePlan] = [LanePlan(name: "cpu")]
    public var isolation = LaneIsolation.process
    /// What an unreadable or stale posture page means.
    public var safePosture = PostureState.drain
    public var postureStaleAfter = Nanoseconds.seconds(5)
    /// How long threads with work look for more of it before they sleep; zero while power is short. About
    /// what a sleep and a wake-up cost on a virtual machine (measured: 100 to 400 us).
    public var lookAgain = Nanoseconds.microseconds(200)
    public var limits = InferenceLimits()
    public var sharedMemory = SharedMemoryPlan()
    /// How often each lane answers its model's known question: `canary` of the accelerators' section.
    public var canaryInterval: Nanoseconds?

    public init(points: [PointDefinition] = []) {
        self.points = points
    }
}

/// Where an engine runs: a child process of its own (a crash costs its requests only), or a thread.
public enum LaneIsolation: String, CaseIterable, Sendable { case process, none }

public struct PoolPlan: Equatable, Sendable {
    public struct SizeClass: Equatable, Sendable {
        public var slotBytes: Int
        public var count: Int
        public init(slotBytes: Int, count: Int) {
            self.slotBytes = slotBytes
            self.count = count
        }
    }
    /// 512 x 16 KiB + 64 x 256 KiB + 16 x 2 MiB + 2 x 64 MiB = 8 + 16 + 32 + 128 = 184 MiB.
    public var classes = [
        SizeClass(slotBytes: 16 << 10, count: 512), SizeClass(slotBytes: 256 << 10, count: 64),
        SizeClass(slotBytes: 2 << 20, count: 16), SizeClass(slotBytes: 64 << 20, count: 2),
    ]
    public var hugePages = false
    /// False leaves the pages to be touched by first use.
    public var populate = true
    public init() {}
    public var byteCount: Int { classes.reduce(0) { $0 + $1.slotBytes * $1.count } }
}

/// One device that models run on.
public struct LanePlan: Equatable, Sendable {
    public var name: String
    /// The accelerator's name in the site file: its health drains this lane.
    public var accelerator: String?
    /// ONNX Runtime's execution provider, by name.
    public var provider = "CPU"
    public var options: [Option] = []
    /// What the device draws while it works, for the power limit; nil: it is not counted.
    public var watts: Double?
    /// The processor that this lane's process is held to; nil: any.
    public var processor: Int?

    public struct Option: Equatable, Sendable {
        public var key: String
        public var value: String
        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    public init(name: String, accelerator: String? = nil) {
        self.name = name
        self.accelerator = accelerator
    }
}

public struct InferenceLimits: Equatable, Sendable {
    /// Requests in the house at once, over all models.
    public var requestsMax = 512
    public var connectionsMax = 1024
    /// Bodies, unpacked bodies and shared memory regions, as Triton counts them.
    public var bodyBytesMax = 64 << 20
    public var ringClientsMax = 32
    public var ringBytesMax = 64 << 20
    public init() {}
}

/// Triton's system shared memory extension: any client may name an object, so it is off by default.
public struct SharedMemoryPlan: Equatable, Sendable {
    public var isEnabled = false
    /// Names a client may register begin with one of these.
    public var prefixes: [String] = ["/mdc-"]
    /// Owners whose objects may be mapped; empty: the server's own user only.
    public var owners: [Int] = []
    public var regionsMax = 64
    public init() {}
}
