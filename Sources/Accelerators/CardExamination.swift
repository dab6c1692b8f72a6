internal import Platform
internal import Site

/// Turns what is known of a slot's card into findings.
struct CardExamination {
    let now: Moment
    let plan: AcceleratorsPlan

    /// A read that hangs this long is no hiccup of the firmware any more.
    private static let hangFailedAfter = Nanoseconds.seconds(30)
    /// How long a canary may be overdue, in intervals.
    private static let canaryPatience: Int64 = 3

    func examine(_ slot: inout CardSlot) {
        slot.findings.begin()
        if let record = slot.record {
            examineCard(record, &slot)
        } else {
            let address = slot.expected?.address ?? slot.lastAddress
            note(
                &slot, "absent", "not on the PCI bus", .absent, .replace,
                address.isEmpty ? [] : [Evidence("expected-at", address)])
            slot.isDeterminable = true
        }
        slot.findings.end()
    }

    private func note(
        _ slot: inout CardSlot, _ code: String, _ text: String, _ health: AcceleratorHealth,
        _ action: Verdict.Action, _ evidence: @autoclosure () -> [Evidence] = []
    ) {
        slot.findings.note(
            Verdict(code: code, text: text, health: health, action: action), now.wall, evidence: evidence())
    }

    private func examineCard(_ record: CardRecord, _ slot: inout CardSlot) {
        examineIdentity(record, &slot)
        examineDriver(record, &slot)
        examineCanary(&slot)
        examineLog(&slot)
        if let stuck = record.station.exchange.stuckCall(at: now.monotonic, limit: plan.deadline) {
            let name = stuck.index >= 0 ? record.layout.attributes[stuck.index].fileName : "its folders"
            note(
                &slot, "unresponsive", "a read of \(name) hangs in the kernel",
                stuck.lasting > Self.hangFailedAfter ? .failed : .unknown, .reset,
                [Evidence("file", name)])
            slot.isDeterminable = true
            return
        }
        guard record.content.sweeps > 0 else {
            return note(&slot, "unread", "not read yet", .unknown, .observe)
        }
        slot.isDeterminable = true
        for index in record.suspects { examineAttribute(index, record, &slot) }
    }

    private func examineIdentity(_ record: CardRecord, _ slot: inout CardSlot) {
        guard let expected = slot.expected else {
            return note(
                &slot, "unexpected", "nobody expected a card at \(record.card.address)", .ok, .observe)
        }
        let serial = record.serial
        if let wanted = expected.serial, let serial, serial != wanted {
            note(
                &slot, "identity.replaced", "another card sits in this slot", .degraded, .observe,
                [Evidence("expected-serial", wanted), Evidence("serial", serial)])
        }
        if let wanted = expected.address, wanted != record.card.address {
            note(
                &slot, "identity.moved", "sits at \(record.card.address), expected at \(wanted)", .ok, .observe)
        }
        if record.layout.name != expected.layout.name
            || expected.layout.match(
                vendorID: record.card.vendorID, deviceID: record.card.deviceID, classCode: record.card.classCode)
                == nil && !expected.layout.matches.isEmpty
        {
            note(
                &slot, "identity.kind", "a card of another kind sits in this slot", .degraded, .replace,
                [Evidence("vendor", hex(record.card.vendorID)), Evidence("device", hex(record.card.deviceID))])
        }
    }

    private func hex(_ number: Int) -> String { "0x" + String(number, radix: 16) }

    private func examineDriver(_ record: CardRecord, _ slot: inout CardSlot) {
        let wanted = record.layout.drivers
        if let driver = record.card.driver {
            if !wanted.isEmpty && !wanted.contains(driver) {
                note(
                    &slot, "driver.other", "bound to driver \(driver), not \(wanted.joined(separator: " or "))",
                    .unknown, .reboot)
            }
        } else if !wanted.isEmpty {
            note(
                &slot, "driver.none", "on the bus, and no driver is bound: load \(wanted[0])", .failed, .reboot)
        }
    }

