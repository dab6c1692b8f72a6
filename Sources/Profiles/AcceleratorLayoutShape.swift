internal import Platform
internal import Site

/// One file of Hardware/accelerators, before what it includes is put in.
struct AcceleratorLayoutFile {
    var layout: AcceleratorLayout
    var includes: [String]
    var position: FilePosition
}

extension HardwareLibrary {
    /// Every layout of Hardware/accelerators, with what it includes.
    static func acceleratorLayouts(_ folder: String, _ faults: FaultCollector) -> [AcceleratorLayout] {
        let names = names(folder, "accelerators", faults)
        let files = profiles(folder, "accelerators", names, { .acceleratorLayout($0) }, faults).map(\.profile)
        return files.map { file in
            var layout = file.layout
            for name in file.includes {
                guard let included = files.first(where: { $0.layout.name == name }) else {
                    faults.report(file.position, "includes '\(name)', and there is no such layout beside it")
                    continue
                }
                layout.include(included.layout)
            }
            for attribute in layout.attributes
            where !["device", "port"].contains(attribute.place)
                && !layout.places.contains(where: { $0.name == attribute.place })
            {
                faults.report(
                    file.position,
                    "attribute '\(attribute.title)' is at '\(attribute.place)', and no place has that name")
            }
            return layout
        }
    }
}

extension AcceleratorLayout {
    /// What this layout says itself comes first; an included attribute of the same point is left out.
    fileprivate mutating func include(_ other: AcceleratorLayout) {
        let own = attributes
        let hasRequired = own.contains(where: \.isRequired)
        attributes += other.attributes.compactMap { included in
            if !included.point.isEmpty, own.contains(where: { $0.point == included.point }) { return nil }
            // Where the vendor says itself whether the card lives, the bus alone need not.
            var included = included
            if hasRequired { included.isRequired = false }
            return included
        }
        kernelLog += other.kernelLog
        places += other.places.filter { included in !places.contains { $0.name == included.name } }
    }
}

extension Shape where Value == AcceleratorLayoutFile {
    static func acceleratorLayout(_ name: String) -> Shape {
        .object("an accelerator layout") { fields in
            let title = fields.required("title", .text, "The family of cards, as people call it")
            let vendor = fields.required("vendor", .text, "Who makes them")
            let cards = fields.optional(
                "cards", .list(of: .acceleratorMatch), default: [], "Which cards on the PCI bus are read by this layout"
            )
            let drivers = fields.optional(
                "drivers", .list(of: .text), default: [], "Kernel drivers that should be bound; none named: any")
            let includes = fields.optional(
                "include", .list(of: .text), default: [], "Layouts whose attributes and log lines hold here too")
            let telemetry = fields.optional(
                "telemetry", .flag, default: true,
                "False where the vendor shows its state only through ioctls: health then rests on the bus alone")
            let places = fields.optional(
                "places", .dictionary(of: .acceleratorPlace), default: [], "Folders that belong to a card")
            let attributes = fields.optional(
                "attributes", .list(of: .acceleratorAttribute), default: [], "The files, and what they mean")
            let log = fields.optional(
                "kernel-log", .list(of: .acceleratorLogPattern), default: [],
                "Lines of the kernel log that concern a card")
            guard let title, let vendor else { return nil }
            let layout = AcceleratorLayout(
                name: name, title: title, vendor: vendor, matches: cards, drivers: drivers,
                places: places.map { AcceleratorLayout.Place(name: $0.key, kind: $0.value) }, attributes: attributes,
                kernelLog: log, hasVendorTelemetry: telemetry)
            return AcceleratorLayoutFile(layout: layout, includes: includes, position: fields.position(of: "include"))
        }
    }
}

