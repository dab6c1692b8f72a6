internal import Platform
internal import Site

/// Which cards the tree shows, where they sit and where the tree is: as the site expects them.
struct SiteCards {
    var kinds: [AcceleratorKind]
    var addresses: [String]
    var root: String

    init(_ plan: SitePlan, _ options: Options) {
        let cards = plan.accelerators
        root = cards.isPresent && cards.root != "/sys" ? cards.root : options.runFolder + "/sys"
        let expected = cards.expected.compactMap { card in
            AcceleratorKind(card.layout).map { (kind: $0, address: card.address) }
        }
        if let chosen = options.accelerators {
            kinds = chosen
            addresses = chosen.indices.map(SiteCards.address)
        } else if expected.isEmpty {
            kinds = Simulation.usualAccelerators
            addresses = kinds.indices.map(SiteCards.address)
        } else {
            kinds = expected.map(\.kind)
            addresses = expected.enumerated().map { $1.address ?? SiteCards.address($0) }
        }
    }

    /// Buses from 0x41 on, one card each, as behind root ports.
    static func address(_ index: Int) -> String { "0000:\(hex(0x41 + index, 2)):00.0" }
}

extension AcceleratorKind {
    /// The kind that a layout of the hardware library is for, by its name or by the ids that it matches.
    init?(_ layout: AcceleratorLayout) {
        if let kind = AcceleratorKind(rawValue: layout.name) {
            self = kind
            return
        }
        let known = AcceleratorKind.allCases.first { kind in
            layout.match(vendorID: kind.pci.vendor, deviceID: kind.pci.device, classCode: kind.pci.classCode) != nil
        }
        guard let known else { return nil }
        self = known
    }
}

extension SecurityLine {
    /// The site's zones as wires: a supervised zone has two.
    static func lines(of plan: SitePlan) -> [SecurityLine] {
        if plan.security.isEmpty { return usual }
        return plan.security.zones.flatMap { zone in
            let kind = Kind(rawValue: zone.kind.rawValue) ?? .contact
            let states: [ZoneState] = [.normal, .alarm, .short, .open]
            var wires = [
                SecurityLine(
                    name: plan.security.lines[zone.line].name, zone: zone.name, kind: kind,
                    levels: states.map(zone.isHigh))
            ]
            if let complement = zone.complement {
                wires.append(
                    SecurityLine(
                        name: plan.security.lines[complement].name, zone: zone.name, kind: kind,
                        levels: states.map(zone.isComplementHigh)))
            }
            return wires
        }
    }

    static func socket(of plan: SitePlan) -> String? {
        if case .simulated(let socket) = plan.security.source { socket } else { nil }
    }
}