    private func examineAttribute(_ index: Int, _ record: CardRecord, _ slot: inout CardSlot) {
        let attribute = record.layout.attributes[index]
        let sample = record.content.samples[index]
        if sample.outcome == .state, Int(sample.detail) < attribute.states.count {
            examineState(attribute, Int(sample.detail), record.attributes[index].timeInState(now.monotonic), &slot)
        }
        for check in record.activeChecks(index) {
            slot.findings.note(
                check.verdict, now.wall,
                evidence: [Evidence(attribute.title, shown(sample.value, attribute.unit))])
        }
        examineLink(index, record, &slot)
        if record.attributes[index].isImplausible {
            note(
                &slot, "sensor.implausible", "\(attribute.title) reads what cannot be", .degraded, .observe,
                [Evidence(attribute.title, shown(sample.value, attribute.unit))])
        }
        // One driver has this file, another that one; a file that is there and says nothing is no excuse.
        let isElsewhere = sample.outcome == .unsupported && record.hasOtherSource(index)
        if attribute.isRequired && !sample.isGood && sample.outcome != .asleep && !isElsewhere {
            note(
                &slot, "unreadable.\(wordOnly(attribute.point))",
                "\(attribute.title) cannot be read: \(reason(sample))",
                .unknown, .observe, [Evidence("file", attribute.fileName)])
        }
        if sample.isQuarantined {
            note(
                &slot, "slow.\(wordOnly(attribute.point))", "\(attribute.fileName) is slow to read and is read seldom",
                .ok, .observe)
        }
    }

    private func examineState(
        _ attribute: AcceleratorAttribute, _ index: Int, _ lasting: Nanoseconds, _ slot: inout CardSlot
    ) {
        let state = attribute.states[index]
        guard state.health != .ok else { return }
        if state.health == .transitional && lasting > attribute.transitionalLimit {
            return note(
                &slot, "state.stuck", "\(attribute.title) has stood at '\(state.text)' for too long", .failed, .reset)
        }
        note(
            &slot, state.faultCode ?? "state.\(wordOnly(attribute.point))", "\(attribute.title): \(state.text)",
            state.health, state.action,
            [Evidence(attribute.title, state.value)])
    }

    /// Below what card and port can both do: a bad seat, a riser, a dying lane.
    private func examineLink(_ index: Int, _ record: CardRecord, _ slot: inout CardSlot) {
        guard let (current, possible) = record.shortfall(of: index) else { return }
        let name = record.layout.attributes[index].role == .linkWidth ? "width" : "speed"
        note(
            &slot, "pcie.link.\(name)", "PCIe link \(name) is \(shown(current, .none)) of \(shown(possible, .none))",
            .degraded, .observe, [Evidence("now", shown(current, .none)), Evidence("possible", shown(possible, .none))])
    }

    private func examineLog(_ slot: inout CardSlot) {
        slot.logged.expire(now.monotonic)
        for fault in slot.logged.faults {
            slot.findings.note(
                fault.verdict, now.wall,
                evidence: [Evidence("kernel-log", fault.line), Evidence("count", "\(fault.count)")])
        }
    }

    private func examineCanary(_ slot: inout CardSlot) {
        for question in slot.canary.questions {
            if let mismatch = question.mismatch {
                slot.findings.note(
                    Verdict(
                        code: "canary.mismatch",
                        text: "answered a known question wrongly: its results cannot be trusted",
                        health: .failed, action: .drain), now.wall,
                    evidence: [
                        Evidence("question", question.name), Evidence("expected", mismatch.expected),
                        Evidence("got", mismatch.got),
                    ])
            }
            if let interval = plan.canaryInterval, now.monotonic - question.lastAnswer > interval * Self.canaryPatience
            {
                note(
                    &slot, "canary.overdue", "a known question was not answered in time", .degraded, .observe,
                    [Evidence("question", question.name)])
            }
        }
    }

    private func reason(_ sample: Sample) -> String {
        switch sample.outcome {
        case .failed: SystemError.text(of: sample.detail)
        case .malformed: "its text is not understood"
        case .unsupported: "there is no such file"
        default: "not read yet"
        }
    }

    private func wordOnly(_ point: String) -> String { point.isEmpty ? "file" : point }
}

/// "81.5 C": two decimals at most.
func shown(_ value: Double, _ unit: Unit) -> String {
    let rounded = (value * 100).rounded() / 100
    let number = Int64(exactly: rounded).map { "\($0)" } ?? "\(rounded)"
    return unit == .none || unit == .count ? number : "\(number) \(unit.rawValue)"
}
