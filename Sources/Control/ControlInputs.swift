public import Platform
public import Site

/// All that `Control.step` may know.
public struct ControlInputs: Sendable {
    /// One for each of `Control.watched`.
    public var samples: [Sample]
    /// The places of those that are news since the last step; nil: look at all of them.
    public var changed: [Int]?
    public var requests: [ControlRequest]
    /// What the rooms say happened, in order.
    public var drafts: [EventDraft]
    /// How writes ended, from the devices' threads.
    public var writeResults: [WriteResult]
    /// What the serving plane counted so far.
    public var lanes: [LaneStatus]
    /// How the agent itself is.
    public var health: AgentHealth

    public init(
        samples: [Sample], changed: [Int]? = nil, requests: [ControlRequest] = [], drafts: [EventDraft] = [],
        writeResults: [WriteResult] = [], lanes: [LaneStatus] = [], health: AgentHealth = AgentHealth()
    ) {
        self.samples = samples
        self.changed = changed
        self.requests = requests
        self.drafts = drafts
        self.writeResults = writeResults
        self.lanes = lanes
        self.health = health
    }

    func sample(_ slot: Int) -> Sample { slot >= 0 && slot < samples.count ? samples[slot] : .neverRead }
}

extension Control {
    /// Fills `samples` from the Board, all of them: ages count too.
    public func gather(_ board: Board, at now: MonotonicTime, into samples: inout [Sample]) {
        if samples.count != watched.count { samples = Array(repeating: .neverRead, count: watched.count) }
        for (slot, id) in watched.enumerated() { samples[slot] = board.sample(id, at: now) }
    }

    /// Only what changed, into the samples of an earlier look; `changed` receives the places.
    public func gather(
        _ points: [PointID], of board: Board, at now: MonotonicTime, into samples: inout [Sample],
        changed: inout [Int]
    ) {
        changed.removeAll(keepingCapacity: true)
        for id in points {
            let slot = slots[id.index]
            guard slot >= 0, slot < samples.count else { continue }
            samples[slot] = board.sample(id, at: now)
            changed.append(slot)
        }
    }
}
