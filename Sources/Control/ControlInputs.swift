public import Platform
public import Site

/// All that `Control.step` may know.
public struct ControlInputs: Sendable {
    /// One for each of `Control.watched`.
    public var samples: [Sample]
    public var requests: [ControlRequest]
    /// What the rooms say happened, in order.
    public var drafts: [EventDraft]
    /// How writes ended, from the devices' threads.
    public var writeResults: [WriteResult]
    /// What the serving plane counted so far.
    public var lanes: [LaneStatus]

    public init(
        samples: [Sample], requests: [ControlRequest] = [], drafts: [EventDraft] = [],
        writeResults: [WriteResult] = [], lanes: [LaneStatus] = []
    ) {
        self.samples = samples
        self.requests = requests
        self.drafts = drafts
        self.writeResults = writeResults
        self.lanes = lanes
    }

    func sample(_ slot: Int) -> Sample { slot >= 0 && slot < samples.count ? samples[slot] : .neverRead }
}

extension Control {
    /// Fills `samples` from the Board, reusing its memory.
    public func gather(_ board: Board, at now: MonotonicTime, into samples: inout [Sample]) {
        if samples.count != watched.count { samples = Array(repeating: .neverRead, count: watched.count) }
        for (slot, id) in watched.enumerated() { samples[slot] = board.sample(id, at: now) }
    }
}
