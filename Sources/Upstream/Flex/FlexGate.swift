internal import Platform
internal import Site

/// Decides whether a DSX Flex command is what it says: from a known caller, on that caller's topic, signed
/// with that caller's key, of now, and not heard before. What passes goes to Control; what does not is
/// refused with a reason.
final class FlexGate {
    enum Verdict: Equatable {
        case loadTargets([PowerTarget], actor: String, correlationID: String, trace: TraceContext)
        case enforcement(breachID: String, feed: String, text: String, actor: String)
        /// Heard before, on the same envelope: the broker's repetition, not somebody's.
        case repetition
        case refused(String, actor: String)
    }

    /// Key sets are read again this often, so that a revoked key does not live until the next restart.
    static let keysFor = Nanoseconds.seconds(10)

    private let plan: FlexPlan
    private let window: ReplayWindow
    private var keySets: [String: (keys: KeySet, read: MonotonicTime)] = [:]
    private var lastEnvelopes: [String] = []

    init(plan: FlexPlan, window: ReplayWindow) {
        self.plan = plan
        self.window = window
    }

    var topics: [(topic: String, qos: Int32)] {
        plan.callers.map { (FlexGate.topic(of: $0), $0.role == .isv ? 1 : 2) }
    }

    static func topic(of caller: FlexPlan.Caller) -> String {
        switch caller.role {
        case .isv: "grid/v1/isv/\(caller.name)/loadtarget/set"
        case .infra: "grid/v1/infra/\(caller.name)/powerbreach/enforcement"
        }
    }

    /// Nil: not a topic of ours.
    func judge(_ message: IncomingMessage, at now: Moment) -> Verdict? {
        guard let caller = plan.callers.first(where: { FlexGate.topic(of: $0) == message.topic }) else { return nil }
        let actor = "upstream:\(caller.role.rawValue)-\(caller.name)"
        do throws(SignedText.Refusal) {
            return try verdict(message, caller, actor, now)
        } catch {
            return .refused(error.text, actor: actor)
        }
    }

    private func verdict(_ message: IncomingMessage, _ caller: FlexPlan.Caller, _ actor: String, _ now: Moment)
        throws(SignedText.Refusal) -> Verdict
    {
        let envelope = try FlexEnvelope(message.payload)
        let type = caller.role == .isv ? "grid.loadtarget.set.v1" : "grid.powerbreach.enforcement.v1"
        if envelope.type != type { throw SignedText.Refusal(text: "type '\(envelope.type)', expected \(type)") }
        let source = "//grid/v1/\(caller.role.rawValue)/\(caller.name)"
        if envelope.source != source {
            throw SignedText.Refusal(text: "source '\(envelope.source)' on the topic of \(source)")
        }
        let signed = try SignedText(envelope.data)
        try signed.check(try keys(of: caller, now))
        // From here on the data is the caller's own; the envelope around it is anyone's.
        if window.contains(signed.digest) {
            if lastEnvelopes.contains(envelope.id) { return .repetition }
            throw SignedText.Refusal(text: "this command was accepted before: a replay")
        }
        let off = (envelope.time.milliseconds - now.wall.milliseconds).magnitude
        if off > UInt64(plan.clockTolerance.wholeMilliseconds) {
            throw SignedText.Refusal(text: "its time is \(off / 1000) s from ours")
        }
        let data: JSON
        do throws(JSON.Fault) { data = try JSON.parse(signed.payload, depthMax: 16) } catch {
            throw SignedText.Refusal(text: "signed data: \(error.description)")
        }
        let verdict: Verdict
        switch caller.role {
        case .isv:
            let correlation = envelope.correlationID ?? envelope.id
            let targets = try LoadTargetReader.read(data, id: correlation, actor: actor, now: now.wall)
            verdict = .loadTargets(targets, actor: actor, correlationID: correlation, trace: envelope.trace)
        case .infra: verdict = try enforcement(data, actor)
        }
        window.insert(signed.digest)
        lastEnvelopes = Array((lastEnvelopes + [envelope.id]).suffix(64))
        return verdict
    }

