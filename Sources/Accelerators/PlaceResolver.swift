internal import Platform
internal import Site

/// Finds where a card's files are: from the layout's places to paths. Done by the card's own thread,
/// because the folders belong to its driver.
struct PlaceResolver {
    let root: String
    let card: PCICard
    let layout: AcceleratorLayout
    /// Addresses of all cards of this layout, for entries that nothing ties to a card.
    let siblings: [String]

    func paths() -> [String: String] {
        var paths = ["device": card.path]
        paths["port"] = card.port
        for place in layout.places {
            switch place.kind {
            case .hwmon(let name): paths[place.name] = hwmon(named: name)
            case .entry(let folder, let pattern, let join):
                paths[place.name] = entry(root + "/" + folder, pattern, join)
            }
        }
        return paths
    }

    /// The path of an attribute's file, when there is such a file.
    func file(_ attribute: AcceleratorAttribute, in paths: [String: String]) -> String? {
        guard let folder = paths[attribute.place] else { return nil }
        switch attribute.source {
        case .file(let name): return folder + "/" + name
        case .sensor(let kind, let label, let item):
            let suffix = "_label"
            for name in (try? namesInFolder(folder)) ?? [] where name.hasPrefix(kind) && name.hasSuffix(suffix) {
                if text(folder + "/" + name) == label { return folder + "/\(name.dropLast(suffix.count))_\(item)" }
            }
            return nil
        }
    }

    /// By the class, because a driver may hang its chip on a device of its own below the card (nvme does).
    private func hwmon(named pattern: String) -> String? {
        let folder = root + "/class/hwmon"
        return ((try? namesInFolder(folder)) ?? []).sorted { number(in: $0) < number(in: $1) }
            .compactMap { resolved(folder + "/" + $0) }
            .first { $0.hasPrefix(card.path + "/") && matches(text($0 + "/name") ?? "", pattern: pattern) }
    }

    private func entry(_ folder: String, _ pattern: String, _ join: AcceleratorLayout.Place.Join) -> String? {
        let entries = ((try? namesInFolder(folder)) ?? []).filter { matches($0, pattern: pattern) }
        switch join {
        case .attribute(let file):
            return entries.map { folder + "/" + $0 }.first { text($0 + "/" + file) == card.address }
        case .path:
            return entries.compactMap { resolved(folder + "/" + $0) }
                .first { $0.split(separator: "/").contains(Substring(card.address)) }
        case .order:
            guard entries.count == siblings.count, let index = siblings.sorted().firstIndex(of: card.address)
            else { return nil }
            return folder + "/" + entries.sorted { number(in: $0) < number(in: $1) }[index]
        }
    }

    private func text(_ path: String) -> String? {
        guard let bytes = try? readFile(path, limit: 4096) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return String(text.prefix { $0 != "\n" && $0 != "\0" })
    }

    private func number(in name: String) -> Int {
        Int(name.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0
    }
}
