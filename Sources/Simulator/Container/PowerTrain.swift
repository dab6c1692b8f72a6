/// Mains, generator, transfer switch, UPS and battery: who feeds whom, second by second.
///
/// The bus behind the transfer switch feeds the UPS and the cooling; the UPS feeds the racks and the
/// coolant pumps.
struct PowerTrain: Sendable {
    enum EngineState: Equatable, Sendable { case stopped, cranking, warmingUp, running, cooling, failed }
    enum Source: Equatable, Sendable { case mains, generator, none }
    enum UPSMode: Equatable, Sendable { case online, onBattery, off }

    /// Korean low voltage: 380 V between phases, 220 V to neutral, 60 Hz.
    static let nominal_V = 220.0
    static let nominal_Hz = 60.0
    static let upsRating_W = 20_000.0
    /// About a quarter of an hour at the usual load.
    static let batteryFull_J = 2.2 * 3.6e6
    static let chargeMax_W = 2_000.0
    static let chargeEfficiency = 0.94
    static let dischargeEfficiency = 0.93
    static let upsEfficiency = 0.955
    static let upsStandby_W = 120.0
    static let fuelTank_L = 120.0

    private(set) var mains_V = PowerTrain.nominal_V
    private(set) var mains_Hz = PowerTrain.nominal_Hz
    private var mainsVoltage = Wander(mean: 1, spread: 0.006, relaxation_s: 30)
    private var mainsFrequency = Wander(mean: 60, spread: 0.015, relaxation_s: 10)

    private(set) var engine = EngineState.stopped
    private(set) var engine_rpm = 0.0
    private(set) var generator_V = 0.0
    private(set) var coolant_C = 38.0  // a jacket heater keeps a standby engine warm
    private(set) var oil_kPa = 0.0
    private(set) var fuel_L = PowerTrain.fuelTank_L * 0.92
    private(set) var runTime_s = 412.0 * 3600
    private(set) var starts = 187.0
    private var inState_s = 0.0

    private(set) var source = Source.mains
    private(set) var transfers = 41.0
    private var mainsGood_s = 1e6
    private var mainsBad_s = 0.0

    private(set) var upsMode = UPSMode.online
    private(set) var battery_J = PowerTrain.batteryFull_J
    /// Into the battery; negative while it gives.
    private(set) var battery_W = 0.0
    private(set) var battery_C = 26.0
    private(set) var upsInput_W = 0.0
    private(set) var upsOutput_W = 0.0
    private(set) var upsLoss_W = 0.0
    private(set) var bus_W = 0.0
    private var busGood_s = 0.0

    var bus_V: Double {
        switch source {
        case .mains: mains_V
        case .generator: generator_V
        case .none: 0
        }
    }
    var bus_Hz: Double { source == .generator ? engine_rpm / 30 : mains_Hz }
    /// Equipment drops out below about 80 % of nominal (EN 50160's lower bound is 85 %).
    var isBusLive: Bool { bus_V > 0.8 * PowerTrain.nominal_V }
    var isOutputLive: Bool { upsMode != .off }
    var charge: Double { battery_J / batteryCapacity_J }
    private(set) var batteryCapacity_J = PowerTrain.batteryFull_J
    var runtime_s: Double {
        let draw = upsOutput_W / PowerTrain.dischargeEfficiency + PowerTrain.upsStandby_W
        return battery_J / max(200, draw)
    }
    /// 16 blocks of 12 V in series; open-circuit voltage rises with charge, load pulls it down.
    var battery_V: Double { 16 * (11.9 + 1.0 * charge + (battery_W > 0 ? 0.7 : 0.4 * battery_W / 20_000)) }

    mutating func advanceSources(_ dt: Double, _ instructor: Instructor, _ random: inout SeededRandom) {
        mainsVoltage.advance(dt, &random)
        mainsFrequency.advance(dt, &random)
        let level = instructor.mainsOff ? 0 : instructor.mainsLevel
        mains_V = PowerTrain.nominal_V * mainsVoltage.value * level
        mains_Hz = instructor.mainsOff ? 0 : mainsFrequency.value
        let mainsIsGood = mains_V > 0.85 * PowerTrain.nominal_V
        mainsGood_s = mainsIsGood ? mainsGood_s + dt : 0
        mainsBad_s = mainsIsGood ? 0 : mainsBad_s + dt
        advanceEngine(dt, instructor)
        advanceTransfer()
    }

