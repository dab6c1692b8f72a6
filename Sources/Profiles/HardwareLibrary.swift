public import Site
internal import Platform

/// Everything under Hardware/, by profile name: what a site file may refer to.
public struct HardwareLibrary: Sendable {
    public let folder: String
    /// Register maps by name.
    public var equipment: [String: EquipmentProfile] = [:]
    /// Ready wirings of security inputs by name.
    public var wirings: [String: WiringProfile] = [:]
    /// Layouts of cards, with what they include put in.
    public var accelerators: [AcceleratorLayout] = []

    /// Every map and wiring that lies there, read or not.
    var equipmentNames: [String] = []
    var wiringNames: [String] = []

    public static let kinds = ["equipment", "accelerators", "wiring", "sites"]

    public init(folder: String) { self.folder = folder }

    /// What there is, for people: kind, name, title.
    public var summaries: [(kind: String, name: String, title: String)] {
        equipment.values.map { ("equipment", $0.name, $0.title) }.sorted { $0.1 < $1.1 }
            + accelerators.map { ("accelerators", $0.name, $0.title) }
    }

    /// Reads every profile; each one that is faulty is reported and left out. `mentioned`: the words of a site
    /// file; what it does not name it does not need, and reading all of it is most of an agent's start.
    public static func load(_ folder: String, _ faults: FaultCollector, mentioned: Set<String>? = nil)
        -> HardwareLibrary
    {
        func isNeeded(_ name: String) -> Bool { mentioned?.contains(name) ?? true }
        var library = HardwareLibrary(folder: folder)
        library.equipmentNames = names(folder, "equipment", faults)
        for (name, map) in profiles(
            folder, "equipment", library.equipmentNames.filter(isNeeded), { .equipment(name: $0) }, faults)
        {
            library.equipment[name] = map
        }
        library.wiringNames = names(folder, "wiring", faults)
        for (name, wiring) in profiles(
            folder, "wiring", library.wiringNames.filter(isNeeded), { .wiring($0) }, faults)
        {
            library.wirings[name] = wiring
        }
        // Any card may turn up where cards are looked for.
        if isNeeded("accelerators") { library.accelerators = acceleratorLayouts(folder, faults) }
        return library
    }

    /// The profiles of a kind that lie there, in name order.
    static func names(_ folder: String, _ kind: String, _ faults: FaultCollector) -> [String] {
        let path = folder + "/" + kind
        do throws(SystemError) {
            return try namesInFolder(path).filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }
        } catch {
            // A library without profiles of a kind is a small library; one that is not there is a fault.
            if error.code == 2, (try? namesInFolder(folder)) != nil { return [] }
            faults.report(FilePosition(file: path, line: 1, column: 1), "cannot be read: \(error.reason)")
            return []
        }
    }

    /// Reads `folder/kind/NAME.yaml`, each with `shape`.
    static func profiles<Profile>(
        _ folder: String, _ kind: String, _ names: [String], _ shape: (String) -> Shape<Profile>,
        _ faults: FaultCollector
    ) -> [(name: String, profile: Profile)] {
        names.compactMap { name in
            guard let node = YAMLReader.readFile("\(folder)/\(kind)/\(name).yaml", faults),
                let profile = shape(name).read(node, faults)
            else { return nil }
            return (name, profile)
        }
    }
}
