internal import Platform
internal import Site

extension AlarmList {
    /// Longer than a day is not a shelf but a forgotten alarm (ANSI/ISA-18.2 asks for a limit).
    private static let shelfMax = Nanoseconds.seconds(24 * 3600)

    mutating func answer(_ request: ControlRequest, now: Moment, _ decisions: inout Decisions) {
        let answer: ControlAnswer
        switch request.kind {
        case .acknowledge(let id): answer = acknowledge(id, request.actor, now, &decisions)
        case .acknowledgeAll:
            let open = alarms.indices.filter { alarms[$0]?.isAcknowledged == false }
            guard request.actor.authority > .viewer else {
                answer = .forbidden("acknowledging needs more than a viewer's authority")
                break
            }
            for index in open { acknowledge(at: index, request.actor, now, &decisions) }
            answer = .done("\(open.count) acknowledged")
        case .shelve(let id, let span, let reason):
            answer = shelve(id, span, reason, request.actor, now, &decisions)
        case .unshelve(let id):
            answer = unshelve(id, request.actor, now, &decisions)
        default: return
        }
        if let why = answer.refusal {
            decisions.events.append(
                EventDraft(
                    time: now, kind: .commandRefused, severity: .notice, subject: "alarms", text: why,
                    actor: request.actor.name))
        }
        refreshList()
        decisions.answer(request, answer)
    }

    private mutating func acknowledge(_ id: String, _ actor: Actor, _ now: Moment, _ decisions: inout Decisions)
        -> ControlAnswer
    {
        guard actor.authority > .viewer else { return .forbidden("acknowledging needs more than a viewer's authority") }
        guard let index = places[id], let alarm = alarms[index] else {
            return .notFound("no alarm '\(id)' stands; 'mdc-agent alarms' lists those that do")
        }
        if let by = alarm.acknowledgedBy { return .done("\(id) was acknowledged by \(by) before") }
        acknowledge(at: index, actor, now, &decisions)
        return .done("\(id) acknowledged")
    }

    private mutating func acknowledge(at index: Int, _ actor: Actor, _ now: Moment, _ decisions: inout Decisions) {
        guard var alarm = alarms[index] else { return }
        alarm.acknowledgedBy = actor.name
        // Cleared and acknowledged: nothing is left to show.
        put(index, alarm.isActive ? alarm : nil)
        decisions.events.append(
            EventDraft(
                time: now, kind: .alarmAcknowledged, severity: .info, subject: alarm.subject,
                text: "acknowledged: \(alarm.text)", evidence: [Evidence("alarm", alarm.id)], actor: actor.name))
    }

    private mutating func shelve(
        _ id: String, _ span: Nanoseconds, _ reason: String, _ actor: Actor, _ now: Moment,
        _ decisions: inout Decisions
    ) -> ControlAnswer {
        guard let index = places[id], let alarm = alarms[index] else {
            return .notFound("no alarm '\(id)' stands; only a standing alarm can be shelved")
        }
        let needed: Authority = alarm.severity == .critical ? .engineer : .technician
        guard actor.authority >= needed else {
            return .forbidden("shelving a \(alarm.severity.text) alarm needs the authority of the \(needed.text)")
        }
        guard span > .zero, span <= AlarmList.shelfMax else {
            return .refused("an alarm can be shelved for up to 24 h")
        }
        let until = now.advanced(by: span)
        shelve(index, until: until)
        decisions.nextDeadline(until.monotonic)
        decisions.events.append(
            EventDraft(
                time: now, kind: .alarmShelved, severity: .notice, subject: alarm.subject,
                text: "shelved until \(until.wall.rfc3339): \(alarm.text)",
                evidence: [Evidence("alarm", id), Evidence("reason", reason)], actor: actor.name))
        return .done("\(id) is shelved until \(until.wall.rfc3339)")
    }

    private mutating func unshelve(_ id: String, _ actor: Actor, _ now: Moment, _ decisions: inout Decisions)
        -> ControlAnswer
    {
        guard actor.authority > .viewer else { return .forbidden("unshelving needs more than a viewer's authority") }
        guard let index = places[id], states[index].shelfEnds != nil else {
            return .notFound("no alarm '\(id)' is shelved")
        }
        unshelve(index, actor: actor.name, now, &decisions)
        return .done("\(id) is no longer shelved")
    }

    mutating func unshelveWhatIsDue(_ now: Moment, _ decisions: inout Decisions) {
        var next = nextShelved(from: 0)
        while let index = next {
            next = nextShelved(from: index + 1)
            guard let ends = states[index].shelfEnds else { continue }
            if now.monotonic >= ends {
                unshelve(index, actor: nil, now, &decisions)
            } else {
                decisions.nextDeadline(ends)
            }
        }
    }

    private mutating func unshelve(_ index: Int, actor: String?, _ now: Moment, _ decisions: inout Decisions) {
        shelve(index, until: nil)
        let stands = alarms[index]?.isActive == true
        decisions.events.append(
            EventDraft(
                time: now, kind: .alarmShelved, severity: stands ? plans[index].severity : .info,
                subject: plans[index].subject,
                text: stands
                    ? "no longer shelved, and still standing: \(plans[index].text)"
                    : "no longer shelved: \(plans[index].text)",
                evidence: [Evidence("alarm", plans[index].id)], actor: actor))
    }
}