extension Shape where Value == AcceleratorLayout.Match {
    static var acceleratorMatch: Shape {
        .object("a card's ids") { fields in
            let vendor = fields.required("vendor", .integer(0...0xFFFF), "PCI vendor id")
            let devices = fields.optional(
                "devices", .list(of: .integer(0...0xFFFF)), default: [], "PCI device ids; none named: by class")
            let classes = fields.optional(
                "classes", .list(of: .integer(0...0xFFFF)), default: [],
                "Upper 16 bits of the PCI class code (0x1200 is a processing accelerator)")
            let every = fields.optional(
                "every-device", .flag, default: false,
                "The vendor makes nothing else: every device of it is such a card")
            let model = fields.required("model", .text, "The model, as people call it")
            if !every, devices.isEmpty && classes.isEmpty && fields.has("vendor") {
                fields.report(
                    "vendor", "names neither devices nor classes: say every-device: true if all of the vendor are meant"
                )
            }
            guard let vendor, let model else { return nil }
            return AcceleratorLayout.Match(vendorID: vendor, deviceIDs: devices, classes: classes, model: model)
        }
    }
}

extension Shape where Value == AcceleratorLayout.Place.Kind {
    static var acceleratorPlace: Shape {
        .object("a place") { fields in
            let hwmon = fields.optional(
                "hwmon", .text, "The hwmon chip below the card whose name is this (* stands for any)")
            let folder = fields.optional("folder", .relativePath, "A class folder below sysfs: class/rngd_mgmt")
            let entry = fields.optional("entry", .text, "The entry's name in it; * stands for a number")
            let join = fields.optional("join", .acceleratorJoin, "What ties the entry to its card")
            if let hwmon, folder == nil, entry == nil, join == nil { return .hwmon(name: hwmon) }
            if hwmon == nil, let folder, let entry, let join {
                return .entry(folder: folder, pattern: entry, join: join)
            }
            fields.report("hwmon", "a place is either 'hwmon', or 'folder', 'entry' and 'join' together")
            return nil
        }
    }
}

extension Shape where Value == AcceleratorLayout.Place.Join {
    static var acceleratorJoin: Shape {
        .scalar(
            .string(pattern: "^(path|order|file:.+)$"),
            expected: "path, order, or file:NAME (the file that holds the PCI address)"
        ) { text in
            switch text {
            case "path": .path
            case "order": .order
            case _ where text.hasPrefix("file:") && text.count > 5: .attribute(String(text.dropFirst(5)))
            default: nil
            }
        }
    }
}

extension Shape where Value == String {
    /// A path that stays below the folder it is joined to.
    static var relativePath: Shape {
        .scalar(.string(pattern: "^[^/]", minLength: 1), expected: "a path below the folder, without '..'") { text in
            let words = text.split(separator: "/", omittingEmptySubsequences: false)
            return words.allSatisfy { !$0.isEmpty && $0 != ".." && $0 != "." } ? text : nil
        }
    }
}

extension Shape where Value == AcceleratorLayout.LogPattern {
    static var acceleratorLogPattern: Shape {
        .object("a kernel log line") { fields in
            let line = fields.required(
                "line", .text, "Literal text; {address} stands for a PCI address, {code} for a number, * for anything")
            let codes = fields.optional(
                "codes", .list(of: .integer(0...1_000_000)), default: [], "Codes for which this holds; none named: all")
            let verdict = fields.verdict()
            guard let line, let verdict else { return nil }
            return AcceleratorLayout.LogPattern(text: line, codes: codes, verdict: verdict)
        }
    }
}

extension Fields {
    /// The four keys that say what a fault amounts to.
    func verdict() -> Verdict? {
        let code = required("code", .pointName, "A stable word for programs: temperature.hot")
        let text = required("text", .text, "One sentence for people")
        let health = optional("health", .acceleratorHealth, default: .degraded, "What the card's health becomes")
        let action = optional("action", .acceleratorAction, default: .observe, "What a person should do")
        guard let code, let text else { return nil }
        return Verdict(code: code, text: text, health: health, action: action)
    }
}

extension Shape where Value == AcceleratorHealth {
    static var acceleratorHealth: Shape { .choice(AcceleratorHealth.allCases.map { ($0.text, $0) }) }
}

extension Shape where Value == Verdict.Action {
    static var acceleratorAction: Shape { .choice(Verdict.Action.allCases.map { ($0.rawValue, $0) }) }
}