    private func keys(of caller: FlexPlan.Caller, _ now: Moment) throws(SignedText.Refusal) -> KeySet {
        if let known = keySets[caller.keySetFile], now.monotonic - known.read < FlexGate.keysFor { return known.keys }
        do throws(KeySet.Unreadable) {
            let keys = try KeySet.load(caller.keySetFile)
            keySets[caller.keySetFile] = (keys, now.monotonic)
            return keys
        } catch {
            throw SignedText.Refusal(text: "the caller's keys: \(error.text)")
        }
    }

    private func enforcement(_ data: JSON, _ actor: String) throws(SignedText.Refusal) -> Verdict {
        guard let breach = data["breach_id"]?.string, let feed = data["feed_tag"]?.string,
            let action = data["action"]?.string, ["applied", "reverted"].contains(action),
            let code = data["code"]?.string, ["success", "partial", "error"].contains(code),
            let results = data["results"]?.array
        else { throw SignedText.Refusal(text: "signed data is no enforcement outcome") }
        let diagnosis = data["diag_msg"]?.string.map { ": \($0.prefix(200))" } ?? ""
        return .enforcement(
            breachID: breach, feed: feed,
            text: "enforcement \(action) on \(results.count) resources of feed \(feed): \(code)\(diagnosis)",
            actor: actor)
    }
}

/// The data of `grid.loadtarget.set.v1`.
enum LoadTargetReader {
    /// More is no schedule but an attack on memory.
    static let targetsMax = 100

    static func read(_ data: JSON, id: String, actor: String, now: WallTime) throws(SignedText.Refusal)
        -> [PowerTarget]
    {
        guard let list = data["targets"]?.array, !list.isEmpty else {
            throw SignedText.Refusal(text: "signed data has no targets")
        }
        if list.count > targetsMax { throw SignedText.Refusal(text: "\(list.count) targets, at most \(targetsMax)") }
        var targets: [PowerTarget] = []
        for item in list { targets.append(try target(item, id, actor, now)) }
        return targets
    }

    private static func target(_ item: JSON, _ id: String, _ actor: String, _ now: WallTime)
        throws(SignedText.Refusal) -> PowerTarget
    {
        guard let interval = item["interval"], interval.object != nil else {
            throw SignedText.Refusal(text: "a target without an interval")
        }
        let start = try time(interval["start_time"], "start_time") ?? now
        let end = try time(interval["end_time"], "end_time")
        if let end, end <= now { throw SignedText.Refusal(text: "its interval ended at \(end.rfc3339)") }
        if let end, end <= start { throw SignedText.Refusal(text: "its interval ends before it begins") }
        var feeds: [String] = []
        if let tags = item["feed_tags"] {
            guard let list = tags.array, list.count <= 100, list.allSatisfy({ $0.string != nil }) else {
                throw SignedText.Refusal(text: "feed_tags is no list of texts")
            }
            feeds = list.compactMap(\.string)
        }
        guard let constraint = item["load_constraint"] else {
            throw SignedText.Refusal(text: "a target without a load_constraint")
        }
        let isBestEffort = item["strategy"]?["best_effort"]?.bool ?? false
        return PowerTarget(
            id: id, feeds: feeds, start: start, end: end, watts: try watts(constraint), isBestEffort: isBestEffort,
            actor: actor)
    }

    private static func time(_ value: JSON?, _ name: String) throws(SignedText.Refusal) -> WallTime? {
        guard let value, value != .null else { return nil }
        guard let time = value.string.flatMap({ WallTime(rfc3339: $0) }) else {
            throw SignedText.Refusal(text: "\(name) is no RFC 3339 time")
        }
        return time
    }

    private static func watts(_ constraint: JSON) throws(SignedText.Refusal) -> Double? {
        if constraint == .null { return nil }
        let factors = ["watt": 1.0, "kilowatt": 1e3, "megawatt": 1e6]
        guard let value = constraint["value"]?.number, value >= 0,
            let factor = constraint["unit"]?.string.flatMap({ factors[$0] }), (value * factor).isFinite
        else { throw SignedText.Refusal(text: "a load_constraint without a value of 0 or more and a known unit") }
        return value * factor
    }
}
