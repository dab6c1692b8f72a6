import Glibc

/// Air, coolant and facility water: where the heat goes. Three lumps of heat (the room's air and metal,
/// the racks' coolant loop, the chilled water) and what moves heat between them.
struct Climate: Sendable {
    static let airCapacity_J_per_K = 350e3
    static let coolantCapacity_J_per_K = 180e3
    static let waterCapacity_J_per_K = 900e3
    static let wall_W_per_K = 55.0
    static let openDoor_W_per_K = 220.0
    static let cracMax_W = 16_000.0
    static let chillerMax_W = 26_000.0
    /// Of the CDU's plate heat exchanger at full valve.
    static let exchanger_W_per_K = 900.0
    static let reservoirFull_L = 60.0

    var airSetpoint_C = 24.0
    var coolantSetpoint_C = 32.0
    var waterSetpoint_C = 14.0

    private(set) var outdoor_C = 16.0
    private(set) var air_C = 24.0
    private(set) var coolant_C = 33.0
    private(set) var water_C = 14.0
    private(set) var humidity = 46.0

    private(set) var crac_W = 0.0
    private(set) var cracFan = 0.5
    private(set) var chiller_W = 0.0
    private(set) var valve = 0.3
    private(set) var exchanged_W = 0.0
    private(set) var pump = 0.7
    private(set) var reservoir_L = Climate.reservoirFull_L
    private(set) var rackHeat_W = 0.0
    private(set) var liquidHeat_W = 0.0
    private var cracIntegral = 0.2
    private(set) var compressorStarts = 0.0

    /// Electrical: fans, chiller by a coefficient of performance that falls in hot weather.
    private(set) var cracElectrical_W = 0.0
    private(set) var chillerElectrical_W = 0.0
    private(set) var pumpElectrical_W = 0.0

    /// Heat that entered the three lumps less heat that left them, for the books.
    private(set) var netHeat_J = 0.0

    /// 45 litres a minute at full speed.
    var flow_LPM: Double { 45 * pump * min(1, reservoir_L / 5) }
    /// What the racks breathe in: cooler than the mixed air while the CRAC blows.
    var supply_C: Double { air_C - crac_W / max(600, 2600 * cracFan) }
    var return_C: Double { air_C + rackHeat_W / max(900, 2600 * cracFan) }
    var coolantReturn_C: Double { coolant_C + (flow_LPM > 1 ? liquidHeat_W / (flow_LPM / 60 * 3900) : 0) }
    var supplyPressure_kPa: Double { 40 + 210 * pump * pump * min(1, reservoir_L / Climate.reservoirFull_L) }
    var returnPressure_kPa: Double { 30 + 25 * pump * min(1, reservoir_L / Climate.reservoirFull_L) }
    var dewPoint_C: Double {
        let gamma = log(max(1, humidity) / 100) + 17.62 * air_C / (243.12 + air_C)  // Magnus formula
        return 243.12 * gamma / (17.62 - gamma)
    }
    /// What the three lumps hold, counted from 0 C.
    var held_J: Double {
        Climate.airCapacity_J_per_K * air_C + Climate.coolantCapacity_J_per_K * coolant_C
            + Climate.waterCapacity_J_per_K * water_C
    }

    /// What runs this step, decided before the power is counted.
    mutating func control(_ dt: Double, busLive: Bool, pumpsLive: Bool, _ instructor: Instructor) {
        let excess = return_C - airSetpoint_C
        cracIntegral = min(1, max(0, cracIntegral + excess * dt / 400))
        let demand = min(1, max(0, excess * 0.08 + cracIntegral))
        let cracRuns = busLive && !instructor.cracOff
        let fanTarget = cracRuns ? 0.35 + 0.65 * demand : 0
        cracFan += (fanTarget - cracFan) * min(1, dt / 6)
        // A coil cools as far as its water is colder than the air.
        let coil = min(1, max(0, (air_C - water_C) / 10))
        crac_W = cracRuns ? Climate.cracMax_W * demand * coil * min(1, cracFan / 0.35) : 0
        cracElectrical_W = 1_600 * cracFan * cracFan * cracFan

        let chillerRuns = busLive && !instructor.chillerOff
        let chillerTarget =
            chillerRuns ? Climate.chillerMax_W * min(1, max(0, (water_C - waterSetpoint_C) / 2 + 0.25)) : 0
        if chiller_W < 500 && chillerTarget > 500 { compressorStarts += 1 }
        chiller_W += (chillerTarget - chiller_W) * min(1, dt / 15)
        if water_C < 5 { chiller_W = 0 }  // freeze protection
        chillerElectrical_W = chiller_W / max(2, 5.2 - 0.06 * max(0, outdoor_C - 10))

        let pumpTarget = pumpsLive && !instructor.pumpOff ? 0.7 : 0
        pump += (pumpTarget - pump) * min(1, dt / 3)
        pumpElectrical_W = 650 * pump * pump
        valve = min(1, max(0.02, valve + (coolant_C - coolantSetpoint_C) * dt / 300))
        exchanged_W = Climate.exchanger_W_per_K * valve * (coolant_C - water_C) * min(1, flow_LPM / 10)
    }

    mutating func advance(
        _ dt: Double, elapsed_s: Double, airHeat_W: Double, liquidHeat_W: Double, _ instructor: Instructor
    ) {
        outdoor_C = instructor.outdoor_C ?? 16 + 6 * sin(elapsed_s / 86_400 * 2 * .pi)
        let conductance = Climate.wall_W_per_K + (instructor.doorsOpen.isEmpty ? 0 : Climate.openDoor_W_per_K)
        let wall_W = conductance * (air_C - outdoor_C)
        // Pumps and the CRAC's fan end as heat in what they move.
        let intoAir_W = airHeat_W + cracElectrical_W - crac_W - wall_W
        let intoCoolant_W = liquidHeat_W + pumpElectrical_W - exchanged_W
        let intoWater_W = crac_W + exchanged_W - chiller_W
        air_C += intoAir_W * dt / Climate.airCapacity_J_per_K
        coolant_C += intoCoolant_W * dt / Climate.coolantCapacity_J_per_K
        water_C += intoWater_W * dt / Climate.waterCapacity_J_per_K
        netHeat_J +=
            (airHeat_W + cracElectrical_W + liquidHeat_W + pumpElectrical_W - wall_W - chiller_W) * dt
        rackHeat_W = airHeat_W
        self.liquidHeat_W = liquidHeat_W
        if instructor.leak {
            reservoir_L = max(0, reservoir_L - 0.05 * dt)
        } else if reservoir_L < Climate.reservoirFull_L {
            reservoir_L = min(Climate.reservoirFull_L, reservoir_L + 0.5 * dt)  // the technician fills it up
        }
        let humidityTarget = instructor.doorsOpen.isEmpty ? 46.0 : 72.0
        humidity += (humidityTarget - humidity) * dt / 600
    }
}
