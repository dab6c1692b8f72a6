internal import Platform
internal import Site

extension Shape where Value == ModbusUnit {
    static func modbusUnit(_ library: HardwareLibrary, _ intervals: PollIntervals) -> Shape {
        .object("a unit") { fields in
            let profile = fields.required("profile", .equipmentProfile(library), "A file under Hardware/equipment")
            let title = fields.optional("title", .text, default: "", "What people call this machine")
            let unitID = fields.optional("unit", .integer(0...255), "Unit id; otherwise the map's factory setting")
            let own = fields.optional("intervals", .pollIntervals(intervals), default: intervals)
            let timeout = fields.optional("timeout", .duration(.milliseconds(20) ... .seconds(30)))
            let gap = fields.optional("gap", .duration(.zero ... .seconds(10)), "Silence before each request")
            let only = fields.optional("only", .list(of: .pathPattern), "Paths to read, * for any: battery.*")
            let except = fields.optional("except", .list(of: .pathPattern), default: [], "Paths not to read")
            let models = fields.optional("models", .list(of: .integer(1...65534)), "SunSpec models it carries")
            guard let profile else { return nil }
            let points = profile.points.filter { point in
                (only.map { patterns in patterns.contains { $0.matches(point.path) } } ?? true)
                    && !except.contains { $0.matches(point.path) }
                    && (models.map { $0.contains(point.model ?? -1) || point.model == nil } ?? true)
            }
            for pattern in (only ?? []) + except where !profile.points.contains(where: { pattern.matches($0.path) }) {
                fields.report(only == nil ? "except" : "only", "'\(pattern.text)' matches nothing in '\(profile.name)'")
            }
            if points.isEmpty { fields.report("only", "no points are left to read") }
            return ModbusUnit(
                name: "", title: title, unitID: unitID ?? profile.manners.unitID, profile: profile, intervals: own,
                timeout: timeout, gap: gap, points: points)
        }
    }
}

extension Shape where Value == EquipmentProfile {
    /// A profile's name, found in the library.
    static func equipmentProfile(_ library: HardwareLibrary) -> Shape {
        Shape<String>.word.then { name, node, faults in
            if let profile = library.equipment[name] { return profile }
            let near = library.equipment.keys.min {
                (editDistance($0, name), $0) < (editDistance($1, name), $1)
            }
            faults.report(
                node.position,
                "no map '\(name)' in \(library.folder)/equipment"
                    + (near.map { "; the nearest name is '\($0)'" } ?? ""))
            return nil
        }
    }
}

/// A path in which `*` stands for any run of characters.
struct PathPattern {
    let text: String

    func matches(_ path: String) -> Bool { PathPattern.matches(Array(text.utf8)[...], Array(path.utf8)[...]) }

    private static func matches(_ pattern: ArraySlice<UInt8>, _ path: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        if first == UInt8(ascii: "*") {
            return matches(pattern.dropFirst(), path) || (!path.isEmpty && matches(pattern, path.dropFirst()))
        }
        return path.first == first && matches(pattern.dropFirst(), path.dropFirst())
    }
}

extension Shape where Value == PathPattern {
    static var pathPattern: Shape {
        .scalar(.string(pattern: "^[a-z0-9.*-]+$"), expected: "a path, with * for any") { text in
            let stars = text.utf8.count { $0 == UInt8(ascii: "*") }
            // Three stars: more would only make matching slow.
            guard stars <= 3, !text.isEmpty else { return nil }
            return PathPattern(text: text)
        }
    }
}
