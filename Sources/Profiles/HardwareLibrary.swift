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

    public static let kinds = ["equipment", "accelerators", "wiring", "sites"]

    public init(folder: String) { self.folder = folder }

    /// What there is, for people: kind, name, title.
    public var summaries: [(kind: String, name: String, title: String)] {
        equipment.values.map { ("equipment", $0.name, $0.title) }.sorted { $0.1 < $1.1 }
            + accelerators.map { ("accelerators", $0.name, $0.title) }
    }

    /// Reads every profile; each one that is faulty is reported and left out.
    public static func load(_ folder: String, _ faults: FaultCollector) -> HardwareLibrary {
        var library = HardwareLibrary(folder: folder)
        for (name, map) in profiles(folder, "equipment", { .equipment(name: $0) }, faults) {
            library.equipment[name] = map
        }
        for (name, wiring) in profiles(folder, "wiring", { .wiring($0) }, faults) {
            library.wirings[name] = wiring
        }
        library.accelerators = acceleratorLayouts(folder, faults)
        return library
    }

    /// Reads `folder/kind/*.yaml` in name order, each with `shape`, under its file name.
    static func profiles<Profile>(
        _ folder: String, _ kind: String, _ shape: (String) -> Shape<Profile>, _ faults: FaultCollector
    ) -> [(name: String, profile: Profile)] {
        let path = folder + "/" + kind
        let names: [String]
        do throws(SystemError) { names = try namesInFolder(path) } catch {
            // A library without profiles of a kind is a small library; one that is not there is a fault.
            if error.code == 2, (try? namesInFolder(folder)) != nil { return [] }
            faults.report(FilePosition(file: path, line: 1, column: 1), "cannot be read: \(error.reason)")
            return []
        }
        return names.filter { $0.hasSuffix(".yaml") }.compactMap { file in
            let name = String(file.dropLast(5))
            guard let node = YAMLReader.readFile(path + "/" + file, faults),
                let profile = shape(name).read(node, faults)
            else { return nil }
            return (name, profile)
        }
    }
}
