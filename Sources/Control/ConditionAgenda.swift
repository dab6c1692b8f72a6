internal import Platform
internal import Site

/// Which conditions a step looks at: those whose points are news, those that wait for a time, and those
/// that count or rest on one of these. By rank, causes and members before what rests on them, so that one
/// pass is enough; the work is in proportion to the news, and nothing is allocated.
struct ConditionAgenda: Sendable {
    private let order: [Int]
    private let ranks: [Int]
    /// For each slot the ranks of the conditions that read it, one list behind the other.
    private let readers: [Int32]
    private let readersStart: [Int32]
    /// For each condition the ranks of those that count it.
    private let counters: [[Int]]
    private var marks: NumberSet
    private var timed: NumberSet
    private var word = 0

    init(slots: [[Int]], members: [[Int]], parents: [[Int]], slotCount: Int) {
        let depths = ConditionAgenda.depths(zip(members, parents).map { $0 + $1 })
        let order = slots.indices.sorted { (depths[$0], $0) < (depths[$1], $1) }
        var ranks = Array(repeating: 0, count: order.count)
        for (rank, index) in order.enumerated() { ranks[index] = rank }
        var lists = Array(repeating: [Int32](), count: slotCount)
        for (index, read) in slots.enumerated() {
            for slot in read where slot >= 0 { lists[slot].append(Int32(ranks[index])) }
        }
        var start: [Int32] = [0]
        for list in lists { start.append((start.last ?? 0) + Int32(list.count)) }
        var counters = Array(repeating: [Int](), count: order.count)
        for (index, counted) in members.enumerated() {
            for member in counted { counters[member].append(ranks[index]) }
        }
        self.order = order
        self.ranks = ranks
        self.counters = counters
        readers = lists.flatMap { $0 }
        readersStart = start
        marks = NumberSet(order.count)
        timed = NumberSet(order.count)
    }

    /// How many causes and members deep each condition stands.
    private static func depths(_ below: [[Int]]) -> [Int] {
        var depths = Array(repeating: 0, count: below.count)
        // A chain is never longer than this, and the site file has no rings; a ring here just ends.
        for _ in 0..<8 {
            for index in below.indices {
                for other in below[index] { depths[index] = max(depths[index], min(8, depths[other] + 1)) }
            }
        }
        return depths
    }

    /// `changed`: the slots that are news; nil: all of them.
    mutating func begin(_ changed: [Int]?) {
        word = 0
        guard let changed else { return marks.insertAll() }
        for slot in changed {
            for place in readersStart[slot]..<readersStart[slot + 1] { marks.insert(Int(readers[Int(place)])) }
        }
        marks.formUnion(timed)
    }

    mutating func mark(_ index: Int) { marks.insert(ranks[index]) }

    /// The next condition of this step; nil at its end.
    mutating func next() -> Int? { marks.popFirst(from: &word).map { order[$0] } }

    /// It waits for a time, or no longer does.
    mutating func wait(_ index: Int, _ waits: Bool) {
        if waits { timed.insert(ranks[index]) } else { timed.remove(ranks[index]) }
    }

    /// It stands, or no longer does: who counts it is looked at in the same step.
    mutating func standingChanged(_ index: Int) {
        for rank in counters[index] { marks.insert(rank) }
    }
}

/// Small whole numbers, one bit each, in rising order.
struct NumberSet: Sendable {
    private var words: [UInt64]
    private let last: UInt64

    /// Numbers below `limit`.
    init(_ limit: Int) {
        words = Array(repeating: 0, count: (limit + 63) / 64)
        last = limit % 64 == 0 ? .max : UInt64(1) << UInt64(limit % 64) - 1
    }

    mutating func insert(_ number: Int) { words[number >> 6] |= 1 << UInt64(number & 63) }
    mutating func remove(_ number: Int) { words[number >> 6] &= ~(1 << UInt64(number & 63)) }
    func contains(_ number: Int) -> Bool { words[number >> 6] >> UInt64(number & 63) & 1 == 1 }

    mutating func insertAll() {
        for word in words.indices { words[word] = .max }
        if !words.isEmpty { words[words.count - 1] = last }
    }

    mutating func formUnion(_ other: NumberSet) {
        for word in words.indices { words[word] |= other.words[word] }
    }

    /// The least number at or after the word `word`, taken out; `word` follows.
    mutating func popFirst(from word: inout Int) -> Int? {
        while word < words.count {
            let bits = words[word]
            if bits != 0 {
                words[word] = bits & (bits &- 1)
                return word << 6 + bits.trailingZeroBitCount
            }
            word += 1
        }
        return nil
    }

    /// The least number not below `start`.
    func next(from start: Int) -> Int? {
        var word = start >> 6
        guard word < words.count else { return nil }
        var bits = words[word] & (UInt64.max << UInt64(start & 63))
        while bits == 0 {
            word += 1
            guard word < words.count else { return nil }
            bits = words[word]
        }
        return word << 6 + bits.trailingZeroBitCount
    }
}
