internal import Platform
internal import Site

/// The one way to change a device: allow-list, range, step, rate, interlocks, authority, and back to
/// the safe value when the time is over. Every request ends in exactly one answer and one event.
struct WriteGuard: Sendable {
    private struct Fence: Sendable {
        let plan: WritablePlan
        let slot: Int
        let forbids: [NamePattern]
        var lastWrite: MonotonicTime?
        /// When the safe value goes back, and who had it changed.
        var expires: (monotonic: MonotonicTime, wall: WallTime, actor: String)?
        var pending: UInt64?
    }

    private struct Pending: Sendable {
        let command: WriteCommand
        let fence: Int
        let hold: Nanoseconds?
        let request: ControlRequest?
        let givenUp: MonotonicTime
    }

    private var fences: [Fence]
    private var pending: [Pending] = []
    private var nextID: UInt64 = 1

    /// A device thread begins a write within this or not at all.
    private static let beginWithin = Nanoseconds.seconds(5)
    /// Without an outcome after this, nobody can say whether it happened.
    private static let outcomeWithin = Nanoseconds.seconds(30)
    /// A safe value that could not be written is tried again after this.
    private static let retryAfter = Nanoseconds.seconds(15)

    init(_ plans: [WritablePlan], _ slots: inout SampleSlots) {
        fences = plans.map { plan in
            Fence(plan: plan, slot: slots.slot(plan.point), forbids: plan.notWhile.map { NamePattern($0) })
        }
    }

    mutating func step(
        _ requests: [ControlRequest], _ results: [WriteResult], _ samples: [Sample], _ alarms: AlarmList, now: Moment,
        _ decisions: inout Decisions
    ) {
        for result in results { finish(result.id, result.outcome, now, &decisions) }
        for overdue in pending where now.monotonic >= overdue.givenUp {
            finish(overdue.command.id, .unknown("no outcome from the device's thread in time"), now, &decisions)
        }
        for request in requests { consider(request, samples, alarms, now, &decisions) }
        goBackToSafety(now, &decisions)
        for one in pending { decisions.nextDeadline(one.givenUp) }
    }

    // MARK: - Asking

    private mutating func consider(
        _ request: ControlRequest, _ samples: [Sample], _ alarms: AlarmList, _ now: Moment, _ decisions: inout Decisions
    ) {
        guard case .write(let point, let value, let purpose, let hold) = request.kind else { return }
        guard let index = fences.firstIndex(where: { $0.plan.point == point }) else {
            return refuse(
                request, "'\(point)' is not in the site file's list of what may be written (control: writable:)", now,
                &decisions)
        }
        if let why = objection(index, value, hold, request.actor, samples, alarms, now) {
            return refuse(request, "\(point): \(why)", now, &decisions)
        }
        release(
            index, value, request.actor.name, purpose, hold: hold ?? fences[index].plan.holdMax, request, now,
            &decisions)
    }

    private func objection(
        _ index: Int, _ value: Double, _ hold: Nanoseconds?, _ actor: Actor, _ samples: [Sample], _ alarms: AlarmList,
        _ now: Moment
    ) -> String? {
        let fence = fences[index], plan = fences[index].plan
        if actor.authority < plan.authority {
            return "needs the authority of the \(plan.authority.text), \(actor.name) has that of the "
                + actor.authority.text
        }
        if !value.isFinite || !plan.range.contains(value) {
            return "\(value) is outside \(plan.range.lowerBound) to \(plan.range.upperBound)"
        }
        if fence.pending != nil { return "another write is under way" }
        if let last = fence.lastWrite, now.monotonic - last < plan.interval {
            return "was written \((now.monotonic - last).count / 1_000_000_000) s ago, at most once in "
                + "\(plan.interval.count / 1_000_000_000) s"
        }
        if let stepMax = plan.stepMax {
            let sample = fence.slot >= 0 && fence.slot < samples.count ? samples[fence.slot] : .neverRead
            guard sample.isGood else { return "its present value is not known, so the size of the step is not" }
            if abs(value - sample.number) > stepMax {
                return "a step from \(sample.number) to \(value) is larger than \(stepMax)"
            }
        }
        if let hold {
            guard let holdMax = plan.holdMax else { return "has no safe value to go back to after a time" }
            if hold <= .zero || hold > holdMax { return "may be held for up to \(holdMax.count / 1_000_000_000) s" }
        }
        for place in alarms.alarms.indices where alarms.alarms[place]?.isActive == true {
            if fence.forbids.contains(where: { $0.matches(alarms.plans[place].id) }) {
                return "not while '\(alarms.plans[place].id)' stands"
            }
        }
        for id in plan.onlyWhile {
            guard let place = alarms.places[id], alarms.states[place].isStanding else {
                return "only while '\(id)' stands"
            }
        }
        return nil
    }

    private func refuse(_ request: ControlRequest, _ why: String, _ now: Moment, _ decisions: inout Decisions) {
        decisions.events.append(
            EventDraft(
                time: now, kind: .commandRefused, severity: .notice, subject: "guard", text: "write refused: \(why)",
                actor: request.actor.name))
        decisions.answer(request, .written(.rejected(why)))
    }

    // MARK: - Writing

