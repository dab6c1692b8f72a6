internal import Platform
internal import Site

/// Every point of the site in the terms of the DSX Exchange BMS contract. What the contract has no place
/// for goes out as a GenericPoint, so that nothing measured is hidden; text points cannot go (a value is
/// a number there).
struct ExchangeMap {
    let site: String
    private(set) var points: [ExchangePoint] = []
    /// Points that hold text.
    private(set) var left: [PointID] = []

    init(site: String, plan: UpstreamPlan, table: PointTable) {
        self.site = site
        let book = IdentityBook(site: site, plan: plan, table: table)
        let deadbands = plan.deadbands.map { (NamePattern($0.pattern), $0.absolute) }
        for id in table.ids {
            let definition = table[id]
            if definition.kind == .text {
                left.append(id)
                continue
            }
            let deadband = deadbands.last { $0.0.matches(definition.name) }?.1 ?? 0
            points.append(
                ExchangePoint(
                    id, definition, identity: book.identity(of: definition.name), site: site, deadband: deadband))
        }
    }
}

/// One point as the bus sees it: where it goes, what it says about itself, in which unit.
struct ExchangePoint {
    let id: PointID
    let objectType: String
    let pointType: String
    let valueTopic: String
    let metadataTopic: String
    let metadata: [UInt8]
    /// From the Board's unit to the published one.
    let factor: Double
    let isCritical: Bool
    /// Changes smaller than this, in the Board's unit, wait for the cadence.
    let deadband: Double

    init(
        _ id: PointID, _ definition: PointDefinition, identity: ResolvedIdentity, site: String, deadband: Double
    ) {
        let placed =
            definition.exchange.flatMap { Placement($0, definition) }
            // Unmapped, or mapped to something the contract cannot carry: generic is better than hidden or wrong.
            ?? Placement(generic: definition, identity)
        let tail = ExchangePoint.topicTail(placed.mapping, site, definition.name)
        self.id = id
        objectType = placed.mapping.objectType
        pointType = placed.mapping.pointType
        valueTopic = "BMS/v1/PUB/Value/" + tail
        metadataTopic = "BMS/v1/PUB/Metadata/" + tail
        metadata = placed.metadata(identity, definition.name)
        factor = placed.meaning.factor
        isCritical = ExchangeVocabulary.isCritical(pointType)
        self.deadband = deadband
    }

    /// The site comes first: several containers share one bus.
    static func topicTail(_ mapping: ExchangeMapping, _ site: String, _ name: String) -> String {
        "\(mapping.objectType)/\(mapping.pointType)/\(site)/" + String(name.map { $0 == "." ? "/" : $0 })
    }
}

/// A point in a place of the contract that it fits.
struct Placement {
    var mapping: ExchangeMapping
    var rule: ExchangeRule
    var meaning: PointMeaning

    init(mapping: ExchangeMapping, rule: ExchangeRule, meaning: PointMeaning) {
        self.mapping = mapping
        self.rule = rule
        self.meaning = meaning
    }

    /// Nil where it does not fit.
    init?(_ mapping: ExchangeMapping, _ definition: PointDefinition) {
        guard let rule = ExchangeVocabulary.rule(objectType: mapping.objectType, pointType: mapping.pointType),
            let meaning = PointMeaning(rule, definition, mapping)
        else { return nil }
        self.init(mapping: mapping, rule: rule, meaning: meaning)
    }

    /// The words after the device's name tell generic points of one machine apart.
    init(generic definition: PointDefinition, _ identity: ResolvedIdentity) {
        let words = definition.name.split(separator: ".").dropFirst().map(String.init)
        let given = definition.exchange
        let mapping = ExchangeMapping(
            objectType: identity.genericObjectType, pointType: "GenericPoint",
            processArea: given.map(\.processArea).flatMap { $0.isEmpty ? nil : $0 }
                ?? (words.isEmpty ? [definition.name] : words),
            phase: given?.phase, isSetpoint: given?.isSetpoint ?? false)
        self =
            Placement(mapping, definition)
            ?? Placement(
                mapping: mapping, rule: ExchangeRule(meaning: .free, identity: .equipment, processArea: true),
                meaning: .unexplained)
    }

    func metadata(_ identity: ResolvedIdentity, _ name: String, integration: String? = nil) -> [UInt8] {
        var writer = ByteWriter(capacity: 512)
        writer.beginObject()
        writer.field("objectType", mapping.objectType)
        writer.field("pointType", mapping.pointType)
        writer.field("integration", integration)
        identity.write(rule.identity, objectType: mapping.objectType, into: &writer)
        if let isRequired = rule.processArea {
            var area = mapping.processArea.isEmpty ? identity.processArea : mapping.processArea
            if area.isEmpty, isRequired { area = [name] }
            if !area.isEmpty {
                writer.beginArray("processArea")
                for word in area { writer.value(word) }
                writer.endArray()
            }
        }
        if rule.takesPhase, let phase = mapping.phase, PointMeaning.phases.contains(phase) {
            writer.field("phase", phase)
        }
        if rule.takesSetpoint, mapping.isSetpoint { writer.field("isSetpoint", true) }
        meaning.write(into: &writer)
        writer.endObject()
        return writer.bytes
    }
}
