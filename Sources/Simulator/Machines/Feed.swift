internal import Site

/// Where in the container's wiring a machine measures.
enum Feed: Equatable, Sendable {
    /// Behind the transfer switch: everything.
    case bus
    /// Behind the UPS: racks and pumps.
    case output
    case cooling
    case generator
    case rack(Int)

    /// A unit's name says where it hangs: "meter-it", "pdu-a", "meter-cooling".
    init(_ kind: EquipmentProfile.Kind, named name: String) {
        let words = name.split { $0 == "-" || $0 == "." }
        func says(_ some: Substring...) -> Bool { some.contains { words.contains($0) } }
        switch kind {
        case .ups, .battery, .inverter, .rectifier: self = .output
        case .genset: self = .generator
        case .pdu: self = says("b", "2") || name.hasSuffix("2") || name.hasSuffix("b") ? .rack(1) : .rack(0)
        case .crac, .chiller, .cdu, .rearDoor, .heatExchanger: self = .cooling
        default:
            if says("it", "ups", "output", "racks") {
                self = .output
            } else if says("cooling", "crac", "chiller", "hvac", "mechanical") {
                self = .cooling
            } else if says("generator", "genset") {
                self = .generator
            } else {
                self = .bus
            }
        }
    }

    func watts(_ model: ContainerModel) -> Double {
        switch self {
        case .bus: model.power.bus_W
        case .output: model.power.upsOutput_W
        case .cooling: model.power.isBusLive ? model.climate.cracElectrical_W + model.climate.chillerElectrical_W : 0
        case .generator: model.power.source == .generator ? model.power.bus_W : 0
        case .rack(let index):
            model.racks_W[index]
                + model.accelerators.enumerated().reduce(0) { sum, card in
                    card.offset % model.racks_W.count == index ? sum + card.element.power_W : sum
                }
        }
    }

    func volts(_ model: ContainerModel) -> Double {
        switch self {
        case .bus, .cooling: model.power.bus_V
        case .generator: model.power.generator_V
        case .output, .rack: model.power.isOutputLive ? PowerTrain.nominal_V : 0
        }
    }

    func hertz(_ model: ContainerModel) -> Double {
        switch self {
        case .bus, .cooling: model.power.isBusLive ? model.power.bus_Hz : 0
        case .generator: model.power.engine_rpm / 30
        case .output, .rack: model.power.isOutputLive ? PowerTrain.nominal_Hz : 0
        }
    }

    func joules(_ model: ContainerModel) -> Double {
        switch self {
        case .bus: model.ledger.import_J + model.ledger.generated_J
        case .output: model.ledger.itImport_J
        case .cooling: 1.7e3 * 3.6e6 + model.ledger.intoMachines_J
        case .generator: model.ledger.generated_J
        case .rack(let index): model.ledger.itImport_J * (index == 0 ? 0.55 : 0.45)
        }
    }
}

/// One phase, a pair of phases, or all of them together.
enum Phase: Equatable, Sendable {
    case all
    case one(Int)
    case pair

    /// Loads are never quite even.
    static let shares = [0.345, 0.325, 0.33]

    var share: Double {
        if case .one(let index) = self { Phase.shares[index] } else { 1 }
    }

    init(_ words: [String]) {
        for (index, names) in [["l1", "a", "r", "u"], ["l2", "b", "s", "v"], ["l3", "c", "t", "w"]].enumerated()
        where words.contains(where: names.contains) {
            self = .one(index)
            let others = ["l1", "l2", "l3", "a", "b", "c"].filter { words.contains($0) }
            if others.count > 1 { self = .pair }
            return
        }
        self = words.contains { ["ab", "bc", "ca", "ll", "line"].contains($0) } ? .pair : .all
    }
}
