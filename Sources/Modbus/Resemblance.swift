internal import Platform
internal import Site

/// A map whose points make sense in a machine that says nothing certain about itself.
public struct Resemblance: Equatable, Sendable {
    public var profile: String
    /// Points that the machine answers with values that the map finds possible.
    public var fits: Int
    public var of: Int
}

extension Discovery {
    /// Many machines have no register that names them. Their maps are laid over what they answer: the right one
    /// makes sense nearly everywhere. A guess, said as such: at most three maps, the best first.
    static func resemblances(
        _ bus: some ModbusAsking, unitID: Int, profiles: [EquipmentProfile], timeout: Nanoseconds
    ) -> [Resemblance] {
        var found: [Resemblance] = []
        for profile in profiles where profile.fingerprint.isEmpty && !profile.isSunSpec {
            guard let likeness = likeness(profile, bus, unitID, timeout) else { continue }
            // Half of a small map fits anything; zeros fit everything and do not count.
            if likeness.fits >= 3, likeness.fits * 10 >= likeness.of * 7 { found.append(likeness) }
        }
        found.sort { (Double($0.fits) / Double($0.of), $0.fits) > (Double($1.fits) / Double($1.of), $1.fits) }
        return Array(found.prefix(3))
    }

    /// Nil: nobody answers any more.
    private static func likeness(
        _ profile: EquipmentProfile, _ bus: some ModbusAsking, _ unitID: Int, _ timeout: Nanoseconds
    ) -> Resemblance? {
        let readable = profile.points.indices.filter { profile.points[$0].isReadable }
        let planned = readable.map { index in
            let point = profile.points[index]
            let low = min(point.address, point.scaleRegister ?? point.address)
            let high = max(point.address + point.words, (point.scaleRegister ?? 0) + 1)
            return PlannedPoint(
                index: index, table: point.table, registers: low..<high, rate: .normal, isAlone: point.isReadAlone)
        }
        var result = Resemblance(profile: profile.name, fits: 0, of: 0)
        // Gentle: a few requests say enough, and the longest say most.
        let requests = RequestPlanner(manners: profile.manners, blocks: profile.blocks).plan(planned)
            .sorted { $0.points.count > $1.points.count }.prefix(6)
        for request in requests {
            let count = request.registers.count
            let answer = bus.ask(
                unitID: unitID, .read(request.table, address: request.registers.lowerBound, count: count),
                timeout: timeout)
            switch answer {
            case .failed: return nil
            case .values(let words) where words.count == count:
                for index in request.points {
                    switch sense(profile.points[index], words, from: request.registers.lowerBound) {
                    case true?: (result.fits, result.of) = (result.fits + 1, result.of + 1)
                    case false?: result.of += 1
                    case nil: break
                    }
                }
            default: result.of += request.points.count
            }
        }
        return result
    }

    /// Whether what stands there makes sense for the point; nil: it says nothing either way.
    private static func sense(_ point: EquipmentPoint, _ words: [UInt16], from start: Int) -> Bool? {
        let at = point.address - start
        let mine = words[at..<at + (point.table.holdsBits ? 1 : point.words)]
        if mine.allSatisfy({ $0 == 0 }) || point.table.holdsBits { return nil }
        let low = min(point.address, point.scaleRegister ?? point.address) - start
        let high = max(point.address + point.words, (point.scaleRegister ?? 0) + 1) - start
        switch point.value(of: Array(words[low..<high])) {
        case (.text(let text)?, _):
            // A state's text, or a string that people can read.
            return point.type != .text || text.count >= 2 && !text.contains("?")
        case (.number?, _):
            // Without limits any number is possible: that says nothing, and neither does a state that is unknown.
            return point.states.isEmpty ? (point.plausible == nil ? nil : true) : false
        case (nil, let reason): return reason == .notAvailableCode ? nil : false
        }
    }
}
