internal import Platform
internal import Site

extension Shape where Value == AcceleratorsPlan {
    /// The site file's `accelerators` section.
    static func accelerators(_ library: HardwareLibrary) -> Shape {
        .object("accelerators") { fields in
            var plan = AcceleratorsPlan()
            plan.isPresent = true
            plan.layouts = library.accelerators
            plan.root = fields.optional("root", .text, default: "/sys", "Where sysfs is")
            plan.listensToUevents = fields.optional(
                "uevents", .flag, default: plan.root == "/sys", "Listen to the kernel's hot-plug messages")
            let log = fields.optional(
                "kernel-log", .text, default: plan.root == "/sys" ? "/dev/kmsg" : "off",
                "The kernel log to follow, or off")
            plan.kernelLog = log == "off" ? nil : log
            // Where nobody tells that a card came or went, it is looked for more often.
            if !plan.listensToUevents { plan.intervals.rescan = .seconds(2) }
            plan.intervals = fields.optional(
                "intervals", .acceleratorIntervals(plan.intervals), default: plan.intervals,
                "How often each tier is read")
            plan.deadline = fields.optional(
                "deadline", .duration(.milliseconds(50)...(.seconds(60))), default: plan.deadline,
                "A read that takes longer marks its card unresponsive")
            plan.slowRead = fields.optional(
                "slow-read", .duration(.milliseconds(1)...(.seconds(10))), default: plan.slowRead,
                "A file that takes longer three times is read ten times less often")
            let limits = fields.optional(
                "limits", .list(of: .acceleratorLimit), default: [], "Limits that replace those of the layouts")
            let cards = fields.optional(
                "cards", .list(of: .expectedAccelerator, atMost: 64), default: [], "The cards that should be there")
            let spares = fields.optional(
                "spares", .integer(0...16), default: 2, "Names kept free for cards that nobody expected: spare1, spare2"
            )
            plan.spares = spares == 0 ? [] : (1...spares).map { "spare\($0)" }
            plan.allowsPowerCap = fields.optional(
                "power-caps", .flag, default: false, "Whether power caps may be written, through the guard")
            plan.canaryInterval = fields.optional(
                "canary", .duration(.seconds(1)...(.seconds(604_800))),
                "How often each lane is asked the known question of its model (canary: in model.yaml); not set: never")
            plan.expected = cards.compactMap { resolve($0, limits, library, fields) }
            reportTwins(plan.expected, fields)
            plan.definePoints(generic: library.accelerators.first { $0.name == "pci" })
            return plan
        }
    }
}

private func resolve(
    _ card: ExpectedCardFile, _ siteLimits: [LimitFile], _ library: HardwareLibrary, _ fields: Fields
) -> ExpectedAccelerator? {
    guard var layout = library.accelerators.first(where: { $0.name == card.layout }) else {
        let known = library.accelerators.map(\.name).joined(separator: ", ")
        fields.report("cards", "card '\(card.name)': no layout '\(card.layout)'; known here: \(known)")
        return nil
    }
    for limit in siteLimits + card.limits {
        // A site-wide limit need not concern every layout; a card's own must.
        if !layout.replaceLimit(limit), card.limits.contains(limit) {
            fields.report(
                "cards", "card '\(card.name)': layout '\(layout.name)' has no check '\(limit.code)' on '\(limit.point)'"
            )
        }
    }
    return ExpectedAccelerator(
        name: card.name, layout: layout, slot: card.slot, address: card.address, serial: card.serial)
}

private func reportTwins(_ cards: [ExpectedAccelerator], _ fields: Fields) {
    for (index, card) in cards.enumerated() {
        let earlier = cards[..<index]
        if earlier.contains(where: { $0.name == card.name }) {
            fields.report("cards", "two cards are named '\(card.name)'")
        }
        if let address = card.address, earlier.contains(where: { $0.address == address }) {
            fields.report("cards", "two cards are expected at \(address)")
        }
        if let serial = card.serial, earlier.contains(where: { $0.serial == serial }) {
            fields.report("cards", "two cards have serial \(serial)")
        }
        if card.name == AcceleratorsPlan.roomName || card.name.hasPrefix("spare") {
            fields.report("cards", "the name '\(card.name)' is used by the agent itself")
        }
    }
}

