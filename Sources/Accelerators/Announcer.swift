internal import Platform
internal import Site

/// Makes events of what changed. A full mailbox keeps the change unsaid, and it is tried again.
struct Announcer {
    let events: Mailbox<EventDraft>
    private var toldCooling = false

    /// Heat waits this long before it is told as one card's: it may be everybody's.
    private static let heatPatience = Nanoseconds.seconds(5)

    init(events: Mailbox<EventDraft>) { self.events = events }

    mutating func announce(_ slots: inout [CardSlot], _ cooling: CommonCause, _ now: Moment) {
        announceCooling(cooling, now)
        for index in slots.indices where slots[index].isDeterminable {
            announce(&slots[index], cooling, now)
        }
    }

    private mutating func announceCooling(_ cooling: CommonCause, _ now: Moment) {
        guard cooling.isActive != toldCooling else { return }
        let cards = cooling.hotCards.joined(separator: ", ")
        let draft = EventDraft(
            time: now, kind: .acceleratorChanged, severity: cooling.isActive ? .major : .notice,
            subject: "\(AcceleratorsPlan.roomName).cooling",
            text: cooling.isActive
                ? "\(cooling.hotCards.count) accelerators are hot at once: look at the cooling, not at the cards"
                : "the accelerators are no longer hot together",
            evidence: [Evidence("cards", cards)])
        if events.send(draft) { toldCooling = cooling.isActive }
    }

    private func announce(_ slot: inout CardSlot, _ cooling: CommonCause, _ now: Moment) {
        let told = tellable(slot, cooling)
        guard told.health != slot.announced.health || told.codes != slot.announced.codes else {
            slot.announced.pendingSince = nil
            return
        }
        let isHeat = told.codes.contains { $0.hasPrefix("temperature.") && !slot.announced.codes.contains($0) }
        if isHeat {
            let pending = slot.announced.pendingSince ?? now.monotonic
            slot.announced.pendingSince = pending
            if now.monotonic - pending < Self.heatPatience { return }
        }
        let finding = slot.findings.gravestFirst.first { told.codes.contains($0.code) }
        let draft = EventDraft(
            time: now, kind: .acceleratorChanged, severity: told.health.severity, subject: slot.name,
            text: sentence(slot, told.health, finding), evidence: evidence(slot, finding))
        if events.send(draft) {
            slot.announced.health = told.health
            slot.announced.codes = told.codes
            slot.announced.pendingSince = nil
        }
    }

    /// The card's health and grave codes, without the heat that it shares with the others.
    private func tellable(_ slot: CardSlot, _ cooling: CommonCause) -> (health: AcceleratorHealth, codes: [String]) {
        var health = AcceleratorHealth.ok
        var codes: [String] = []
        for (finding, itsHealth) in zip(slot.findings.current, slot.findings.healths) where itsHealth != .ok {
            if cooling.isActive && finding.code.hasPrefix("temperature.") { continue }
            codes.append(finding.code)
            if rank(itsHealth) > rank(health) { health = itsHealth }
        }
        return (health, codes)
    }

    private func sentence(
        _ slot: CardSlot, _ health: AcceleratorHealth, _ finding: AcceleratorFinding?
    ) -> String {
        var text = slot.name
        if let place = slot.expected?.slot { text += " (slot \(place))" }
        guard let finding else { return text + " is \(health.text)" }
        return text + " is \(health.text): \(finding.text); \(advice(finding.action))"
    }

    private func evidence(_ slot: CardSlot, _ finding: AcceleratorFinding?) -> [Evidence] {
        var evidence = finding?.evidence ?? []
        if let finding { evidence.append(Evidence("code", finding.code)) }
        let address = slot.record?.card.address ?? slot.lastAddress
        if !address.isEmpty { evidence.append(Evidence("address", address)) }
        if let serial = slot.lastSerial ?? slot.expected?.serial { evidence.append(Evidence("serial", serial)) }
        return evidence
    }
}

/// What a person should do, in words.
public func advice(_ action: String) -> String {
    switch Verdict.Action(rawValue: action) {
    case .observe: "keep an eye on it"
    case .drain: "take its work away"
    case .reset: "reset the card or reload its driver"
    case .reboot: "reboot, and power-cycle if it does not return"
    case .replace: "reseat or replace the card"
    case nil: action
    }
}
