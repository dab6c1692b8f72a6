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
    private var seen: [UInt32] = []
    private var checks: [[CheckState]] = []
    private var implausible: [CheckState] = []
    /// For link width and speed: below what card and port can do, twice of the last three times.
    private var shortLink: [CheckState] = []
    private var stateSince: [(detail: Int32, since: MonotonicTime)] = []
    private var points: [PointID?] = []
    private var highestPoint: PointID?

    private static let shortLinkRule = AcceleratorAttribute.Check.Rule.above(limit: 0, clear: 0, count: 2, window: 3)
    private static let implausibleRule = AcceleratorAttribute.Check.Rule.above(limit: 0, clear: 0, count: 3, window: 5)

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
        let attributes = layout.attributes
        seen = attributes.map { _ in 0 }
        checks = attributes.map { $0.checks.map { _ in CheckState() } }
        implausible = attributes.map { _ in CheckState() }
        shortLink = attributes.map { _ in CheckState() }
        stateSince = attributes.map { _ in (-1, .distantPast) }
        points = attributes.map { _ in nil }
    }

    func bind(slot: Int, name: String, layout: AcceleratorLayout, board: Board) {
        if self.slot == slot { return }
        self.slot = slot
        self.layout = layout
        reset()
        points = layout.attributes.map { $0.point.isEmpty ? nil : board.points.id(of: "\(name).\($0.point)") }
        highestPoint = board.points.id(of: "\(name).temperature.highest")
    }

    func unbind() {
        slot = nil
        points = layout.attributes.map { _ in nil }
        highestPoint = nil
    }

    /// Copies what the card's thread last read. True when something is new.
    func collect() -> Bool {
        station.exchange.content.withLock { shared in
            guard shared.generation == generation, shared.sweeps != content.sweeps else { return false }
            if content.samples.count == shared.samples.count {
                for index in shared.samples.indices { content.samples[index] = shared.samples[index] }
            } else {
                content.samples = shared.samples
            }
            if content.textVersion != shared.textVersion { content.texts = shared.texts }
            content.textVersion = shared.textVersion
            content.sweeps = shared.sweeps
            content.generation = shared.generation
            content.sawGone = shared.sawGone
            shared.sawGone = false
            return true
        }
    }

    /// Each fresh sample: through its checks, and onto the Board.
    func digest(board: Board) {
        guard content.samples.count == layout.attributes.count else { return }
        var highest: (value: Double, time: Moment)?
        for index in content.samples.indices {
            let sample = content.samples[index]
            let isFresh = sample.sequence != seen[index]
            seen[index] = sample.sequence
            if isFresh { digest(index, sample, board) }
            if layout.attributes[index].role == .temperature, isTrusted(index), sample.value > highest?.value ?? -1e9 {
                highest = (sample.value, sample.time)
            }
        }
        if let highest, let highestPoint { board.publish(highestPoint, highest.value, at: highest.time) }
    }

    private func digest(_ index: Int, _ sample: Sample, _ board: Board) {
        let now = sample.time.monotonic
        if sample.outcome == .number || sample.outcome == .state {
            let isPlausible = plausible(index, sample)
            implausible[index].update(Self.implausibleRule, isPlausible ? 0 : 1, now)
            if isPlausible {
                for check in checks[index].indices {
                    checks[index][check].update(layout.attributes[index].checks[check].rule, sample.value, now)
                }
                if let limit = linkLimit(index) {
                    shortLink[index].update(Self.shortLinkRule, sample.value < limit ? 1 : 0, now)
                }
                if stateSince[index].detail != sample.detail { stateSince[index] = (sample.detail, now) }
            }
        }
        if let point = points[index] { publish(point, index, sample, board) }
    }

    private func publish(_ point: PointID, _ index: Int, _ sample: Sample, _ board: Board) {
        switch sample.outcome {
        case .number, .state:
            if !plausible(index, sample) { return board.publish(point, .invalid, .outOfRange) }
            for check in checks[index].indices where checks[index][check].isActive {
                if case .frozenFor = layout.attributes[index].checks[check].rule {
                    return board.publish(point, .invalid, .frozen)
                }
            }
            board.publish(point, sample.value, at: sample.time)
        case .text: board.publish(point, text: content.texts[index], at: sample.time)
        case .asleep: board.publish(point, .stale, .asleep)
        case .unsupported:
            if hasOtherSource(index) { return }
            board.publish(point, .unsupported, card.driver == nil ? .noDriver : .disabled)
        case .malformed: board.publish(point, .invalid, .malformedReply)
        case .failed:
            let reason: Reason =
                switch sample.detail {
                case 1, 13: .noPermission  // EPERM, EACCES
                case 6, 19: .absent  // ENXIO, ENODEV
                case 11, 16: .deviceBusy  // EAGAIN, EBUSY
                case 61: .disabled  // ENODATA: the sensor is switched off
                case 110: .timeout  // ETIMEDOUT
                default: .inputOutput
                }
            board.publish(point, .failed, reason, detail: UInt16(clamping: sample.detail))
        case .notRead: break
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
        for case let point? in points { board.publish(point, quality, reason) }
        if let highestPoint { board.publish(highestPoint, quality, reason) }
    }

    private func plausible(_ index: Int, _ sample: Sample) -> Bool {
        sample.outcome == .state || layout.attributes[index].plausible?.contains(sample.value) ?? true
    }

    /// A number that is good, plausible and not frozen.
    func isTrusted(_ index: Int) -> Bool {
        let sample = content.samples[index]
        return (sample.outcome == .number || sample.outcome == .state) && plausible(index, sample)
    }

    func activeChecks(_ index: Int, _ now: MonotonicTime) -> [AcceleratorAttribute.Check] {
        var active: [AcceleratorAttribute.Check] = []
        for check in checks[index].indices where checks[index][check].isActive {
            checks[index][check].tick(layout.attributes[index].checks[check].rule, now)
            if checks[index][check].isActive { active.append(layout.attributes[index].checks[check]) }
        }
        return active
    }

    /// What card and port can both do, for an attribute that says what the link does now.
    private func linkLimit(_ index: Int) -> Double? {
        switch layout.attributes[index].role {
        case .linkWidth: values(of: .linkWidthLimit).min()
        case .linkSpeed: values(of: .linkSpeedLimit).min()
        default: nil
        }
    }

    /// The link's value now and what is possible, while it is below that.
    func shortfall(of index: Int) -> (now: Double, possible: Double)? {
        guard shortLink[index].isActive, let possible = linkLimit(index) else { return nil }
        return (content.samples[index].value, possible)
    }

    func isImplausible(_ index: Int) -> Bool { implausible[index].isActive }

    func timeInState(_ index: Int, _ now: MonotonicTime) -> Nanoseconds { now - stateSince[index].since }

    func text(of role: AcceleratorAttribute.Role) -> String? {
        guard let index = layout.attributes.firstIndex(where: { $0.role == role }), index < content.samples.count,
            content.samples[index].outcome == .text, index < content.texts.count, !content.texts[index].isEmpty
        else { return nil }
        return content.texts[index]
    }

    /// The good values of a role, with the attributes they come from.
    func values(of role: AcceleratorAttribute.Role) -> [Double] {
        layout.attributes.indices.filter {
            layout.attributes[$0].role == role && $0 < content.samples.count && isTrusted($0)
        }.map { content.samples[$0].value }
    }

    /// The serial was read, or there is none to read.
    var isIdentified: Bool { content.sweeps > 0 }

    var isAsleep: Bool { content.samples.contains { $0.outcome == .asleep } }
}
