internal import Control
internal import Platform
internal import Site

/// Every write accounted for: released within its fence, finished exactly once and in time, answered once.
struct WriteLedger {
    /// Released and not finished: since when. What a restart finds open has begun again then.
    private var open: [UInt64: MonotonicTime] = [:]
    private var released: Set<UInt64> = []
    /// Asked for by somebody who still waits for the answer.
    private var waiting = 0

    /// An outcome or "unknown" comes within this (WriteGuard.outcomeWithin, and a step's rounding).
    private static let accountedWithin = Nanoseconds.milliseconds(30_001)

    mutating func restarted(_ now: MonotonicTime) {
        for id in open.keys { open[id] = now }
        waiting = 0
    }

    mutating func judge(_ decisions: Decisions, _ inputs: ControlInputs, interlocked: Bool, _ now: Moment)
        throws(Oracle.Wrong)
    {
        for command in decisions.writes {
            if command.point != Plant.setpoint { throw .init("\(command.point) is on no list and was written") }
            if !(18...27).contains(command.value) { throw .init("\(command.value) was written, 18 to 27 is allowed") }
            if !released.insert(command.id).inserted { throw .init("write \(command.id) was released twice") }
            if command.actor != "guard", interlocked { throw .init("a write passed its interlock") }
            if !decisions.events.contains(where: { $0.kind == .writeRequested && WriteLedger.id(of: $0) == command.id })
            {
                throw .init("write \(command.id) is not in the journal")
            }
            open[command.id] = now.monotonic
        }
        for event in decisions.events where event.kind == .writeFinished {
            guard let id = WriteLedger.id(of: event), open.removeValue(forKey: id) != nil else {
                throw .init("a write finished twice, or never began")
            }
        }
        for (id, since) in open where now.monotonic - since > WriteLedger.accountedWithin {
            throw .init("write \(id) has no outcome after \((now.monotonic - since).seconds) s")
        }
        try judgeAnswers(decisions, inputs)
    }

    private mutating func judgeAnswers(_ decisions: Decisions, _ inputs: ControlInputs) throws(Oracle.Wrong) {
        for request in inputs.requests {
            if case .write = request.kind {
                waiting += 1
            } else if decisions.answers.count(where: { $0.request.kind == request.kind }) != 1 {
                throw .init("a request was not answered exactly once")
            }
        }
        for answered in decisions.answers { if case .written = answered.answer { waiting -= 1 } }
        if waiting < 0 { throw .init("a write was answered twice") }
        if waiting > open.count { throw .init("a write was neither released nor answered") }
    }

    private static func id(of event: EventDraft) -> UInt64? {
        event.evidence.first { $0.name == "write" }.flatMap { UInt64($0.value) }
    }
}
