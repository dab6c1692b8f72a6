public import Site
internal import Platform

/// The site file and its drop-ins, as one plan.
public enum SiteFile {
    public struct Refused: Error { public let faults: [ProfileFault] }

    /// Reads `path` and `site.d/*.yaml` beside it (in name order), against the library in `hardware`.
    /// A path that begins with "run:" lies in `runFolder`, so that one site file serves an installed
    /// agent and a demo in any folder. Throws every fault of every file together.
    public static func load(_ path: String, hardware: String, runFolder: String = "/run/mdc-agent") throws(Refused)
        -> SitePlan
    {
        let faults = FaultCollector()
        let file = read(path, faults)?.replacing(prefix: "run:", with: runFolder + "/")
        let library = HardwareLibrary.load(hardware, faults, mentioned: file?.words)
        let plan = file.flatMap { Shape.site(library).read($0, faults) }
        if let plan { faults.check(whole: plan) }
        guard let plan, faults.faults.isEmpty else { throw Refused(faults: faults.inFileOrder) }
        return plan
    }

    private static func read(_ path: String, _ faults: FaultCollector) -> YAMLNode? {
        guard var merged = YAMLReader.readFile(path, faults) else { return nil }
        let folder = path.hasSuffix(".yaml") ? path.dropLast(5) + ".d" : path + ".d"
        // No drop-in folder is the usual case; one that cannot be read is a fault.
        var names: [String] = []
        do throws(SystemError) { names = try namesInFolder(String(folder)) } catch {
            if error.code != 2 {
                faults.report(FilePosition(file: String(folder), line: 1, column: 1), "cannot be read: \(error.reason)")
            }
        }
        for name in names where name.hasSuffix(".yaml") {
            guard let dropIn = YAMLReader.readFile(folder + "/" + name, faults) else { continue }
            merged = merged.merged(with: dropIn)
        }
        return merged
    }
}

extension YAMLNode {
    /// Every key and every scalar.
    fileprivate var words: Set<String> {
        switch self {
        case .scalar(let text, _, _): [text]
        case .sequence(let items, _): items.reduce(into: []) { $0.formUnion($1.words) }
        case .mapping(let entries, _): entries.reduce(into: []) { $0.formUnion($1.value.words.union([$1.key])) }
        }
    }

    func replacing(prefix: String, with folder: String) -> YAMLNode {
        switch self {
        case .scalar(let text, let isPlain, let position):
            text.hasPrefix(prefix)
                ? .scalar(text: folder + text.dropFirst(prefix.count), isPlain: isPlain, position) : self
        case .sequence(let items, let position):
            .sequence(items.map { $0.replacing(prefix: prefix, with: folder) }, position)
        case .mapping(let entries, let position):
            .mapping(
                entries.map { entry in
                    Entry(
                        key: entry.key, keyPosition: entry.keyPosition,
                        value: entry.value.replacing(prefix: prefix, with: folder))
                }, position)
        }
    }

    /// Mappings are joined key by key, lists are continued, a scalar is replaced: the drop-in's wins.
    func merged(with other: YAMLNode) -> YAMLNode {
        switch (self, other) {
        case (.mapping(let mine, let position), .mapping(let theirs, _)):
            var entries = mine
            for entry in theirs {
                if let index = entries.firstIndex(where: { $0.key == entry.key }) {
                    entries[index] = Entry(
                        key: entry.key, keyPosition: entry.keyPosition,
                        value: entries[index].value.merged(with: entry.value))
                } else {
                    entries.append(entry)
                }
            }
            return .mapping(entries, position)
        case (.sequence(let mine, let position), .sequence(let theirs, _)): return .sequence(mine + theirs, position)
        default: return other
        }
    }
}

extension Shape where Value == SitePlan {
    static func site(_ library: HardwareLibrary) -> Shape {
        .object("the site file") { fields in
            let name = fields.required("site", .word, "The word that names this container to the outside")
            let title = fields.optional("title", .text, "What people call it")
            let modbus = fields.optional(
                "modbus", .modbus(library), default: ModbusPlan(),
                "Buses, the units on them and the register maps they follow.")
            let security = fields.optional(
                "security", .security(library), default: SecurityPlan(), "GPIO lines and the zones made of them.")
            let accelerators = fields.optional(
                "accelerators", .accelerators(library), default: AcceleratorsPlan(),
                "The cards the container should hold and the layouts they are read by.")
            let control = fields.optional(
                "control", .control(library), default: ControlPlan(),
                "Conditions, posture rules, power feeds and what may be written.")
            let journal = fields.optional(
                "journal", .journal(library), default: JournalPlan(),
                "Where events and history are kept, and how much of them.")
            let status = fields.optional(
                "status", .status(library), default: StatusPlan(),
                "The addresses on which the agent answers, and who may ask.")
            var inference = fields.optional(
                "inference", .inference(library), default: InferencePlan(),
                "The serving plane: pool, models, lanes and its safe posture.")
            let upstream = fields.optional(
                "upstream", .upstream(library), default: UpstreamPlan(),
                "Brokers, identities and what is reported to them.")
            inference.canaryInterval = accelerators.canaryInterval
            guard let name else { return nil }
            let plan = SitePlan(
                name: name, title: title ?? name, modbus: modbus, security: security, accelerators: accelerators,
                control: control, journal: journal, status: status, inference: inference, upstream: upstream)
            reportDuplicateNames(plan.points, fields)
            return plan
        }
    }
}

/// Two points of one name would be one point that lies: refused.
private func reportDuplicateNames(_ points: [PointDefinition], _ fields: Fields) {
    var seen: Set<String> = []
    for point in points where !seen.insert(point.name).inserted {
        fields.report("site", "two points are named '\(point.name)': device names must differ")
    }
}
