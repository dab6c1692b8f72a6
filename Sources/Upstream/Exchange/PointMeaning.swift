internal import Platform
internal import Site

/// The engUnit or stateText of a point, and what its numbers are multiplied by to be in that unit.
struct PointMeaning: Equatable {
    static let phases: Set<String> = ["A", "B", "C", "1", "2", "3"]
    static let unexplained = PointMeaning(unit: nil, states: [], factor: 1)

    var unit: String?
    var states: [StateText]
    var factor: Double

    init(unit: String?, states: [StateText], factor: Double) {
        self.unit = unit
        self.states = states
        self.factor = factor
    }

    /// Nil when the point is not what the contract wants in that place.
    init?(_ rule: ExchangeRule, _ definition: PointDefinition, _ mapping: ExchangeMapping) {
        if rule.isWrittenByIntegration { return nil }
        if rule.needsPhase, !PointMeaning.phases.contains(mapping.phase ?? "") { return nil }
        let preferred = ExchangeVocabulary.preferredUnit(mapping.pointType)
        if case .state(let states) = definition.kind, !states.isEmpty {
            switch rule.meaning {
            case .state, .free, .quantityOrState: self.init(unit: nil, states: states, factor: 1)
            case .quantity, .bare: return nil
            }
            return
        }
        switch rule.meaning {
        case .state: return nil
        case .bare: self = .unexplained
        case .quantity(let wanted?):
            guard let factor = definition.unit.factor(to: wanted) else { return nil }
            self.init(unit: wanted, states: [], factor: factor)
        case .free where definition.unit == .none: self = .unexplained
        case .quantity(nil), .quantityOrState, .free:
            if definition.unit == .none { return nil }
            if let preferred, let factor = definition.unit.factor(to: preferred) {
                self.init(unit: preferred, states: [], factor: factor)
            } else {
                self.init(unit: definition.unit.rawValue, states: [], factor: 1)
            }
        }
    }

    func write(into writer: inout ByteWriter) {
        writer.field("engUnit", unit)
        if states.isEmpty { return }
        writer.beginArray("stateText")
        for state in states {
            writer.beginObject()
            writer.field("value", state.code)
            writer.field("text", state.text)
            writer.endObject()
        }
        writer.endArray()
    }
}

extension Unit {
    /// What to multiply by to get the unit of that name; nil when they measure different things.
    func factor(to name: String) -> Double? {
        if rawValue == name { return 1 }
        guard let other = Unit(rawValue: name), !base.suffix.isEmpty, base.suffix == other.base.suffix
        else { return nil }
        return base.factor / other.base.factor
    }
}
