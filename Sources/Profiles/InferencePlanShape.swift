internal import Platform
internal import Site

extension Shape where Value == InferencePlan {
    /// The site file's `inference` section.
    static func inference(_ library: HardwareLibrary) -> Shape {
        .object("inference") { fields in
            var plan = InferencePlan()
            plan.isEnabled = fields.optional("enabled", .flag, default: true, "false: no inference plane here")
            plan.listen = fields.optional(
                "listen", .list(of: .text, atMost: 8), default: plan.listen,
                "Numeric address:port of the Open Inference Protocol")
            plan.socketPath = fields.optional(
                "socket", .text, default: plan.socketPath, "Unix socket of the same protocol")
            plan.ringPath =
                fields.optional("ring", .text, "Unix socket where native clients fetch their rings") ?? plan.ringPath
            plan.modelsFolder = fields.optional(
                "models", .text, default: plan.modelsFolder, "The folder that models lie in")
            plan.library = fields.optional("library", .text, "Path of libonnxruntime.so")
            plan.isolation = fields.optional(
                "isolation", .choice(LaneIsolation.allCases.map { ($0.rawValue, $0) }), default: plan.isolation,
                "process: each lane in a child process; none: in a thread")
            plan.safePosture = fields.optional(
                "safe-posture", .choice(PostureState.allCases.map { ($0.text, $0) }), default: plan.safePosture,
                "What a stale posture page means")
            plan.postureStaleAfter = fields.optional(
                "posture-stale-after", .duration(.milliseconds(100)...(.seconds(3600))),
                default: plan.postureStaleAfter, "Age at which the posture page is not believed any more")
            plan.lookAgain = fields.optional(
                "look-again", .duration(.zero...(.milliseconds(10))), default: plan.lookAgain,
                "How long threads with work look for more before they sleep")
            plan.pool = fields.optional("pool", .pool, default: plan.pool, "Memory for requests, fixed at start")
            plan.lanes = fields.optional(
                "lanes", .list(of: .lane, atLeast: 1, atMost: 64), default: plan.lanes, "Devices that models run on")
            plan.limits = fields.optional("limits", .inferenceLimits, default: plan.limits, "Bounds for clients")
            plan.sharedMemory = fields.optional(
                "shared-memory", .sharedMemory, default: plan.sharedMemory,
                "Triton's system shared memory extension; off by default")
            reportDoubleLanes(plan, fields)
            return plan
        }
    }
}

private func reportDoubleLanes(_ plan: InferencePlan, _ fields: Fields) {
    var seen: Set<String> = []
    for lane in plan.lanes where !seen.insert(lane.name).inserted {
        fields.report("lanes", "two lanes are named '\(lane.name)'")
    }
}

/// Sizes as people write them: 16k, 2M, 64M, or bytes.
extension Shape where Value == Int {
    static func byteCount(_ range: ClosedRange<Int>) -> Shape {
        .scalar(
            .string(pattern: "^[0-9]+[kMG]?$"),
            expected: "a size from \(range.lowerBound) to \(range.upperBound) bytes, such as 16k or 2M"
        ) { text in
            let digits = text.prefix { $0.isNumber }
            let shift: Int? =
                switch text.dropFirst(digits.count) {
                case "": 0
                case "k": 10
                case "M": 20
                case "G": 30
                default: nil
                }
            guard let number = Int(digits), let shift, number < 1 << 32 else { return nil }
            let bytes = number << shift
            return range.contains(bytes) ? bytes : nil
        }
    }
}

extension Shape where Value == PoolPlan {
    static var pool: Shape {
        .object("pool") { fields in
            var plan = PoolPlan()
            let sizeClass = Shape<PoolPlan.SizeClass>.object("pool class") { fields in
                let bytes = fields.required("slot", .byteCount(4096...(1 << 30)), "Bytes of one slot")
                let count = fields.required("count", .integer(1...65_536), "How many slots")
                guard let bytes, let count else { return nil }
                return PoolPlan.SizeClass(slotBytes: bytes, count: count)
            }
            plan.classes = fields.optional(
                "classes", .list(of: sizeClass, atLeast: 1, atMost: 16), default: plan.classes,
                "Slot sizes and how many of each")
            plan.hugePages = fields.optional("huge-pages", .flag, default: false, "Reserved 2 MiB pages")
            plan.populate = fields.optional("populate", .flag, default: true, "Touch every page at start")
            return plan
        }
    }
}

extension Shape where Value == LanePlan {
    static var lane: Shape {
        .object("lane") { fields in
            let name = fields.required("name", .word, "The lane's name, for models and metrics")
            let accelerator = fields.optional("accelerator", .word, "The card whose health drains this lane")
            let provider = fields.optional("provider", .text, default: "CPU", "ONNX Runtime's execution provider")
            let options = fields.optional(
                "options", .dictionary(key: .text, of: .text), default: [], "Options of the provider")
            let watts = fields.optional("watts", .number(0.1...10_000), "Draw while it works, for the power limit")
            let processor = fields.optional("processor", .integer(0...4095), "Processor the lane is held to")
            guard let name else { return nil }
            var lane = LanePlan(name: name, accelerator: accelerator)
            lane.provider = provider
            lane.options = options.map { LanePlan.Option(key: $0.key, value: $0.value) }
            lane.watts = watts
            lane.processor = processor
            return lane
        }
    }
}

extension Shape where Value == InferenceLimits {
    static var inferenceLimits: Shape {
        .object("limits") { fields in
            var limits = InferenceLimits()
            limits.requestsMax = fields.optional(
                "requests", .integer(1...65_536), default: limits.requestsMax, "Requests in the house at once")
            limits.connectionsMax = fields.optional(
                "connections", .integer(1...65_536), default: limits.connectionsMax, "Clients at once")
            limits.bodyBytesMax = fields.optional(
                "body", .byteCount(4096...(1 << 30)), default: limits.bodyBytesMax, "Largest body or region")
            limits.ringClientsMax = fields.optional(
                "ring-clients", .integer(0...256), default: limits.ringClientsMax, "Native clients at once")
            limits.ringBytesMax = fields.optional(
                "ring-memory", .byteCount(4096...(1 << 30)), default: limits.ringBytesMax, "Memory of one native client"
            )
            return limits
        }
    }
}

extension Shape where Value == SharedMemoryPlan {
    static var sharedMemory: Shape {
        .object("shared-memory") { fields in
            var plan = SharedMemoryPlan()
            plan.isEnabled = fields.optional("enabled", .flag, default: false, "Clients may register /dev/shm objects")
            plan.prefixes = fields.optional(
                "prefixes", .list(of: .text, atLeast: 1, atMost: 16), default: plan.prefixes,
                "How the keys of objects must begin")
            plan.owners = fields.optional(
                "owners", .list(of: .integer(0...0x7FFF_FFFF), atMost: 64), default: [],
                "User ids whose objects may be mapped; none: the server's own")
            plan.regionsMax = fields.optional("regions", .integer(1...128), default: plan.regionsMax, "Regions at once")
            return plan
        }
    }
}