    /// Start after 3 s without mains, crank 4 s, warm up 5 s, cool down a minute unloaded.
    private mutating func advanceEngine(_ dt: Double, _ instructor: Instructor) {
        inState_s += dt
        func enter(_ next: EngineState, _ self: inout PowerTrain) {
            self.engine = next
            self.inState_s = 0
        }
        switch engine {
        case .stopped:
            if mainsBad_s > 3 && fuel_L > 0 { enter(.cranking, &self) }
        case .cranking:
            if inState_s > 4 {
                if instructor.gensetRefusesToStart {
                    enter(.failed, &self)
                } else {
                    starts += 1
                    enter(.warmingUp, &self)
                }
            }
        case .warmingUp:
            if inState_s > 5 { enter(.running, &self) }
        case .running:
            if fuel_L <= 0 {
                enter(.failed, &self)
            } else if mainsGood_s > 10 && source != .generator {
                enter(.cooling, &self)
            }
        case .cooling:
            if mainsBad_s > 1 { enter(.running, &self) } else if inState_s > 60 { enter(.stopped, &self) }
        case .failed:
            if mainsGood_s > 10 && !instructor.gensetRefusesToStart && fuel_L > 0 { enter(.stopped, &self) }
        }
        let turns = engine == .warmingUp || engine == .running || engine == .cooling
        let target_rpm = turns ? 1800.0 : engine == .cranking ? 220 : 0
        engine_rpm += (target_rpm - engine_rpm) * min(1, dt / 0.8)
        if target_rpm == 0 && engine_rpm < 1 { engine_rpm = 0 }
        generator_V = PowerTrain.nominal_V * (engine == .cranking ? 0 : min(1, max(0, (engine_rpm - 900) / 880)))
        oil_kPa += ((turns ? 420 : 0) - oil_kPa) * min(1, dt / 1.5)
        coolant_C += ((turns ? 84 : 38) - coolant_C) * dt / (turns ? 180 : 1800)
        if turns {
            runTime_s += dt
            // 1.2 L/h idling and 0.28 L per kWh: a small diesel's usual figures.
            let carried_W = source == .generator ? bus_W : 0
            fuel_L = max(0, fuel_L - dt * (1.2 + 0.28 * carried_W / 1000) / 3600)
        }
    }

    private mutating func advanceTransfer() {
        let before = source
        switch source {
        case .mains, .none:
            if mainsBad_s > 1 && engine == .running && generator_V > 0.9 * PowerTrain.nominal_V {
                source = .generator
            } else if mainsGood_s > 0 {
                source = .mains
            }
        case .generator:
            if mainsGood_s > 10 { source = .mains } else if generator_V < 0.5 * PowerTrain.nominal_V { source = .none }
        }
        if before != source && source != .none { transfers += 1 }
    }

    /// The UPS carries `load_W`, and the bus carries the UPS and `mechanical_W`.
    mutating func advanceLoad(
        _ dt: Double, load_W: Double, mechanical_W: Double, air_C: Double, _ instructor: Instructor
    ) {
        batteryCapacity_J = PowerTrain.batteryFull_J * (instructor.batteryWorn ? 0.25 : 1)
        let wornOff_J = max(0, battery_J - batteryCapacity_J)
        battery_J -= wornOff_J
        busGood_s = isBusLive ? busGood_s + dt : 0
        switch upsMode {
        case .online where !isBusLive: upsMode = battery_J > 0 ? .onBattery : .off
        case .onBattery where isBusLive: upsMode = .online
        case .onBattery where battery_J <= 0: upsMode = .off
        case .off where busGood_s > 5 && !instructor.upsFault: upsMode = .online
        default: break
        }
        if instructor.upsFault { upsMode = .off }
        upsOutput_W = isOutputLive ? load_W : 0
        switch upsMode {
        case .online:
            // Full current to 90 %, then tapering to nothing.
            let room = 1 - charge
            battery_W = room > 0 ? PowerTrain.chargeMax_W * min(1, room / 0.1 + 0.02) : 0
            battery_W = min(battery_W, (batteryCapacity_J - battery_J) / (PowerTrain.chargeEfficiency * dt))
            battery_J += battery_W * PowerTrain.chargeEfficiency * dt
            upsLoss_W =
                upsOutput_W * (1 / PowerTrain.upsEfficiency - 1) + PowerTrain.upsStandby_W
                + battery_W * (1 - PowerTrain.chargeEfficiency)
            upsInput_W = upsOutput_W + upsLoss_W + battery_W * PowerTrain.chargeEfficiency
        case .onBattery:
            let wanted_W = upsOutput_W / PowerTrain.dischargeEfficiency + PowerTrain.upsStandby_W
            let given_W = min(wanted_W, battery_J / dt)
            // The last step gives what is left: less reaches the load, nothing comes from nowhere.
            upsOutput_W *= given_W / wanted_W
            battery_W = -given_W
            battery_J = max(0, battery_J - given_W * dt)
            upsLoss_W = given_W - upsOutput_W
            upsInput_W = 0
        case .off: (battery_W, upsLoss_W, upsInput_W) = (0, 0, 0)
        }
        battery_C += ((air_C + 2 + abs(battery_W) / 2500) - battery_C) * dt / 900
        bus_W = upsInput_W + (isBusLive ? mechanical_W : 0)
    }
}
