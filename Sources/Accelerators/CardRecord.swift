internal import Platform
internal import Site
internal import Synchronization

/// What the room knows of one card that is on the bus: its samples, what its checks remember, and where
/// its values stand on the Board.
final class CardRecord {
    let station: Station
    let generation: UInt64
    var card: PCICard
    /// With the limits of the slot it is bound to.
    private(set) var layout: AcceleratorLayout
    let model: String
    /// The slot whose points it feeds.
    private(set) var slot: Int?

    private(set) var content = StationExchange.Content()
    private(set) var attributes: [AttributeRecord] = []
    private var highestPoint: PointID?
    /// Attributes of which something is to be said, as of the last look.
    private(set) var suspects: [Int] = []
    private var links: [Int] = []
    /// Where each role stands among the attributes.
    private var indices: [AcceleratorAttribute.Role: [Int]] = [:]
    /// As the card says it; nil: not read, or it says none.
    private(set) var serial: String?
    /// Its points were told that nothing is known; everything is published anew when it answers again.
    private var isSilenced = false

    init(station: Station, generation: UInt64, card: PCICard, layout: AcceleratorLayout) {
        self.station = station
        self.generation = generation
        self.card = card
        self.layout = layout
        model =
            layout.match(vendorID: card.vendorID, deviceID: card.deviceID, classCode: card.classCode)?.model
            ?? layout.title
        reset()
    }

    private func reset() {
        attributes = layout.attributes.map { AttributeRecord($0) }
        links = attributes.indices.filter { attributes[$0].isLink }
        suspects = []
        indices = [:]
        for (index, attribute) in layout.attributes.enumerated() {
            if let role = attribute.role { indices[role, default: []].append(index) }
        }
    }

    func bind(slot: Int, name: String, layout: AcceleratorLayout, board: Board) {
        if self.slot == slot { return }
        self.slot = slot
        self.layout = layout
        reset()
        for (index, attribute) in layout.attributes.enumerated() where !attribute.point.isEmpty {
            attributes[index].point = board.points.id(of: "\(name).\(attribute.point)")
        }
        highestPoint = board.points.id(of: "\(name).temperature.highest")
    }

    func unbind() {
        slot = nil
        for index in attributes.indices { attributes[index].point = nil }
        highestPoint = nil
    }

    /// Copies what the card's thread last read. True when something is new.
    func collect() -> Bool {
        let known = content.textVersion
        let isNew = copy()
        if content.textVersion != known || content.sweeps == 1 {
            isIdentityNew = true
            serial = text(of: .serial)
        }
        if isNew && isSilenced {
            isSilenced = false
            for index in attributes.indices { attributes[index].forgetSample() }
        }
        return isNew
    }

    private func copy() -> Bool {
        station.exchange.content.withLock { shared in
            guard shared.generation == generation, shared.sweeps != content.sweeps else { return false }
            var mine: [Sample] = []
            swap(&mine, &content.samples)
            if mine.count == shared.samples.count {
                for index in shared.samples.indices { mine[index] = shared.samples[index] }
            } else {
                mine = shared.samples
            }
            swap(&mine, &content.samples)
            if content.textVersion != shared.textVersion { content.texts = shared.texts }
            content.textVersion = shared.textVersion
            content.sweeps = shared.sweeps
            content.generation = shared.generation
            content.sawGone = shared.sawGone
            shared.sawGone = false
            return true
        }
    }

    /// Each fresh sample: through its checks, and onto the Board. The table is taken out while it is worked
    /// on: touching it in place would be checked at every access.
    func digest(board: Board, _ now: MonotonicTime) {
        let samples = content.samples
        guard samples.count == attributes.count else { return }
        var table: [AttributeRecord] = []
        swap(&table, &attributes)
        var found = suspects
        found.removeAll(keepingCapacity: true)
        var highest: (value: Double, time: Moment)?
        for index in samples.indices {
            if table[index].isFresh(samples[index]) {
                table[index].take(samples[index])
                if let point = table[index].point {
                    publish(point, table[index].trouble, index, samples[index], board)
                }
            }
            if table[index].isTemperature, table[index].isTrusted, samples[index].value > highest?.value ?? -1e9 {
                highest = (samples[index].value, samples[index].time)
            }
            if table[index].isSuspect(samples[index], now) { found.append(index) }
        }
        swap(&table, &attributes)
        suspects = found
        if let highest, let highestPoint { board.publish(highestPoint, highest.value, at: highest.time) }
        for index in links { compareLink(index) }
    }

