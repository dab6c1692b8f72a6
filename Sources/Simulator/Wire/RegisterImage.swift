internal import Site

/// What a machine's registers hold: for each table a few runs of addresses. What lies in no run does
/// not exist, and a request that touches it gets exception 2, as from the real machine.
final class RegisterImage {
    struct Run {
        let start: Int
        /// Bits are words of 0 or 1.
        var words: [UInt16]
        var end: Int { start + words.count }
    }

    private var runs: [RegisterTable: [Run]] = [:]

    /// Makes room for these address ranges; those that touch, or that a hole of at most `holesMax`
    /// separates, become one run whose holes read as 0.
    init(_ ranges: [(table: RegisterTable, addresses: Range<Int>)], holesMax: Int) {
        for table in RegisterTable.allCases {
            var merged: [Range<Int>] = []
            for range in ranges.filter({ $0.table == table }).map(\.addresses).sorted(by: {
                $0.lowerBound < $1.lowerBound
            }) {
                if let last = merged.last, range.lowerBound <= last.upperBound + holesMax {
                    merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
                } else {
                    merged.append(range)
                }
            }
            runs[table] = merged.map { Run(start: $0.lowerBound, words: [UInt16](repeating: 0, count: $0.count)) }
        }
    }

    func runIndex(_ table: RegisterTable, holding address: Int) -> Int? {
        guard let runs = runs[table] else { return nil }
        // The last run that begins at or before the address.
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        return low > 0 && address < runs[low - 1].end ? low - 1 : nil
    }

    func run(_ table: RegisterTable, _ index: Int) -> Run? {
        guard let runs = runs[table], runs.indices.contains(index) else { return nil }
        return runs[index]
    }

    subscript(table: RegisterTable, address: Int) -> UInt16 {
        get {
            guard let index = runIndex(table, holding: address), let run = run(table, index) else { return 0 }
            return run.words[address - run.start]
        }
        set {
            guard let index = runIndex(table, holding: address), let start = runs[table]?[index].start else { return }
            runs[table]?[index].words[address - start] = newValue
        }
    }

    /// Stores what libmodbus wrote into a run.
    func replace(_ table: RegisterTable, _ index: Int, with words: [UInt16]) {
        runs[table]?[index].words = words
    }

    var registerCount: Int { runs.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.words.count } } }
}
