internal import Platform
internal import Site

/// SunSpec machines list their own models: a marker, then id and length of each, up to the end mark.
enum SunSpec {
    /// Where the marker may stand, in the order that the specification prescribes.
    static let bases = [40000, 50000, 0]
    static let marker: [UInt8] = [0x53, 0x75, 0x6E, 0x53]  // "SunS"
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
        case failed(Reason, String)
    }

    static func walk(_ master: BusMaster, _ line: UnitLine, probes: [RequestPDU] = []) -> Walk {
        for base in bases {
            switch master.transact(line, .read(.holding, address: base, count: 2), probes: probes) {
            case .failed(let reason, let text): return .failed(reason, text)
            case .exception(let code) where code == 10 || code == 11:
                return .failed(exceptionReason(code), exceptionWords(code))
            case .exception: continue
            case .answer:
                if Array(master.reply.dropFirst(2)) == marker { return chain(master, line, from: base + 2) }
            }
        }
        return .notSunSpec
    }

    private static func chain(_ master: BusMaster, _ line: UnitLine, from start: Int) -> Walk {
        var models: [Model] = []
        var address = start
        while models.count < modelsMax, address + 2 <= 65536 {
            switch master.transact(line, .read(.holding, address: address, count: 2)) {
            case .failed(let reason, let text): return .failed(reason, text)
            case .exception(let code):
                // Some machines end their chain with the end of their registers.
                return models.isEmpty
                    ? .failed(exceptionReason(code), "its SunSpec chain breaks off at register \(address)")
                    : .found(models)
            case .answer: break
            }
            let number = Int(master.reply[2]) << 8 | Int(master.reply[3])
            let length = Int(master.reply[4]) << 8 | Int(master.reply[5])
            if number == endModel || number == 0 { return .found(models) }
            models.append(Model(number: number, address: address, length: length))
            address += 2 + length
        }
        return .found(models)
    }
}

extension BusEngine {
    /// The chain is walked again every hour, and whenever the machine comes back: firmware may have moved it.
    static let walkInterval = Nanoseconds.seconds(3600)

    func walkModels(_ unit: PolledUnit) {
        switch SunSpec.walk(master, unit.line, probes: unit.probes()) {
        case .failed(let reason, let text): failed(unit, Array(unit.ids.indices), reason, text)
        case .notSunSpec:
            failed(unit, Array(unit.ids.indices), .notCarried, "no SunSpec marker at 40000, 50000 or 0")
        case .found(let found):
            let now = time.now().monotonic
            answered(unit)
            unit.walkAgainAt = now + BusEngine.walkInterval
            var models: [Int: Int] = [:]
            // The first of several of a kind: the others are further instances.
            for model in found where models[model.number] == nil { models[model.number] = model.address }
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