    /// What the link does now against what it could.
    private func compareLink(_ index: Int) {
        guard attributes[index].isTrusted, let limit = linkLimit(index) else { return }
        attributes[index].compare(content.samples[index], with: limit)
        if attributes[index].isShort && !suspects.contains(index) { suspects.append(index) }
    }

    private func publish(_ point: PointID, _ trouble: Reason, _ index: Int, _ sample: Sample, _ board: Board) {
        switch sample.outcome {
        case .number, .state:
            if trouble == .none {
                board.publish(point, sample.value, at: sample.time)
            } else {
                board.publish(point, .invalid, trouble)
            }
        case .text: board.publish(point, text: content.texts[index], at: sample.time)
        case .asleep: board.publish(point, .stale, .asleep)
        case .unsupported:
            if hasOtherSource(index) { return }
            board.publish(point, .unsupported, card.driver == nil ? .noDriver : .none)
        case .malformed: board.publish(point, .invalid, .malformedReply)
        case .failed: board.publish(point, .failed, reason(of: sample), detail: UInt16(clamping: sample.detail))
        case .notRead: break
        }
    }

    private func reason(of sample: Sample) -> Reason {
        switch sample.detail {
        case 1, 13: .noPermission  // EPERM, EACCES
        case 6, 19: .absent  // ENXIO, ENODEV
        case 11, 16: .deviceBusy  // EAGAIN, EBUSY
        case 61: .disabled  // ENODATA: the sensor is switched off
        case 110: .timeout  // ETIMEDOUT
        default: .inputOutput
        }
    }

    /// One point may have several files, of which a driver has one.
    func hasOtherSource(_ index: Int) -> Bool {
        let point = layout.attributes[index].point
        return !point.isEmpty
            && layout.attributes.indices.contains {
                $0 != index && layout.attributes[$0].point == point && content.samples[$0].isGood
            }
    }

    /// Every point of the card says why there is no value.
    func publishAll(_ quality: Quality, _ reason: Reason, board: Board) {
        isSilenced = true
        for attribute in attributes {
            if let point = attribute.point { board.publish(point, quality, reason) }
        }
        if let highestPoint { board.publish(highestPoint, quality, reason) }
    }

    func activeChecks(_ index: Int) -> [AcceleratorAttribute.Check] {
        attributes[index].activeChecks.map { layout.attributes[index].checks[$0] }
    }

    private func text(of role: AcceleratorAttribute.Role) -> String? {
        guard let index = indices[role]?.first, index < content.samples.count,
            content.samples[index].outcome == .text, index < content.texts.count, !content.texts[index].isEmpty
        else { return nil }
        return content.texts[index]
    }

    /// The good values of a role.
    func values(of role: AcceleratorAttribute.Role) -> [Double] {
        var values: [Double] = []
        for index in indices[role] ?? [] where index < content.samples.count && attributes[index].isTrusted {
            values.append(content.samples[index].value)
        }
        return values
    }

    var hasTemperature: Bool { indices[.temperature]?.contains { attributes[$0].isTrusted } ?? false }

    /// Something was read since `takeIdentityNews` that may say which card this is.
    private var isIdentityNew = true
    func takeIdentityNews() -> Bool {
        defer { isIdentityNew = false }
        return isIdentityNew
    }

    /// The serial was read, or there is none to read.
    var isIdentified: Bool { content.sweeps > 0 }

    /// What card and port can both do, for an attribute that says what the link does now. Nil where the kernel
    /// does not know it of one of them: then it says "Unknown", and 255 of the width (PCIE_LNK_WIDTH_UNKNOWN).
    private func linkLimit(_ index: Int) -> Double? {
        let role: AcceleratorAttribute.Role =
            layout.attributes[index].role == .linkWidth ? .linkWidthLimit : .linkSpeedLimit
        var limit: Double?
        for index in indices[role] ?? [] where index < content.samples.count {
            let sample = content.samples[index]
            if sample.outcome == .unsupported { continue }
            guard attributes[index].isTrusted, sample.value < 255 else { return nil }
            limit = min(limit ?? sample.value, sample.value)
        }
        return limit
    }

    /// The link's value now and what is possible, while it is below that.
    func shortfall(of index: Int) -> (now: Double, possible: Double)? {
        guard attributes[index].isLink, attributes[index].isShort, let possible = linkLimit(index) else { return nil }
        return (content.samples[index].value, possible)
    }
}
