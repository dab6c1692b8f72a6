/// The whole container as physics, stepped by whoever owns the clock. The same seed, the same causes
/// and the same steps give the same container, to the bit.
struct ContainerModel: Sendable {
    /// Integrated in steps no longer than this: the fastest lump (a generator's speed) has 0.8 s.
    static let stepMax_s = 0.25

    var instructor = Instructor()
    var accelerators: [AcceleratorModel]
    private(set) var power = PowerTrain()
    var climate = Climate()
    private(set) var racks_W: [Double] = [0, 0]
    private(set) var elapsed_s = 0.0
    /// Grows with every step: who has encoded this one already need not do it again.
    private(set) var generation: UInt64 = 0
    private(set) var ledger = Ledger()
    private var rackLoad = [
        Wander(mean: 0.55, spread: 0.08, relaxation_s: 120), Wander(mean: 0.45, spread: 0.06, relaxation_s: 200),
    ]
    private var random: SeededRandom

    /// Every joule, so that a test can ask where it went.
    struct Ledger: Equatable, Sendable {
        var fromSources_J = 0.0
        var intoRacks_J = 0.0
        var upsLosses_J = 0.0
        var intoMachines_J = 0.0
        var import_J = 8.1e3 * 3.6e6
        var itImport_J = 6.2e3 * 3.6e6
        var generated_J = 311 * 3.6e6
    }

    /// Servers and switches of one rack at full load, beside the accelerators in it.
    static let rackFull_W = 4_000.0

    init(accelerators: [AcceleratorKind], seed: UInt64) {
        random = SeededRandom(seed: seed)
        self.accelerators = accelerators.enumerated().map { index, kind in
            AcceleratorModel(kind, meanLoad: 0.45 + 0.1 * Double(index % 4))
        }
        // A container that has been running for a while, not one that was switched on this instant.
        for _ in 0..<2400 { step(0.25) }
        elapsed_s = 0
        ledger = Ledger()
        generation = 0
    }

    mutating func advance(by seconds: Double) {
        var left = seconds
        while left > 1e-9 {
            let dt = min(left, ContainerModel.stepMax_s)
            step(dt)
            left -= dt
        }
    }

    private mutating func step(_ dt: Double) {
        power.advanceSources(dt, instructor, &random)
        climate.control(dt, busLive: power.isBusLive, pumpsLive: power.isOutputLive, instructor)

        let powered = power.isOutputLive
        var airHeat_W = 0.0
        var liquidHeat_W = 0.0
        var cards_W = 0.0
        for index in accelerators.indices {
            let liquid = accelerators[index].nature.isLiquidCooled
            let leaving = accelerators[index].advance(
                dt, powered: powered, coolant_C: liquid ? climate.coolant_C : climate.supply_C,
                fixedLoad: instructor.load, &random)
            if liquid { liquidHeat_W += leaving } else { airHeat_W += leaving }
            cards_W += accelerators[index].power_W
        }
        for rack in racks_W.indices {
            rackLoad[rack].advance(dt, &random)
            // Servers shut themselves down when they breathe more than 45 C (ASHRAE A4's upper bound).
            let alive = powered && climate.supply_C < 45
            racks_W[rack] = alive ? ContainerModel.rackFull_W * (instructor.load ?? rackLoad[rack].value) : 0
            airHeat_W += racks_W[rack]
        }
        let it_W = racks_W.reduce(0, +) + cards_W
        let mechanical_W = climate.cracElectrical_W + climate.chillerElectrical_W
        power.advanceLoad(
            dt, load_W: it_W + climate.pumpElectrical_W, mechanical_W: mechanical_W, air_C: climate.air_C, instructor)
        climate.advance(
            dt, elapsed_s: elapsed_s, airHeat_W: airHeat_W + power.upsLoss_W, liquidHeat_W: liquidHeat_W, instructor)

        ledger.fromSources_J += power.bus_W * dt
        ledger.intoRacks_J += power.upsOutput_W * dt
        ledger.upsLosses_J += power.upsLoss_W * dt
        ledger.intoMachines_J += (power.isBusLive ? mechanical_W : 0) * dt
        if power.source == .mains { ledger.import_J += power.bus_W * dt }
        if power.source == .generator { ledger.generated_J += power.bus_W * dt }
        ledger.itImport_J += power.upsOutput_W * dt
        elapsed_s += dt
        generation &+= 1
    }
}
