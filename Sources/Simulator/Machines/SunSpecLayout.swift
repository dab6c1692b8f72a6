internal import Site

/// Where a SunSpec machine's models lie: "SunS" at 40000, the common model, then the others in order,
/// each with its id and length, and the end mark.
struct SunSpecLayout {
    static let start = 40_000
    /// Registers after the length register, where a model's file says more than our points reach.
    private static let lengths = [
        1: 66, 101: 50, 102: 50, 103: 50, 201: 105, 202: 105, 203: 105, 701: 153, 713: 7, 802: 62,
    ]

    private struct Place: Hashable, Comparable {
        let model: Int
        let instance: Int
        static func < (a: Place, b: Place) -> Bool { (a.model, a.instance) < (b.model, b.instance) }
    }
    private var bases: [Place: Int] = [:]
    private var models: [(id: Int, base: Int, length: Int)] = []
    private var end = 0

    init(_ points: [EquipmentPoint]) {
        let places = Set(
            points.compactMap { point in
                point.model.map { Place(model: $0, instance: point.modelInstance) }
            })
        if places.isEmpty { return }
        var at = SunSpecLayout.start + 2
        for place in places.union([SunSpecLayout.common]).sorted() {
            let id = place.model
            let reached = points.filter { $0.model == id }.map {
                max($0.address + $0.words, ($0.scaleRegister ?? 0) + 1)
            }
            let length = max(SunSpecLayout.lengths[id] ?? 0, (reached.max() ?? 2) - 2)
            bases[place] = at
            models.append((id, at, length))
            at += 2 + length
        }
        end = at
    }

    private static let common = Place(model: 1, instance: 1)

    func base(of point: EquipmentPoint) -> Int {
        point.model.flatMap { bases[Place(model: $0, instance: point.modelInstance)] } ?? 0
    }

    var ranges: [(table: RegisterTable, addresses: Range<Int>)] {
        models.isEmpty ? [] : [(.holding, SunSpecLayout.start..<end + 2)]
    }

    func fill(_ image: RegisterImage, profile: EquipmentProfile, unitName: String) {
        if models.isEmpty { return }
        image[.holding, SunSpecLayout.start] = 0x5375
        image[.holding, SunSpecLayout.start + 1] = 0x6E53
        for model in models {
            image[.holding, model.base] = UInt16(model.id)
            image[.holding, model.base + 1] = UInt16(model.length)
            // What the simulator does not fill is "not implemented", not zero.
            for at in 2..<max(2, model.length + 2) where model.id != 1 { image[.holding, model.base + at] = 0xFFFF }
        }
        image[.holding, end] = 0xFFFF
        image[.holding, end + 1] = 0
        guard let common = bases[SunSpecLayout.common] else { return }
        let texts: [(offset: Int, words: Int, text: String)] = [
            (2, 16, profile.manufacturer), (18, 16, profile.model), (42, 8, "1.0"), (50, 16, "SIM-" + unitName),
        ]
        for (offset, words, text) in texts {
            var bytes = Array(text.utf8.prefix(words * 2))
            bytes += [UInt8](repeating: 0, count: words * 2 - bytes.count)
            for index in 0..<words {
                image[.holding, common + offset + index] = UInt16(bytes[index * 2]) << 8 | UInt16(bytes[index * 2 + 1])
            }
        }
        image[.holding, common + 66] = 1
    }
}
