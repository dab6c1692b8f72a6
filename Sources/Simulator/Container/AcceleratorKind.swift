/// The cards the simulator can stand in for. Identities and file layouts are the vendors' own; powers
/// and thermal figures are round numbers near the public ones, good for training and for nothing else.
enum AcceleratorKind: String, CaseIterable, Sendable {
    case furiosaRNGD = "furiosa-rngd"
    case furiosaWarboy = "furiosa-warboy"
    case rebellionsATOM = "rebellions-atom"
    case deepxDXM1 = "deepx-dx-m1"
    case mobilintARIES = "mobilint-aries"
    case sapeonX330 = "sapeon-x330"
    case intelNPU = "intel-npu"
    case amdGPU = "amd-gpu"
    case nvidiaGPU = "nvidia-gpu"

    var nature: AcceleratorModel.Nature {
        switch self {
        case .furiosaRNGD: card(idle: 38, full: 180, top: 62, throttle: 95, liquid: true, gigabytes: 48)
        case .furiosaWarboy: card(idle: 15, full: 60, top: 65, throttle: 95, liquid: false, gigabytes: 16)
        case .rebellionsATOM: card(idle: 18, full: 85, top: 60, throttle: 90, liquid: false, gigabytes: 16)
        case .deepxDXM1: card(idle: 2, full: 8, top: 60, throttle: 95, liquid: false, gigabytes: 4)
        case .mobilintARIES: card(idle: 8, full: 25, top: 60, throttle: 90, liquid: false, gigabytes: 16)
        case .sapeonX330: card(idle: 25, full: 120, top: 65, throttle: 90, liquid: false, gigabytes: 16)
        case .intelNPU: card(idle: 1, full: 12, top: 55, throttle: 100, liquid: false, gigabytes: 8)
        case .amdGPU: card(idle: 40, full: 300, top: 70, throttle: 100, liquid: true, gigabytes: 64)
        case .nvidiaGPU: card(idle: 55, full: 350, top: 70, throttle: 88, liquid: true, gigabytes: 80)
        }
    }

    /// `top` is the chip's temperature at full power over a coolant of 30 C, reached with a time
    /// constant of 40 s.
    private func card(
        idle: Double, full: Double, top: Double, throttle: Double, liquid: Bool, gigabytes: Double
    ) -> AcceleratorModel.Nature {
        let resistance = (top - 30) / full
        return AcceleratorModel.Nature(
            idle_W: idle, full_W: full, resistance_K_per_W: resistance, heatCapacity_J_per_K: 40 / resistance,
            throttleAt_C: throttle, isLiquidCooled: liquid, memory_B: gigabytes * 0x1p30)
    }
}
