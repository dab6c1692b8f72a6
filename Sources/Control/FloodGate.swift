internal import Platform
internal import Site

/// Notices when alarms come faster than anyone reads, says so once, and lets only the critical ones
/// speak until it is over. What is held back is journalled and listed all the same.
struct FloodGate: Sendable {
    private let plan: FloodPlan
    private var raises: [MonotonicTime] = []
    private(set) var isFlooding = false
    private var heldBack = 0

    init(_ plan: FloodPlan) {
        self.plan = plan
        raises.reserveCapacity(plan.alarms + 1)
    }

    /// Counts one raise; true when it must not speak.
    mutating func holdsBack(_ severity: Severity, _ now: Moment, _ events: inout [EventDraft]) -> Bool {
        forget(now.monotonic)
        // The newest raises are enough to know: more than that and it is a flood.
        if raises.count > plan.alarms { raises.removeFirst() }
        raises.append(now.monotonic)
        if !isFlooding, raises.count > plan.alarms {
            isFlooding = true
            heldBack = 0
            events.append(
                EventDraft(
                    time: now, kind: .floodStarted, severity: .major, subject: "alarms",
                    text: "more than \(plan.alarms) alarms in \(plan.window.count / 1_000_000_000) s: "
                        + "only critical ones are announced until it is over",
                    evidence: [Evidence("raised", String(raises.count))]))
        }
        guard isFlooding, severity < .critical else { return false }
        heldBack += 1
        return true
    }

    /// Ends the flood when half as many come; says when to look again.
    mutating func settle(_ now: Moment, _ events: inout [EventDraft]) -> MonotonicTime? {
        guard isFlooding else { return nil }
        forget(now.monotonic)
        if raises.count > plan.alarms / 2 { return raises.first.map { $0 + plan.window + .milliseconds(1) } }
        isFlooding = false
        events.append(
            EventDraft(
                time: now, kind: .floodEnded, severity: .notice, subject: "alarms",
                text: "the alarm flood is over: \(heldBack) were held back and stand in the list",
                evidence: [Evidence("held-back", String(heldBack))]))
        return nil
    }

    private mutating func forget(_ now: MonotonicTime) {
        while let first = raises.first, now - first > plan.window { raises.removeFirst() }
    }
}