    private mutating func release(
        _ index: Int, _ value: Double, _ actor: String, _ purpose: String, hold: Nanoseconds?,
        _ request: ControlRequest?, _ now: Moment, _ decisions: inout Decisions
    ) {
        let command = WriteCommand(
            id: nextID, point: fences[index].plan.point, value: value, actor: actor, purpose: purpose,
            deadline: now.monotonic + WriteGuard.beginWithin)
        nextID += 1
        fences[index].pending = command.id
        fences[index].lastWrite = now.monotonic
        pending.append(
            Pending(
                command: command, fence: index, hold: hold, request: request,
                givenUp: now.monotonic + WriteGuard.outcomeWithin))
        decisions.writes.append(command)
        decisions.events.append(
            EventDraft(
                time: now, kind: .writeRequested, severity: .notice, subject: command.point,
                text: "write \(value): \(purpose)", evidence: [Evidence("write", String(command.id))], actor: actor))
    }

    private mutating func finish(_ id: UInt64, _ outcome: WriteOutcome, _ now: Moment, _ decisions: inout Decisions) {
        // A second outcome of the same write is dropped: it has been accounted for.
        guard let place = pending.firstIndex(where: { $0.command.id == id }) else { return }
        let done = pending.remove(at: place)
        fences[done.fence].pending = nil
        let isSafeValue = done.request == nil
        let (text, severity): (String, Severity) =
            switch outcome {
            case .confirmed(let value): ("confirmed: reads back \(value)", .notice)
            case .mismatch(let value): ("mismatch: reads back \(value) instead of \(done.command.value)", .major)
            case .rejected(let why): ("rejected: \(why)", .warning)
            case .unknown(let why): ("unknown: \(why)", .major)
            }
        decisions.events.append(
            EventDraft(
                time: now, kind: .writeFinished, severity: severity, subject: done.command.point,
                text: "write \(done.command.value) \(text)", evidence: [Evidence("write", String(id))],
                actor: done.command.actor))
        switch outcome {
        case .rejected where !isSafeValue: break
        case .confirmed where isSafeValue: fences[done.fence].expires = nil
        default:
            if isSafeValue {
                let again = now.advanced(by: WriteGuard.retryAfter)
                fences[done.fence].expires = (again.monotonic, again.wall, done.command.actor)
            } else if let hold = done.hold, fences[done.fence].plan.safeValue != nil {
                // What may have happened is undone in its time, also when nobody can say whether it did.
                let ends = now.advanced(by: hold)
                fences[done.fence].expires = (ends.monotonic, ends.wall, done.command.actor)
            }
        }
        if let request = done.request { decisions.answer(request, .written(outcome)) }
    }

    private mutating func goBackToSafety(_ now: Moment, _ decisions: inout Decisions) {
        for index in fences.indices {
            guard let expires = fences[index].expires, let safe = fences[index].plan.safeValue else { continue }
            if now.monotonic < expires.monotonic {
                decisions.nextDeadline(expires.monotonic)
            } else if fences[index].pending == nil {
                release(
                    index, safe, "guard", "time is over for the value \(expires.actor) had written", hold: nil, nil,
                    now, &decisions)
            }
        }
    }

    // MARK: - Memory

    func remember(_ writer: inout ByteWriter, now: Moment) {
        writer.beginObject("guard")
        writer.field("next", nextID)
        writer.beginArray("expiring")
        for (index, fence) in fences.enumerated() {
            // A write whose outcome is not known yet counts as done: its safe value must come back.
            let open = pending.first { $0.fence == index && $0.hold != nil && fence.plan.safeValue != nil }
            guard let wall = fence.expires?.wall ?? open?.hold.map({ now.advanced(by: $0).wall }) else { continue }
            writer.beginObject()
            writer.field("point", fence.plan.point)
            writer.field("at", wall.milliseconds)
            writer.field("actor", fence.expires?.actor ?? open?.command.actor)
            writer.endObject()
        }
        writer.endArray()
        writer.beginArray("pending")
        for one in pending {
            writer.beginObject()
            writer.field("id", one.command.id)
            writer.field("point", one.command.point)
            writer.field("value", one.command.value)
            writer.field("actor", one.command.actor)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    mutating func recall(_ json: JSON, now: Moment) {
        guard let memory = json["guard"] else { return }
        nextID = UInt64(max(1, memory["next"]?.number ?? 1))
        for item in memory["expiring"]?.array ?? [] {
            guard let index = fences.firstIndex(where: { $0.plan.point == item["point"]?.string }),
                let at = item["at"]?.number
            else { continue }
            // However the clock jumped, not later than the longest hold from now.
            let longest = (fences[index].plan.holdMax ?? .zero).wholeMilliseconds
            let left = min(max(0, Int64(at) - now.wall.milliseconds), longest)
            let end = now.advanced(by: .milliseconds(left))
            fences[index].expires = (end.monotonic, end.wall, item["actor"]?.string ?? "somebody")
        }
        for item in memory["pending"]?.array ?? [] {
            guard let point = item["point"]?.string, let id = item["id"]?.number, let value = item["value"]?.number,
                let index = fences.firstIndex(where: { $0.plan.point == point })
            else { continue }
            let command = WriteCommand(
                id: UInt64(id), point: point, value: value, actor: item["actor"]?.string ?? "", purpose: "",
                deadline: now.monotonic)
            fences[index].pending = command.id
            // Given up at once: the agent that asked for it has ended, so its outcome is unknown.
            pending.append(
                Pending(command: command, fence: index, hold: nil, request: nil, givenUp: now.monotonic))
        }
    }
}
