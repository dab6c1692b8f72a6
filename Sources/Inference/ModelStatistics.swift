internal import Platform

/// What a model has done, as Triton's statistics extension tells it.
struct ModelStatistics {
    struct Duration {
        var count: UInt64 = 0
        var nanoseconds: UInt64 = 0
        mutating func add(_ nanoseconds: Int64) {
            count += 1
            self.nanoseconds += UInt64(max(0, nanoseconds))
        }
    }

    struct BatchSize {
        var computeInput = Duration()
        var computeInfer = Duration()
        var computeOutput = Duration()
    }

    var success = Duration()
    var fail = Duration()
    var queue = Duration()
    var computeInput = Duration()
    var computeInfer = Duration()
    var computeOutput = Duration()
    /// Rows that ran, and runs.
    var inferences: UInt64 = 0
    var executions: UInt64 = 0
    var lastInferenceMilliseconds: Int64 = 0
    var batches: [BatchSize]
    /// Latency of the whole request: two buckets per octave of microseconds.
    var latency = [UInt64](repeating: 0, count: 64)
    /// One for each octave.
    var exemplars = [Exemplar](repeating: Exemplar(), count: 26)
    var expired: UInt64 = 0
    var refused: UInt64 = 0
    var cancelled: UInt64 = 0
    /// Payload bytes that were moved in memory after they were received.
    var copiedBytes: UInt64 = 0
    var copies: UInt64 = 0

    init(batchSizeMax: Int) {
        batches = Array(repeating: BatchSize(), count: max(1, batchSizeMax))
    }

    mutating func ran(_ job: JobRecord, rows: Int) {
        executions += 1
        inferences += UInt64(rows)
        guard rows >= 1, rows <= batches.count else { return }
        batches[rows - 1].computeInput.add(job.inputsReady - job.begun)
        batches[rows - 1].computeInfer.add(job.computed - job.inputsReady)
        batches[rows - 1].computeOutput.add(job.ended - job.computed)
    }

    mutating func succeeded(_ request: InferRequest, _ job: JobRecord, now: Int64) {
        success.add(now - request.arrived.nanoseconds)
        queue.add(request.dispatched.nanoseconds - request.arrived.nanoseconds)
        computeInput.add(job.inputsReady - job.begun)
        computeInfer.add(job.computed - job.inputsReady)
        computeOutput.add(job.ended - job.computed)
        let microseconds = UInt64(max(1, (now - request.arrived.nanoseconds) / 1000))
        let octave = 63 - microseconds.leadingZeroBitCount
        let half = octave > 0 ? Int(microseconds >> UInt64(octave - 1) & 1) : 0
        latency[min(63, octave * 2 + half)] += 1
        if !request.idRange.isEmpty, octave < exemplars.count, let text = request.textMemory {
            let id = text.slice(request.idRange.lowerBound, request.idRange.count)
            exemplars[octave].note(id, microseconds: microseconds, wall_ms: lastInferenceMilliseconds)
        }
    }
}
