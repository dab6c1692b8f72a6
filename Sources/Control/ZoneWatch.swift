internal import Platform
internal import Site

/// Arming, stepped only when a zone, somebody or the time has something to say.
struct ZoneWatch: Sendable {
    private(set) var arming: Arming
    /// What the last step decided; its events and answers were told.
    private(set) var last = ArmingDecisions()

    private let slots: [(state: Int, activations: Int)]
    private var inputs: [ZoneInput]
    /// A second look at the same readings changed nothing: neither would a third.
    private var isSettled = false

    init(_ plan: SecurityPlan, _ points: inout SampleSlots) {
        arming = Arming(plan: plan)
        slots = plan.zones.map { (points.slot($0.statePoint), points.slot($0.activationsPoint)) }
        inputs = plan.zones.map { ZoneInput(name: $0.name, reading: nil) }
    }

    /// True when it decided anew.
    mutating func step(
        _ given: ControlInputs, _ requests: [(request: ControlRequest, arming: ArmingRequest)], now: Moment,
        _ decisions: inout Decisions
    ) -> Bool {
        let hasNews = look(given)
        let isDue = last.nextDeadline.map { $0 <= now.monotonic } ?? false
        decisions.arming = last.state
        decisions.zones = last.zones
        if isSettled, !hasNews, !isDue, requests.isEmpty {
            decisions.nextDeadline(last.nextDeadline)
            return false
        }
        let before = last.holding
        last = arming.step(zones: inputs, requests: requests.map { ($0.arming, $0.request.actor) }, now: now)
        isSettled = !hasNews && last.events.isEmpty && last.holding == before
        decisions.events += last.events
        for (asked, answer) in zip(requests, last.answers) { decisions.answer(asked.request, answer) }
        decisions.arming = last.state
        decisions.zones = last.zones
        decisions.nextDeadline(last.nextDeadline)
        return true
    }

    mutating func recall(_ json: JSON, now: Moment) { arming.recall(json, now: now) }

    /// True when a zone reads otherwise than at the last look.
    private mutating func look(_ given: ControlInputs) -> Bool {
        var hasNews = false
        for index in slots.indices {
            let reading = ZoneWatch.reading(given.sample(slots[index].state))
            let sample = given.sample(slots[index].activations)
            let activations = sample.isGood ? sample.number : nil
            if inputs[index].reading == reading, inputs[index].activations == activations { continue }
            inputs[index].reading = reading
            inputs[index].activations = activations
            hasNews = true
        }
        return hasNews
    }

    private static func reading(_ sample: Sample) -> ZoneReading? {
        if sample.quality == .failed { return .fault }
        return sample.isGood ? UInt8(exactly: sample.number).flatMap(ZoneReading.init) : nil
    }
}
