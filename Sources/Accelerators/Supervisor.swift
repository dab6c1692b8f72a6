internal import Platform
internal import Site

/// The room's mind: which cards are there, which slot each belongs to, how each is. Used by the room's
/// thread alone; it asks no card anything itself.
final class Supervisor {
    let plan: AcceleratorsPlan
    let board: Board
    private let stations: [Station]
    private var records: [CardRecord] = []
    private(set) var slots: [CardSlot]
    private var layouts: [AcceleratorLayout]
    private var nextGeneration: UInt64 = 1
    private var nextRescan = MonotonicTime.distantPast
    private(set) var cooling = CommonCause()
    /// Cards beyond the stations: named in the log, without points.
    private(set) var unplaced: [PCICard] = []
    private(set) var scanFault: SystemError?
    private let presentPoint: PointID?
    private let unwellPoint: PointID?
    private let coolingPoint: PointID?
    var isRescanDue = true

    init(plan: AcceleratorsPlan, board: Board, stations: [Station], now: Moment) {
        self.plan = plan
        self.board = board
        self.stations = stations
        layouts = plan.layouts
        for card in plan.expected where !layouts.contains(where: { $0.name == card.layout.name }) {
            layouts.append(card.layout)
        }
        slots =
            plan.expected.map { card in
                CardSlot(
                    name: card.name, expected: card, healthPoint: board.points.id(of: "\(card.name).health"),
                    since: now.wall)
            }
            + plan.spares.map { name in
                CardSlot(
                    name: name, expected: nil, healthPoint: board.points.id(of: "\(name).health"), since: now.wall)
            }
        presentPoint = board.points.id(of: "\(AcceleratorsPlan.roomName).present")
        unwellPoint = board.points.id(of: "\(AcceleratorsPlan.roomName).unwell")
        coolingPoint = board.points.id(of: "\(AcceleratorsPlan.roomName).cooling")
        for slot in slots where slot.expected == nil { publishEmpty(slot.name) }
    }

    /// A spare name with no card says so at once: nobody waits for its first reading.
    private func publishEmpty(_ name: String) {
        for id in board.points.ids where board.points[id].device == name {
            board.publish(id, .unsupported, .absent)
        }
    }

    // MARK: - The bus

    /// Looks the bus over when it is time to, or when something said so.
    func rescanIfDue(_ now: Moment) {
        guard isRescanDue || now.monotonic >= nextRescan else { return }
        isRescanDue = false
        nextRescan = now.monotonic + plan.intervals.rescan
        do throws(SystemError) {
            place(try PCIBus.scan(root: plan.root, layouts: layouts))
            scanFault = nil
        } catch {
            // Not being able to look is not the same as seeing nothing: every card is absent only if the
            // folder is there and the card is not. Without the folder there is no bus.
            scanFault = error
            place([])
        }
    }

    private func place(_ cards: [PCICard]) {
        for record in records where !cards.contains(where: { $0.isSame(as: record.card) }) { release(record) }
        unplaced = []
        for card in cards {
            if let record = records.first(where: { $0.card.isSame(as: card) }) {
                // Another driver brings other files.
                if record.card.driver != card.driver || record.content.sawGone {
                    record.card = card
                    restart(record, cards)
                }
            } else {
                begin(card, cards)
            }
        }
    }

    private func begin(_ card: PCICard, _ cards: [PCICard]) {
        guard let station = stations.first(where: { station in !records.contains { $0.station === station } })
        else { return unplaced.append(card) }
        let record = CardRecord(
            station: station, generation: nextGeneration, card: card, layout: layout(for: card))
        records.append(record)
        assign(record, cards)
    }

    private func restart(_ old: CardRecord, _ cards: [PCICard]) {
        let record = CardRecord(
            station: old.station, generation: nextGeneration, card: old.card, layout: layout(for: old.card))
        records.removeAll { $0 === old }
        records.append(record)
        if let slot = old.slot { bind(record, to: slot) }
        assign(record, cards)
    }

    private func assign(_ record: CardRecord, _ cards: [PCICard]) {
        nextGeneration += 1
        let siblings = cards.filter { layout(for: $0).name == record.layout.name }.map(\.address)
        record.station.assign(
            Assignment(
                generation: record.generation, card: record.card, layout: record.layout, siblings: siblings))
    }

    private func release(_ record: CardRecord) {
        record.station.assign(nil)
        record.publishAll(.failed, .absent, board: board)
        if let slot = record.slot {
            slots[slot].record = nil
            slots[slot].absentPublished = .distantPast
            slots[slot].logged.clear()
            slots[slot].canary.clear()
            if slots[slot].expected == nil { publishEmpty(slots[slot].name) }
        }
        records.removeAll { $0 === record }
    }

    private func layout(for card: PCICard) -> AcceleratorLayout {
        layouts.first {
            $0.match(vendorID: card.vendorID, deviceID: card.deviceID, classCode: card.classCode) != nil
        } ?? layouts.first { $0.name == "pci" }
            ?? AcceleratorLayout(
                name: "pci", title: "PCI card", vendor: "", matches: [], hasVendorTelemetry: false)
    }

    // MARK: - What others say

    /// A line of the kernel's log; the event that it is worth.
    func hear(_ line: [UInt8], _ reader: inout KernelLogReader, _ now: Moment) -> EventDraft? {
        reader.read(line, &slots, now)
    }

    func hear(_ answers: [CanaryAnswer], _ now: Moment) {
        for index in slots.indices {
            slots[index].canary.hear(answers.filter { $0.accelerator == slots[index].name }, now.monotonic)
        }
    }

