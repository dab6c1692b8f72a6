internal import Platform
internal import Site

/// More of one model is no machine but a typing error, and every point takes memory.
private let sunSpecInstancesMax = 32

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
            let models = fields.optional(
                "models", .list(of: .integer(1...65534)),
                "SunSpec models it carries, in its order; one named twice is read twice: battery.*, battery2.*")
            let writable = fields.optional(
                "write", .dictionary(key: .pointName, of: .writablePoint), default: [],
                "What may be written here: path: {min: ..., max: ..., every: 1min}; absent: nothing")
            guard let profile else { return nil }
            let carried = models.map { carriedPoints(profile, $0, fields) } ?? profile.points
            let points = carried.filter { point in
                (only.map { patterns in patterns.contains { $0.matches(point.path) } } ?? true)
                    && !except.contains { $0.matches(point.path) }
            }
            for pattern in (only ?? []) + except where !carried.contains(where: { pattern.matches($0.path) }) {
                fields.report(only == nil ? "except" : "only", "'\(pattern.text)' matches nothing in '\(profile.name)'")
            }
            if points.isEmpty { fields.report("only", "no points are left to read") }
            let allowed = writable.map { path, rule in
                check(path, rule, profile, carried, fields)
                return WritablePoint(path: path, limits: rule.limits, minimumInterval: rule.minimumInterval)
            }
            return ModbusUnit(
                name: "", title: title, unitID: unitID ?? profile.manners.unitID, profile: profile, intervals: own,
                timeout: timeout, gap: gap, points: points, writable: allowed)
        }
    }

    /// A machine may carry several of one model: of the second on, the first word of every path gets its number.
    private static func carriedPoints(
        _ profile: EquipmentProfile, _ models: [Int], _ fields: Fields
    ) -> [EquipmentPoint] {
        var points = profile.points.filter { $0.model.map(models.contains) ?? true }
        var seen = Set(points.map(\.path))
        for model in Set(models).sorted() {
            let count = models.count { $0 == model }
            let mine = profile.points.filter { $0.model == model }
            for instance in 1..<max(1, min(count, sunSpecInstancesMax)) {
                for var point in mine {
                    point.modelInstance = instance + 1
                    point.title += " \(instance + 1)"
                    let words = point.path.split(separator: ".", maxSplits: 1)
                    point.path = "\(words[0])\(instance + 1)" + (words.count > 1 ? ".\(words[1])" : "")
                    if !seen.insert(point.path).inserted {
                        fields.report("models", "two points have the path '\(point.path)'")
                    }
                    points.append(point)
                }
            }
            if count > sunSpecInstancesMax {
                fields.report("models", "model \(model): at most \(sunSpecInstancesMax) of one kind")
            }
        }
        return points
    }

    private static func check(
        _ path: String, _ rule: WritablePoint, _ profile: EquipmentProfile, _ points: [EquipmentPoint],
        _ fields: Fields
    ) {
        guard let point = points.first(where: { $0.path == path }), let write = point.write else {
            let known = points.filter { $0.write != nil }.map(\.path).joined(separator: ", ")
            fields.report(
                "write",
                "'\(path)' cannot be written in '\(profile.name)'"
                    + (known.isEmpty ? ": nothing can" : "; what can: \(known)"))
            return
        }
        if let mine = rule.limits, let limits = write.limits,
            mine.lowerBound < limits.lowerBound || mine.upperBound > limits.upperBound
        {
            fields.report("write", "'\(path)': the map allows \(limits.lowerBound) to \(limits.upperBound) only")
        }
    }
}

extension Shape where Value == EquipmentProfile {
    /// A profile's name, found in the library.
    static func equipmentProfile(_ library: HardwareLibrary) -> Shape {
        Shape<String>.word.then { name, node, faults in
            if let profile = library.equipment[name] { return profile }
            let near = library.equipmentNames.min {
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

extension Shape where Value == WritablePoint {
    static var writablePoint: Shape {
        .object("a write permission") { fields in
            let low = fields.optional("min", .number(), "Least value allowed here")
            let high = fields.optional("max", .number(), "Greatest value allowed here")
            let every = fields.optional(
                "every", .duration(.zero ... .seconds(86_400)), default: .seconds(10), "Least time between two changes")
            if (low == nil) != (high == nil) { fields.report("min", "'min' and 'max' go together") }
            var limits: ClosedRange<Double>?
            if let low, let high {
                if low > high { fields.report("min", "'min' is above 'max'") } else { limits = low...high }
            }
            return WritablePoint(path: "", limits: limits, minimumInterval: every)
        }
    }
}
