internal import Platform

/// What of all events a subscriber wants to hear (EventDestination of DMTF's bundle 2026.1): an empty list asks for
/// nothing in particular.
struct EventFilter: Equatable, Sendable {
    var registryPrefixes: [String] = []
    var messageIDs: [String] = []
    var excludedRegistryPrefixes: [String] = []
    var excludedMessageIDs: [String] = []
    var resourceTypes: [String] = []
    var severities: [String] = []
    var originResources: [String] = []
    var includesSubordinates = false

    /// Of each list: several times what a service of our size has to choose from.
    static let entriesMax = 64

    static let lists: [(name: StaticString, list: any WritableKeyPath<EventFilter, [String]> & Sendable)] = [
        ("RegistryPrefixes", \.registryPrefixes), ("MessageIds", \.messageIDs),
        ("ExcludeRegistryPrefixes", \.excludedRegistryPrefixes), ("ExcludeMessageIds", \.excludedMessageIDs),
        ("ResourceTypes", \.resourceTypes), ("Severities", \.severities), ("OriginResources", \.originResources),
    ]
    static let subordinates: StaticString = "SubordinateResources"
    static let names = Set((lists.map(\.name) + [subordinates]).map { "\($0)" })

    /// The first list that holds what this service never sends, and what: a subscriber with a misspelt filter would
    /// wait for ever. `isResource` knows the paths that there are.
    func fault(isResource: (String) -> Bool) -> (name: String, value: String)? {
        for prefix in registryPrefixes + excludedRegistryPrefixes where prefix != RedfishEvent.registry {
            return ("RegistryPrefixes", prefix)
        }
        for id in messageIDs + excludedMessageIDs where !EventFilter.isMessageID(id) { return ("MessageIds", id) }
        for type in resourceTypes where !RedfishOrigin.types.contains(type) { return ("ResourceTypes", type) }
        for severity in severities where RedfishHealth(rawValue: severity) == nil { return ("Severities", severity) }
        for path in originResources where !isResource(path) { return ("OriginResources", path) }
        return nil
    }

    func admits(_ event: RedfishEvent) -> Bool {
        let registry = String(event.messageID.prefix { $0 != "." })
        let message = EventFilter.unversioned(event.messageID)
        func isListed(_ ids: [String]) -> Bool { ids.contains { EventFilter.unversioned($0) == message } }
        // The schema's rule: either list lets an event in, both together are one wish.
        let isWished =
            registryPrefixes.isEmpty && messageIDs.isEmpty || registryPrefixes.contains(registry)
            || isListed(messageIDs)
        if !isWished || excludedRegistryPrefixes.contains(registry) || isListed(excludedMessageIDs) { return false }
        if !resourceTypes.isEmpty, !resourceTypes.contains(event.origin.type) { return false }
        if !severities.isEmpty, !severities.contains(event.severity.rawValue) { return false }
        return originResources.isEmpty
            || originResources.contains { origin in
                event.origin.path == origin || includesSubordinates && event.origin.path.hasPrefix(origin + "/")
            }
    }

    /// "MDC.1.0.AlarmRaised" is "MDC.AlarmRaised": the version is not looked at.
    private static func unversioned(_ id: String) -> String {
        let words = id.split(separator: ".")
        guard let first = words.first, let last = words.last, words.count > 1 else { return id }
        return first + "." + last
    }

    /// A key of another registry may come with a test event; of ours we know each.
    private static func isMessageID(_ id: String) -> Bool {
        let words = id.split(separator: ".", omittingEmptySubsequences: false)
        guard words.count >= 2, !words.contains("") else { return false }
        return words[0] != RedfishEvent.registry || RedfishEvent.keys.contains(String(words[words.count - 1]))
    }

    // MARK: - In the file

    init() {}

    init(json: JSON?) {
        for (name, list) in EventFilter.lists {
            self[keyPath: list] = (json?["\(name)"]?.array ?? []).compactMap(\.string)
        }
        includesSubordinates = json?["\(EventFilter.subordinates)"]?.bool ?? false
    }

    func write(_ writer: inout ByteWriter) {
        for (name, list) in EventFilter.lists where !self[keyPath: list].isEmpty {
            writer.texts(name, self[keyPath: list])
        }
        if includesSubordinates { writer.field(EventFilter.subordinates, true) }
    }
}