    // MARK: - Slots

    private func bindRecords() {
        let seen = records.map { record in
            Inventory.Seen(
                address: record.card.address, serial: record.serial, layout: record.layout.name,
                isIdentified: record.isIdentified
                    || record.station.exchange.stuckCall(at: SystemTime.monotonic, limit: plan.deadline) != nil)
        }
        let assigned = Inventory.assign(seen, plan.expected)
        for (record, wanted) in zip(records, assigned) {
            if let wanted {
                if record.slot != wanted { bind(record, to: wanted) }
            } else if record.slot == nil || record.slot.map({ $0 < plan.expected.count }) == true,
                seen[records.firstIndex { $0 === record } ?? 0].isIdentified,
                let spare = slots.indices.first(where: { slots[$0].expected == nil && slots[$0].record == nil })
            {
                bind(record, to: spare)
            }
        }
    }

    private func bind(_ record: CardRecord, to slot: Int) {
        if let old = record.slot, slots[old].record === record {
            record.publishAll(.failed, .absent, board: board)
            slots[old].record = nil
        }
        // Another card in the slot it now takes goes back to waiting for a place.
        if let other = slots[slot].record, other !== record { other.unbind() }
        let expected = slots[slot].expected
        // A layout forced by the site but of another kind keeps the card's own way of being read.
        let layout = expected.flatMap { $0.layout.name == record.layout.name ? $0.layout : nil } ?? record.layout
        record.bind(slot: slot, name: slots[slot].name, layout: layout, board: board)
        slots[slot].record = record
    }

    // MARK: - Looking

    /// Takes in what the cards' threads read, and judges. True when a slot's health or findings changed.
    func look(_ now: Moment) -> Bool {
        var isBindingDue = false
        for record in records {
            if record.collect(), record.content.sawGone { isRescanDue = true }
            if record.takeIdentityNews() || record.slot == nil { isBindingDue = true }
        }
        if isBindingDue { bindRecords() }
        for record in records where record.slot != nil { record.digest(board: board, now.monotonic) }
        let examination = CardExamination(now: now, plan: plan)
        var changed = false
        for index in slots.indices where slots[index].expected != nil || slots[index].record != nil {
            let before = slots[index].findings.current
            examination.examine(&slots[index])
            remember(index)
            if slots[index].findings.current != before { changed = true }
        }
        if cooling.update(slots, now) { changed = true }
        for index in slots.indices { settle(index, now) ? changed = true : () }
        publishCounts(now)
        return changed
    }

    private func remember(_ index: Int) {
        guard let record = slots[index].record else { return }
        slots[index].lastAddress = record.card.address
        slots[index].lastModel = record.model
        if let serial = record.serial, serial != slots[index].lastSerial { slots[index].lastSerial = serial }
    }

    /// Health onto the Board; and, for a card that gives no values, why.
    private func settle(_ index: Int, _ now: Moment) -> Bool {
        let slot = slots[index]
        guard slot.expected != nil || slot.record != nil else { return false }
        let health = slot.findings.health
        if let point = slot.healthPoint { board.publish(point, Double(health.rawValue), at: now) }
        if let record = slot.record {
            if slot.findings.contains(prefix: "unresponsive") {
                record.publishAll(.failed, .unresponsive, board: board)
            }
        } else if now.monotonic - slot.absentPublished > plan.intervals.rescan, let expected = slot.expected {
            slots[index].absentPublished = now.monotonic
            let points = expected.layout.attributes.map(\.point).filter { !$0.isEmpty } + ["temperature.highest"]
            for point in points {
                if let id = board.points.id(of: "\(slot.name).\(point)") { board.publish(id, .failed, .absent) }
            }
        }
        if health == slot.health { return false }
        slots[index].health = health
        slots[index].since = now.wall
        return true
    }

    var isSettled: Bool {
        records.allSatisfy { record in
            guard let slot = record.slot else { return false }
            return slots[slot].isDeterminable
        }
    }

    func announce(_ announcer: inout Announcer, _ now: Moment) { announcer.announce(&slots, cooling, now) }

    private func publishCounts(_ now: Moment) {
        if let presentPoint { board.publish(presentPoint, Double(records.count + unplaced.count), at: now) }
        let unwell = slots.count { $0.expected != nil && $0.health != .ok && $0.isDeterminable }
        if let unwellPoint { board.publish(unwellPoint, Double(unwell), at: now) }
        if let coolingPoint { board.publish(coolingPoint, cooling.isActive ? 1 : 0, at: now) }
    }

    var status: [AcceleratorStatus] {
        slots.filter { $0.expected != nil || $0.record != nil }.map { slot in
            let layout = slot.record?.layout ?? slot.expected?.layout
            return AcceleratorStatus(
                name: slot.name, vendor: layout?.vendor ?? "", model: model(slot, layout),
                address: slot.record?.card.address ?? slot.expected?.address ?? slot.lastAddress,
                serial: slot.record?.serial ?? slot.lastSerial ?? slot.expected?.serial,
                slot: slot.expected?.slot, health: slot.health, since: slot.since,
                findings: slot.findings.gravestFirst, showsState: layout?.hasVendorTelemetry ?? true)
        }
    }

    /// Of a card that is away: what was there last, or what the layout leaves no doubt about.
    private func model(_ slot: CardSlot, _ layout: AcceleratorLayout?) -> String {
        if let record = slot.record { return record.model }
        if !slot.lastModel.isEmpty { return slot.lastModel }
        if let layout, layout.matches.count == 1 { return layout.matches[0].model }
        return layout?.title ?? ""
    }
}
