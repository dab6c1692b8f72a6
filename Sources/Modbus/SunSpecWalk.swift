internal import Platform
internal import Site

/// SunSpec machines list their own models: a marker, then id and length of each, up to the end mark.
enum SunSpec {
    /// Where the marker may stand, in the order that the specification prescribes.
    static let bases = [40000, 50000, 0]
    /// "SunS"
    static let marker: [UInt16] = [0x5375, 0x6E53]
    static let endModel = 0xFFFF
    /// No machine carries more; a chain that does not end is a broken one.
    static let modelsMax = 64

    struct Model: Equatable {
        var number: Int
        /// Of the id register.
        var address: Int
        var length: Int
    }

    enum Walk: Equatable {
        case found([Model])
        case notSunSpec
        case failed(String)
    }

    static func walk(_ ask: (ModbusQuestion) -> ModbusAnswer) -> Walk {
        for base in bases {
            switch ask(.read(.holding, address: base, count: 2)) {
            case .values(marker): return chain(ask, from: base + 2)
            case .failed(let text): return .failed(text)
            case .exception(10, let text), .exception(11, let text): return .failed(text)
            default: continue
            }
        }
        return .notSunSpec
    }

    private static func chain(_ ask: (ModbusQuestion) -> ModbusAnswer, from start: Int) -> Walk {
        var models: [Model] = []
        var address = start
        while models.count < modelsMax, address + 2 <= 65536 {
            switch ask(.read(.holding, address: address, count: 2)) {
            case .values(let words):
                let number = Int(words[0])
                if number == endModel || number == 0 { return .found(models) }
                models.append(Model(number: number, address: address, length: Int(words[1])))
                address += 2 + Int(words[1])
            case .failed(let text): return .failed(text)
            default:
                // Some machines end their chain with the end of their registers.
                return models.isEmpty ? .failed("its SunSpec chain breaks off at register \(address)") : .found(models)
            }
        }
        return .found(models)
    }
}

extension BusEngine {
    /// The chain is walked again every hour, and whenever the machine comes back: firmware may have moved it.
    static let walkInterval = Nanoseconds.seconds(3600)

    func walkModels(_ unit: PolledUnit) {
        let all = Array(unit.ids.indices)
        switch SunSpec.walk({ master.ask(unit.line, $0, timeout: nil, probes: unit.probes()) }) {
        case .failed(let text): failed(unit, all, .timeout, text)
        case .notSunSpec: failed(unit, all, .notCarried, "no SunSpec marker at 40000, 50000 or 0")
        case .found(let found):
            let now = time.now().monotonic
            answered(unit)
            unit.walkAgainAt = now + BusEngine.walkInterval
            let models = Dictionary(grouping: found, by: \.number).mapValues { $0.map(\.address) }
            if unit.models == models { return }
            unit.models = models
            unit.refused = []
            unit.barriers = []
            unit.requests = []
            unit.resolve()
            unit.makeRequests(first: now)
            for (index, place) in unit.places.enumerated() where place == nil {
                publishBad(unit, index, .unsupported, .notCarried)
            }
        }
    }
}
