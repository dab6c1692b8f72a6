internal import COpenSSL
internal import Platform
internal import Site

/// The known question that a model is asked on each of its lanes: a device that computes wrongly without
/// saying so is found by nothing else. What this lane was asked and what came.
struct Canary {
    /// When it is asked next.
    var due = MonotonicTime.distantPast
    var isAsked = false
    private(set) var answers: UInt64 = 0
    /// SHA-256 of the outputs, in the model's order, as hex.
    private(set) var got: String?

    mutating func answered(_ digest: String) {
        answers += 1
        got = digest
    }

    /// Numbers that every machine makes alike: small, so that no type overflows and no model meets an infinity.
    static func fill(_ memory: Memory, _ type: DataType, _ random: inout CanaryNumbers) {
        guard type != .bytes else { return }
        for at in stride(from: 0, to: memory.count, by: type.byteCount) {
            let word = random.next()
            // From -1 to 1 in steps of 2^-52, exact in a Double.
            let real = Double(word >> 11) * 0x1p-52 - 1
            switch type {
            case .bool: memory.store(at, UInt8(word & 1))
            case .uint8, .int8: memory.store(at, UInt8(word & 127))
            case .uint16, .int16: memory.store(at, UInt16(word & 127).littleEndian)
            case .uint32, .int32: memory.store(at, UInt32(word & 127).littleEndian)
            case .uint64, .int64: memory.store(at, (word & 127).littleEndian)
            case .fp16: memory.store(at, Float16(real).bitPattern.littleEndian)
            case .bf16: memory.store(at, UInt16(Float(real).bitPattern >> 16).littleEndian)
            case .fp32: memory.store(at, Float(real).bitPattern.littleEndian)
            case .fp64: memory.store(at, real.bitPattern.littleEndian)
            case .bytes: break
            }
        }
    }

    static func digest(_ outputs: [Memory]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(outputs.reduce(0) { $0 + $1.count })
        for output in outputs { unsafe bytes.append(contentsOf: output.buffer) }
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        _ = unsafe SHA256(bytes, bytes.count, &digest)
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// SplitMix64: the same question from the same seed, on every machine and in every version.
struct CanaryNumbers {
    private var state: UInt64

    init(seed: Int) { state = UInt64(bitPattern: Int64(seed)) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

extension ServedModel {
    /// Asks each lane whose time it is. Also one that is drained: how else would it be seen to be well again?
    func askCanaries(_ now: MonotonicTime) {
        guard let interval = house.plan.canaryInterval, let question = plan.canary, house.mayAskCanaries,
            state == .ready, let layout, let description
        else { return }
        for (index, lane) in lanes.enumerated()
        where canaries[index].due <= now && !canaries[index].isAsked && isWarm(index) {
            // Not behind a full channel; a busy lane takes it between two batches.
            guard lane.isIdle || lane.canPrefetch, let job = lane.nextJob, let rows = takeOwnRows(layout, 1) else {
                continue
            }
            canaries[index].isAsked = true
            canaries[index].due = now + interval
            var random = CanaryNumbers(seed: question.seed)
            for i in description.inputs.indices {
                let tensor = layout.inputs[i]
                Canary.fill(
                    rows.slab.lease.memory.slice(tensor.offset + rows.first * tensor.rowBytes, tensor.rowBytes),
                    description.inputs[i].type, &random)
            }
            let slab = rows.slab
            runOwn(job, lane, rows, layout, description) { $0.canarySlab = slab }
        }
    }

    /// The first row of the slab holds what came.
    func canaryFinished(_ slab: Slab, _ lane: Lane, _ failure: String?) {
        guard let index = lanes.firstIndex(where: { $0 === lane }) else { return }
        canaries[index].isAsked = false
        if let failure {
            // No answer is no wrong answer; that none comes is noticed by its lateness.
            return Log.write(.warning, "inference", "\(name): lane '\(lane.plan.name)': the known question: \(failure)")
        }
        guard let layout else { return }
        let digest = Canary.digest(layout.outputs.map { slab.lease.memory.slice($0.offset, $0.rowBytes) })
        if canaries[index].got != digest, plan.canary?.digest(for: lane.plan.name) == nil {
            Log.write(
                .notice, "inference",
                "\(name): lane '\(lane.plan.name)' answers the known question with \(digest): where it is known to "
                    + "compute rightly, put this under canary: digest: of its model.yaml")
        }
        canaries[index].answered(digest)
        house.publishStatus()
    }

    func canaryStatus(_ index: Int) -> CanaryStatus? {
        guard let question = plan.canary, house.plan.canaryInterval != nil, layout != nil else { return nil }
        let lane = lanes[index].plan.name
        return CanaryStatus(
            lane: lane, answers: canaries[index].answers, expected: question.digest(for: lane),
            got: canaries[index].got)
    }
}