/// An entry of `cards` before its layout is looked up.
struct ExpectedCardFile {
    var name: String
    var layout: String
    var slot: String?
    var address: String?
    var serial: String?
    var limits: [LimitFile]
}

struct LimitFile: Equatable {
    var point: String
    var code: String
    var limit: Double
    var clear: Double?
}

extension AcceleratorLayout {
    /// False when no check of that code stands on that point.
    fileprivate mutating func replaceLimit(_ limit: LimitFile) -> Bool {
        var found = false
        for a in attributes.indices where attributes[a].point == limit.point {
            for c in attributes[a].checks.indices where attributes[a].checks[c].verdict.code == limit.code {
                switch attributes[a].checks[c].rule {
                case .above(_, _, let count, let window):
                    attributes[a].checks[c].rule = .above(
                        limit: limit.limit, clear: limit.clear ?? limit.limit, count: count, window: window)
                case .below(_, _, let count, let window):
                    attributes[a].checks[c].rule = .below(
                        limit: limit.limit, clear: limit.clear ?? limit.limit, count: count, window: window)
                case .rises(_, let hold): attributes[a].checks[c].rule = .rises(perMinute: limit.limit, hold: hold)
                case .movesWithin: attributes[a].checks[c].rule = .movesWithin(Nanoseconds(seconds: limit.limit))
                case .frozenFor: attributes[a].checks[c].rule = .frozenFor(Nanoseconds(seconds: limit.limit))
                }
                found = true
            }
        }
        return found
    }
}

extension Shape where Value == ExpectedCardFile {
    static var expectedAccelerator: Shape {
        .object("a card") { fields in
            let name = fields.required("name", .word, "The first word of its points: npu0")
            let layout = fields.required("layout", .text, "A file of Hardware/accelerators, without .yaml")
            let slot = fields.optional("slot", .text, "What is written on the chassis beside it")
            let address = fields.optional("address", .pciAddress, "Where it is on the bus: 0000:c3:00.0")
            let serial = fields.optional("serial", .text, "Its serial number: found by it wherever it is plugged")
            let limits = fields.optional(
                "limits", .list(of: .acceleratorLimit), default: [], "Limits that replace those of the layout")
            guard let name, let layout else { return nil }
            return ExpectedCardFile(
                name: name, layout: layout, slot: slot, address: address, serial: serial, limits: limits)
        }
    }
}

extension Shape where Value == LimitFile {
    static var acceleratorLimit: Shape {
        .object("a limit") { fields in
            let point = fields.required("point", .pointName, "The point after the card's name: temperature.soc")
            let code = fields.required("code", .pointName, "The check's code: temperature.hot")
            let limit = fields.required("limit", .number(), "The new limit (seconds, for checks of movement)")
            let clear = fields.optional("clear", .number(), "Well again from here")
            guard let point, let code, let limit else { return nil }
            return LimitFile(point: point, code: code, limit: limit, clear: clear)
        }
    }
}

extension Shape where Value == AcceleratorsPlan.Intervals {
    static func acceleratorIntervals(_ usual: AcceleratorsPlan.Intervals) -> Shape {
        .object("intervals") { fields in
            var intervals = usual
            intervals.liveness = fields.optional(
                "liveness", .duration(.milliseconds(20)...(.seconds(60))), default: intervals.liveness,
                "Is it alive, does its heart beat")
            intervals.fast = fields.optional(
                "fast", .duration(.milliseconds(20)...(.seconds(60))), default: intervals.fast, "Temperature and power")
            intervals.slow = fields.optional(
                "slow", .duration(.milliseconds(20)...(.seconds(3600))), default: intervals.slow,
                "Link and error counters")
            intervals.rescan = fields.optional(
                "rescan", .duration(.milliseconds(20)...(.seconds(3600))), default: intervals.rescan,
                "The bus is looked over again, besides the kernel's own messages")
            return intervals
        }
    }
}

extension Shape where Value == String {
    static var absolutePath: Shape {
        .scalar(.string(pattern: "^(/|run:)"), expected: "a path that begins with /") { $0.hasPrefix("/") ? $0 : nil }
    }

    /// "0000:c3:00.0"
    static var pciAddress: Shape {
        .scalar(
            .string(pattern: "^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]$"),
            expected: "a PCI address such as 0000:c3:00.0, in small letters"
        ) { isPCIAddress($0) ? $0 : nil }
    }
}
