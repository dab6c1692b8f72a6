internal import Platform
internal import Site

// Who may arm, disarm and bypass, and what they are told.
extension Arming {
    mutating func answer(
        _ request: ArmingRequest, _ actor: Actor, _ now: Moment, _ decisions: inout ArmingDecisions
    ) -> ControlAnswer {
        if plan.zones.isEmpty { return .refused("this site has no security zones") }
        // Arming is open to systems upstream: a forgotten container is armed from afar. Everything that
        // makes it less guarded needs a person.
        let isArm = if case .arm = request { true } else { false }
        if actor.authority < (isArm ? .upstream : .technician) {
            return forbidden(request, actor, "the authority of \(actor.authority.text) is not enough", now, &decisions)
        }
        switch request {
        case .arm(let wanted): return arm(wanted, request, actor, now, &decisions)
        case .disarm: return disarm(actor, now, &decisions)
        case .bypass(let name): return bypass(name, request, actor, now, &decisions)
        case .unbypass(let name):
            guard let zone = plan.zones.firstIndex(where: { $0.name == name }) else { return unknown(name) }
            guard zones[zone].bypass != nil else { return .done("\(name) was not bypassed") }
            endBypass(zone, "by \(actor.name)", actor.name, now, &decisions)
            return .done("\(name) is in service again")
        case .walkTest(let on): return walkTest(on, request, actor, now, &decisions)
        }
    }

    private func unknown(_ name: String) -> ControlAnswer {
        .notFound("no zone is named '\(name)'; there is " + plan.zones.map(\.name).joined(separator: ", "))
    }

    private func forbidden(
        _ request: ArmingRequest, _ actor: Actor, _ why: String, _ now: Moment, _ decisions: inout ArmingDecisions
    ) -> ControlAnswer {
        _ = refused(request, actor, why, now, &decisions)
        return .forbidden(why)
    }

    private func refused(
        _ request: ArmingRequest, _ actor: Actor, _ why: String, _ now: Moment, _ decisions: inout ArmingDecisions
    ) -> ControlAnswer {
        decisions.events.append(
            EventDraft(
                time: now, kind: .commandRefused, severity: .notice, subject: "security",
                text: "refused to \(request.text): \(why)", actor: actor.name))
        return .refused(why)
    }

    // MARK: - Arming

    private mutating func arm(
        _ wanted: ArmingState, _ request: ArmingRequest, _ actor: Actor, _ now: Moment,
        _ decisions: inout ArmingDecisions
    ) -> ControlAnswer {
        guard wanted == .stay || wanted == .away else {
            return .refused("it can be armed stay or away")
        }
        if walkTest != nil { return refused(request, actor, "a walk test is running: end it first", now, &decisions) }
        if state == wanted || (wanted == .away && state == .exiting) {
            return .done("it is armed \(wanted.rawValue) already")
        }
        let notReady = obstacles(to: wanted)
        if !notReady.isEmpty {
            let why = notReady.joined(separator: "; ") + ": close, mend or bypass"
            return refused(request, actor, why, now, &decisions)
        }
        if wanted == .stay || plan.arming.exitDelay == .zero {
            deadline = nil
            change(to: wanted, "armed \(wanted.rawValue)", actor.name, now, &decisions)
            return .done("armed \(wanted.rawValue)")
        }
        deadline = now.monotonic + plan.arming.exitDelay
        let seconds = Int(plan.arming.exitDelay.seconds)
        change(to: .exiting, "arming away: \(seconds) s to leave", actor.name, now, &decisions)
        return .done("armed away in \(seconds) s")
    }

    /// Zones that would be in alarm at once, or that nobody can see. The way out may be open while
    /// there is time to leave.
    private func obstacles(to wanted: ArmingState) -> [String] {
        zones.indices.compactMap { zone in
            let zonePlan = plan.zones[zone]
            if zones[zone].bypass != nil { return nil }
            if meanings[zone].dependsOnArming, wanted == .stay, !zonePlan.isInForceInStay { return nil }
            switch zones[zone].reading {
            case .normal: return nil
            case .alarm:
                let isWayOut = wanted == .away && zonePlan.entryDelay > .zero && plan.arming.exitDelay > .zero
                // A failed mains or a technical contact keeps nobody from arming.
                if isWayOut || zonePlan.kind == .mains || zonePlan.kind == .contact { return nil }
                return "\(zonePlan.title) is in alarm"
            case .short: return "\(zonePlan.title) is shorted"
            case .open: return "\(zonePlan.title) is cut"
            case .fault, nil: return "\(zonePlan.title) cannot be read"
            }
        }
    }

    private mutating func disarm(_ actor: Actor, _ now: Moment, _ decisions: inout ArmingDecisions) -> ControlAnswer {
        if state == .disarmed { return .done("it is disarmed already") }
        deadline = nil
        for zone in zones.indices {
            zones[zone].trip = nil
            // A bypass for leaving a window open ends with the night it was made for.
            if zones[zone].bypass != nil, meanings[zone].dependsOnArming {
                endBypass(zone, "with disarming", actor.name, now, &decisions)
            }
        }
        change(to: .disarmed, "disarmed", actor.name, now, &decisions)
        return .done("disarmed")
    }

