/// One card: it turns watts into heat, gets rid of it to air or liquid, and slows down when it cannot.
struct AcceleratorModel: Sendable {
    enum Link: Sendable { case full, degraded, dead }

    struct Nature: Sendable {
        let idle_W: Double
        let full_W: Double
        /// Chip above coolant per watt.
        let resistance_K_per_W: Double
        let heatCapacity_J_per_K: Double
        let throttleAt_C: Double
        let isLiquidCooled: Bool
        let memory_B: Double
    }

    let kind: AcceleratorKind
    let nature: Nature
    /// Seconds after the others': so that six cards do not breathe in step.
    private var job: Wander

    private(set) var temperature_C = 30.0
    private(set) var power_W = 0.0
    private(set) var utilisation = 0.0
    private(set) var isThrottling = false
    private(set) var heartbeat: UInt32 = 1
    private(set) var correctableErrors: UInt64 = 0
    private(set) var fatalErrors: UInt64 = 0
    private var beatFraction = 0.0

    // What the instructor did to it.
    var isHot = false
    var isHung = false
    var isPresent = true
    var link = Link.full

    init(_ kind: AcceleratorKind, meanLoad: Double) {
        self.kind = kind
        nature = kind.nature
        job = Wander(mean: meanLoad, spread: 0.18, relaxation_s: 45)
    }

    var isAlive: Bool { isPresent && link != .dead }

    mutating func countErrors(correctable: UInt64, fatal: UInt64) {
        correctableErrors += correctable
        fatalErrors += fatal
    }

    /// One step with power on the rail or without, against a coolant at `coolant_C`. The heat that
    /// leaves into the coolant, in watts.
    mutating func advance(
        _ dt: Double, powered: Bool, coolant_C: Double, fixedLoad: Double?, _ random: inout SeededRandom
    ) -> Double {
        job.advance(dt, &random)
        let demand = isHung ? 0 : min(1, max(0, fixedLoad ?? job.value))
        // Hysteresis of 8 K, as drivers have it: a limiter that flaps is worse than a slow one.
        if temperature_C > nature.throttleAt_C { isThrottling = true }
        if temperature_C < nature.throttleAt_C - 8 { isThrottling = false }
        utilisation = powered && isAlive ? (isThrottling ? min(demand, 0.25) : demand) : 0
        power_W = powered && isPresent ? nature.idle_W + (nature.full_W - nature.idle_W) * utilisation : 0
        let resistance = resistance_K_per_W(coolant_C)
        let capacity = isHot ? AcceleratorModel.bareSettling_s / resistance : nature.heatCapacity_J_per_K
        let leaving_W = (temperature_C - coolant_C) / resistance
        temperature_C += (power_W - leaving_W) * dt / capacity
        if powered && isAlive && !isHung {
            beatFraction += dt
            heartbeat &+= UInt32(beatFraction)
            beatFraction -= beatFraction.rounded(.down)
        }
        return leaving_W
    }

    /// Seconds in which a chip that has lost its cooler settles: it alone soaks up the heat.
    private static let bareSettling_s = 8.0
    /// How far below throttling a lightly loaded card without its cooler stays.
    private static let bareMargin_K = 3.0

    /// A cooler that has come off lets any load drive the chip nearly to where it throttles, a high one
    /// beyond: who practises with `hot` must not have to wait for a busy hour.
    private func resistance_K_per_W(_ coolant_C: Double) -> Double {
        guard isHot else { return nature.resistance_K_per_W }
        let nearlyThrottling = nature.throttleAt_C - AcceleratorModel.bareMargin_K - coolant_C
        return max(nature.resistance_K_per_W * 3.5, nearlyThrottling / max(1, power_W))
    }
}
