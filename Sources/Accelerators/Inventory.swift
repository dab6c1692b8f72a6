internal import Site

/// Which card on the bus is which expected one. By serial, then by address, then by kind: never by the
/// driver's numbering, which changes when a card is missing at boot.
enum Inventory {
    struct Seen {
        var address: String
        var serial: String?
        var layout: String
        /// False while its serial has not been asked for yet.
        var isIdentified: Bool
    }

    /// For each seen card the expected one it is; nil: nobody expected it, or it is too early to say.
    static func assign(_ seen: [Seen], _ expected: [ExpectedAccelerator]) -> [Int?] {
        var result: [Int?] = seen.map { _ in nil }
        var isTaken = expected.map { _ in false }
        func take(_ rule: (Seen, ExpectedAccelerator) -> Bool) {
            for s in seen.indices where result[s] == nil {
                guard let e = expected.indices.first(where: { !isTaken[$0] && rule(seen[s], expected[$0]) })
                else { continue }
                result[s] = e
                isTaken[e] = true
            }
        }
        take { card, wanted in wanted.serial != nil && card.serial == wanted.serial }
        // A slot whose card is known by serial keeps waiting for that card until the serials are read.
        take { card, wanted in card.address == wanted.address && (wanted.serial == nil || card.isIdentified) }
        take { card, wanted in
            wanted.address == nil && card.layout == wanted.layout.name && card.isIdentified
                && (wanted.serial == nil || card.serial == nil)
        }
        return result
    }
}