    mutating func change(
        to new: ArmingState, _ text: String, _ actor: String?, _ now: Moment, _ decisions: inout ArmingDecisions,
        _ severity: Severity = .notice
    ) {
        let was = state
        state = new
        decisions.events.append(
            EventDraft(
                time: now, kind: .armingChanged, severity: severity, subject: "site.arming", text: text,
                evidence: [Evidence("state", new.rawValue), Evidence("was", was.rawValue)], actor: actor))
    }

    // MARK: - Bypass

    private mutating func bypass(
        _ name: String, _ request: ArmingRequest, _ actor: Actor, _ now: Moment, _ decisions: inout ArmingDecisions
    ) -> ControlAnswer {
        guard let zone = plan.zones.firstIndex(where: { $0.name == name }) else { return unknown(name) }
        if !plan.zones[zone].isBypassable {
            return refused(request, actor, "\(name) may not be bypassed (site file)", now, &decisions)
        }
        if plan.zones[zone].is24Hour, actor.authority < .engineer {
            return forbidden(
                request, actor, "\(name) guards life and machines: an engineer's to bypass", now, &decisions)
        }
        if state != .disarmed, meanings[zone].dependsOnArming {
            return refused(request, actor, "bypass while disarmed", now, &decisions)
        }
        let ends = now.advanced(by: plan.arming.bypassMax)
        zones[zone].bypass = Bypass(actor: actor.name, ends: ends)
        zones[zone].trip = nil
        decisions.events.append(
            EventDraft(
                time: now, kind: .zoneBypassed, severity: .warning, subject: plan.zones[zone].subject,
                text: "\(plan.zones[zone].title) is bypassed until \(ends.wall.rfc3339)",
                evidence: [Evidence("bypassed", "true"), Evidence("until", ends.wall.rfc3339)], actor: actor.name))
        return .done("\(name) is bypassed until \(ends.wall.rfc3339)")
    }

    mutating func endBypasses(_ now: Moment, _ decisions: inout ArmingDecisions) {
        for zone in zones.indices {
            if let bypass = zones[zone].bypass, bypass.ends.monotonic <= now.monotonic {
                endBypass(zone, "its time is over", nil, now, &decisions)
            }
        }
    }

    private mutating func endBypass(
        _ zone: Int, _ why: String, _ actor: String?, _ now: Moment, _ decisions: inout ArmingDecisions
    ) {
        zones[zone].bypass = nil
        decisions.events.append(
            EventDraft(
                time: now, kind: .zoneBypassed, severity: .notice, subject: plan.zones[zone].subject,
                text: "\(plan.zones[zone].title) is in service again: the bypass ended \(why)",
                evidence: [Evidence("bypassed", "false")], actor: actor))
    }

    // MARK: - Walk test

    private mutating func walkTest(
        _ on: Bool, _ request: ArmingRequest, _ actor: Actor, _ now: Moment, _ decisions: inout ArmingDecisions
    ) -> ControlAnswer {
        if !on {
            if walkTest == nil { return .done("no walk test is running") }
            let summary = walkSummary
            endWalkTest("by \(actor.name)", actor.name, now, &decisions)
            return .done(summary)
        }
        if state != .disarmed { return refused(request, actor, "disarm first", now, &decisions) }
        walkTest = WalkTest(actor: actor.name, ends: now.monotonic + Arming.walkTestMax)
        decisions.events.append(
            EventDraft(
                time: now, kind: .armingChanged, severity: .warning, subject: "site.arming",
                text: "walk test: no zone raises an alarm for \(Int(Arming.walkTestMax.seconds / 60)) min at most",
                evidence: [Evidence("walk-test", "true")], actor: actor.name))
        return .done("walk test for \(Int(Arming.walkTestMax.seconds / 60)) min: move from sensor to sensor")
    }

    mutating func endWalkTest(_ why: String, _ actor: String?, _ now: Moment, _ decisions: inout ArmingDecisions) {
        let summary = walkSummary
        walkTest = nil
        decisions.events.append(
            EventDraft(
                time: now, kind: .armingChanged, severity: .notice, subject: "site.arming",
                text: "walk test ended \(why): \(summary)", evidence: [Evidence("walk-test", "false")], actor: actor))
    }

    private var walkSummary: String {
        let seen = walkTest?.seen ?? []
        let missing = plan.zones.indices.filter { !seen.contains($0) }.map { plan.zones[$0].name }
        let tail = missing.isEmpty ? "" : "; not seen: " + missing.joined(separator: ", ")
        return "\(seen.count) of \(plan.zones.count) zones seen" + tail
    }
}

extension ArmingRequest {
    var text: String {
        switch self {
        case .arm(let state): "arm \(state.rawValue)"
        case .disarm: "disarm"
        case .bypass(let zone): "bypass \(zone)"
        case .unbypass(let zone): "end the bypass of \(zone)"
        case .walkTest(let on): on ? "begin a walk test" : "end the walk test"
        }
    }
}
