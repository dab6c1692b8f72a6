internal import Platform
internal import Site

/// What energy went where: the container and its IT (PUE), each lane and its inferences. Only what was
/// measured counts; a gap is left out on both sides of a ratio, never guessed.
struct EnergyAccounts: Sendable {
    struct Lane: Sendable {
        let plan: LaneEnergyPlan
        let meters: [Meter]
        var last: Double?
        var joules = 0.0
        /// As counted by the serving plane since its own start, and the sum over its restarts.
        var counted: UInt64?
        var inferences: UInt64 = 0
        /// Joules and inferences of the last minute or so, for the live figure.
        var recentJoules = 0.0
        var recentInferences = 0.0
    }

    private(set) var lanes: [Lane]
    /// As of the last step; nil where nobody asks for it.
    private(set) var status: EnergyStatus?
    private let total: [Meter]
    private let it: [Meter]
    private(set) var totalWatts: Double?
    private(set) var itWatts: Double?
    private(set) var totalWattHours = 0.0
    private(set) var itWattHours = 0.0
    private var smoothTotal: Double?
    private var smoothIT: Double?
    private var lastStep: MonotonicTime?

    /// Live PUE is over about five minutes: compressors cycle faster than that.
    private static let smoothing = 300.0
    /// Joules per inference follow a change of load within a minute.
    private static let laneSmoothing = 60.0
    private static let gapMax = Nanoseconds.seconds(60)
    /// Meters are read about once a second: looking more often says nothing new.
    private static let spacing = Nanoseconds.seconds(1)

    init(_ plan: ControlPlan, _ slots: inout SampleSlots) {
        total = (plan.effectiveness?.totalMeters ?? []).map { Meter($0, &slots) }
        it = (plan.effectiveness?.itMeters ?? []).map { Meter($0, &slots) }
        lanes = plan.lanes.map { lane in Lane(plan: lane, meters: lane.meters.map { Meter($0, &slots) }) }
        if plan.effectiveness != nil || !lanes.isEmpty { status = EnergyStatus(boundary: plan.effectiveness?.boundary) }
    }

    mutating func step(_ inputs: ControlInputs, now: Moment) {
        let elapsed = lastStep.map { now.monotonic - $0 } ?? .zero
        if lastStep != nil, elapsed < EnergyAccounts.spacing { return }
        lastStep = now.monotonic
        let seconds = elapsed <= EnergyAccounts.gapMax ? elapsed.seconds : 0
        totalWatts = Meter.sum(total, inputs)
        itWatts = Meter.sum(it, inputs)
        if let totalWatts, let itWatts {
            totalWattHours += totalWatts * seconds / 3600
            itWattHours += itWatts * seconds / 3600
            let share = min(1, seconds / EnergyAccounts.smoothing)
            smoothTotal = smoothTotal.map { $0 + (totalWatts - $0) * share } ?? totalWatts
            smoothIT = smoothIT.map { $0 + (itWatts - $0) * share } ?? itWatts
        } else {
            (smoothTotal, smoothIT) = (nil, nil)
        }
        for index in lanes.indices { count(index, inputs, seconds) }
        tell()
    }

    private mutating func tell() {
        guard var told = status else { return }
        told.totalWatts = totalWatts
        told.itWatts = itWatts
        told.totalWattHours = totalWattHours
        told.itWattHours = itWattHours
        told.effectiveness = effectiveness
        told.effectivenessOverall = effectivenessOverall
        told.lanes = lanes.map { lane in
            EnergyStatus.Lane(
                model: lane.plan.model, accelerator: lane.plan.accelerator,
                joulesPerInference: lane.joulesPerInference, joules: lane.joules, inferences: lane.inferences)
        }
        status = told
    }

    /// Live power usage effectiveness; nil without good meters or without IT load.
    var effectiveness: Double? {
        guard let smoothTotal, let smoothIT, smoothIT > 1 else { return nil }
        return smoothTotal / smoothIT
    }

    /// Over everything since the accounts were opened.
    var effectivenessOverall: Double? { itWattHours > 0 ? totalWattHours / itWattHours : nil }

    private mutating func count(_ index: Int, _ inputs: ControlInputs, _ seconds: Double) {
        let plan = lanes[index].plan
        let status = inputs.lanes.first { $0.model == plan.model && $0.accelerator == plan.accelerator }
        let before = lanes[index].counted
        var done: UInt64 = 0
        if let counted = status?.inferences {
            // A smaller count is a serving plane that started again.
            done = before.map { counted >= $0 ? counted - $0 : counted } ?? 0
            lanes[index].counted = counted
        }
        guard let watts = Meter.sum(lanes[index].meters, inputs) else { return }
        let joules = watts * seconds * share(of: plan, inputs)
        lanes[index].joules += joules
        lanes[index].inferences += done
        let kept = max(0, 1 - seconds / EnergyAccounts.laneSmoothing)
        lanes[index].recentJoules = lanes[index].recentJoules * kept + joules
        lanes[index].recentInferences = lanes[index].recentInferences * kept + Double(done)
    }

    /// Lanes that share an accelerator share its power evenly: nothing on the card says who drew it.
    private func share(of plan: LaneEnergyPlan, _ inputs: ControlInputs) -> Double {
        1 / Double(max(1, lanes.count { $0.plan.accelerator == plan.accelerator }))
    }

    func remember(_ writer: inout ByteWriter) {
        writer.beginObject("energy")
        writer.field("total", totalWattHours)
        writer.field("it", itWattHours)
        writer.beginArray("lanes")
        for lane in lanes {
            writer.beginObject()
            writer.field("lane", lane.plan.word)
            writer.field("joules", lane.joules)
            writer.field("inferences", lane.inferences)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    mutating func recall(_ json: JSON) {
        totalWattHours = json["energy"]?["total"]?.number ?? 0
        itWattHours = json["energy"]?["it"]?.number ?? 0
        for item in json["energy"]?["lanes"]?.array ?? [] {
            guard let index = lanes.firstIndex(where: { $0.plan.word == item["lane"]?.string }) else { continue }
            lanes[index].joules = item["joules"]?.number ?? 0
            lanes[index].inferences = UInt64(max(0, item["inferences"]?.number ?? 0))
        }
    }
}

extension EnergyAccounts.Lane {
    var joulesPerInference: Double? { recentInferences >= 1 ? recentJoules / recentInferences : nil }
}
