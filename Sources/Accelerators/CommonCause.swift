internal import Platform
internal import Site

/// All cards hot at once is the cooling's fault, not theirs: one finding, not eight.
struct CommonCause {
    private(set) var isActive = false
    private(set) var since = WallTime(milliseconds: 0)
    private(set) var hotCards: [String] = []

    /// Two cards may be hot by chance; of more, three quarters (a card in a cool corner stays cool).
    private static let cardsMin = 2
    private static let share = 0.75

    /// True when it began or ended.
    mutating func update(_ slots: [CardSlot], _ now: Moment) -> Bool {
        let measuring = slots.filter { slot in
            slot.record?.hasTemperature ?? false
        }
        let hot = measuring.filter { $0.findings.contains(prefix: "temperature.") }
        let isCommon = hot.count >= Self.cardsMin && Double(hot.count) >= Self.share * Double(measuring.count)
        defer { isActive = isCommon }
        if isCommon { hotCards = hot.map(\.name) }
        if isCommon == isActive { return false }
        since = now.wall
        return true
    }
}
