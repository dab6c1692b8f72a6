internal import Platform
internal import Site

/// Whose a point is, with everything the site file left open filled in.
struct ResolvedIdentity {
    var objectID: String
    var objectName: String
    var serves: [String] = []
    var associateID: String?
    var processArea: [String] = []
    var rackLocationName: String
    var rackLocationID: String
    /// The objectType under which unmapped points go.
    var genericObjectType: String
    /// A machine with electrical readings: they go out as a PowerMeter of its objectId.
    var hasMeter = false

    /// The members of the metadata that say whose the point is; exactly the ones its kind may have.
    func write(_ kind: ExchangeRule.Identity, objectType: String, into writer: inout ByteWriter) {
        switch kind {
        case .rack:
            writer.field("rackLocationName", rackLocationName)
            writer.field("rackLocationId", rackLocationID)
        case .meter:
            writer.field("objectName", objectName)
            writer.field("objectId", associateID ?? objectID)
            writeServes(into: &writer)
        case .system:
            writer.field("objectName", objectName)
            writer.field("objectId", objectID)
        case .equipment:
            // A UPS's status refers to the PowerMeter that carries its readings.
            let isPartOfMeter = hasMeter && ExchangeVocabulary.isSwitchgear(objectType)
            if let associate = associateID ?? (isPartOfMeter ? objectID : nil) {
                writer.field("associateId", associate)
                return
            }
            writer.field("objectName", objectName)
            writer.field("objectId", objectID)
            if !serves.isEmpty { writeServes(into: &writer) }
        }
    }

    private func writeServes(into writer: inout ByteWriter) {
        writer.beginArray("servesId")
        for id in serves { writer.value(id) }
        writer.endArray()
    }
}

/// All identities of a site: from the site file, and for the rest from the device's own name.
struct IdentityBook {
    private let site: String
    private let given: [String]
    private let identities: [String: ResolvedIdentity]

    init(site: String, plan: UpstreamPlan, table: PointTable) {
        self.site = site
        given = plan.identities.map(\.name)
        var typesByOwner: [String: [String: Int]] = [:]
        for definition in table.definitions {
            let owner = IdentityBook.owner(of: definition.name, among: given)
            typesByOwner[owner, default: [:]][definition.exchange?.objectType ?? "", default: 0] += 1
        }
        var identities: [String: ResolvedIdentity] = [:]
        for (owner, counts) in typesByOwner {
            let named = plan.identities.first { $0.name == owner } ?? ExchangeIdentity(name: owner)
            identities[owner] = IdentityBook.resolve(named, counts, site)
        }
        self.identities = identities
    }

    func identity(of pointName: String) -> ResolvedIdentity {
        let owner = IdentityBook.owner(of: pointName, among: given)
        return identities[owner] ?? IdentityBook.resolve(ExchangeIdentity(name: owner), [:], site)
    }

    private static func resolve(_ named: ExchangeIdentity, _ counts: [String: Int], _ site: String)
        -> ResolvedIdentity
    {
        // Racks have no generic points, and a meter's are told apart from the machine's own.
        let machine = counts.filter {
            $0.key != "PowerMeter"
                && ExchangeVocabulary.rule(objectType: $0.key, pointType: "GenericPoint") != nil
        }
        let usual = machine.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        let hasMeter = counts["PowerMeter"] != nil
        let wanted = named.objectType == "Rack" ? nil : named.objectType
        let objectID = named.objectID ?? "\(site)-" + String(named.name.map { $0 == "." ? "-" : $0 })
        return ResolvedIdentity(
            objectID: objectID, objectName: named.objectName ?? named.name, serves: named.serves,
            associateID: named.associateID, processArea: named.processArea,
            rackLocationName: named.rackLocationName ?? named.objectName ?? named.name,
            rackLocationID: named.rackLocationID ?? objectID,
            genericObjectType: wanted ?? usual ?? (hasMeter ? "PowerMeter" : "GenericObject"), hasMeter: hasMeter)
    }

    /// The longest given name whose words begin the point's name; else its first word, the device.
    private static func owner(of pointName: String, among names: [String]) -> String {
        let fitting = names.filter { pointName == $0 || pointName.hasPrefix($0 + ".") }
        return fitting.max { $0.utf8.count < $1.utf8.count } ?? String(pointName.prefix { $0 != "." })
    }
}
