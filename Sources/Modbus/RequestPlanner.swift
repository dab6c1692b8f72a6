internal import Platform
internal import Site

/// One point as the planner sees it: the registers that must come in one answer.
struct PlannedPoint {
    var index: Int
    var table: RegisterTable
    var registers: Range<Int>
    var rate: PollRate
    var isAlone = false
}

/// One request and the points that it answers.
struct PlannedRequest: Equatable {
    var table: RegisterTable
    var registers: Range<Int>
    var rate: PollRate
    /// Indices into the unit's points.
    var points: [Int]
}

/// Makes few requests of many points: neighbours are read together, also across holes as far as the
/// machine allows it; slower points ride along where a faster request covers them anyway.
struct RequestPlanner {
    var manners: EquipmentManners
    var blocks: [RegisterBlock]
    /// Registers that must not be read over: the machine answered exception 2 to a request with them.
    var barriers: Set<Barrier> = []

    struct Barrier: Hashable {
        var table: RegisterTable
        var address: Int
    }

    func plan(_ points: [PlannedPoint]) -> [PlannedRequest] {
        var requests: [PlannedRequest] = []
        for rate in PollRate.allCases {
            for table in RegisterTable.allCases {
                let wanted = points.filter { $0.rate == rate && $0.table == table }
                    .sorted {
                        ($0.registers.lowerBound, $0.registers.upperBound, $0.index)
                            < ($1.registers.lowerBound, $1.registers.upperBound, $1.index)
                    }
                var rest: [PlannedPoint] = []
                for point in wanted where !rides(point, &requests) { rest.append(point) }
                requests += group(inBlocks(rest, table, rate, &requests), table, rate)
            }
        }
        return requests
    }

    /// Into a request that reads these registers anyway.
    private func rides(_ point: PlannedPoint, _ requests: inout [PlannedRequest]) -> Bool {
        if point.isAlone { return false }
        for i in requests.indices
        where requests[i].table == point.table && requests[i].registers.contains(point.registers) {
            requests[i].points.append(point.index)
            return true
        }
        return false
    }

    /// Points inside the map's own blocks get those requests; returns the others.
    private func inBlocks(
        _ points: [PlannedPoint], _ table: RegisterTable, _ rate: PollRate, _ requests: inout [PlannedRequest]
    ) -> [PlannedPoint] {
        var rest: [PlannedPoint] = []
        for point in points {
            let block = blocks.first { block in
                block.table == table && (block.address..<block.address + block.count).contains(point.registers)
            }
            guard let block, !point.isAlone else {
                rest.append(point)
                continue
            }
            let registers = block.address..<block.address + block.count
            if let i = requests.firstIndex(where: { $0.table == table && $0.registers == registers && $0.rate == rate })
            {
                requests[i].points.append(point.index)
            } else {
                requests.append(PlannedRequest(table: table, registers: registers, rate: rate, points: [point.index]))
            }
        }
        return rest
    }

    private func group(_ points: [PlannedPoint], _ table: RegisterTable, _ rate: PollRate) -> [PlannedRequest] {
        let most = table.holdsBits ? manners.bitsMax : manners.wordsMax
        // A hole of coils costs a sixteenth of a hole of registers.
        let holes = table.holdsBits ? manners.holesMax * 16 : manners.holesMax
        var requests: [PlannedRequest] = []
        var open: PlannedRequest?
        for point in points {
            let single = PlannedRequest(table: table, registers: point.registers, rate: rate, points: [point.index])
            if point.isAlone {
                requests.append(single)
                continue
            }
            guard var current = open else {
                open = single
                continue
            }
            let end = max(current.registers.upperBound, point.registers.upperBound)
            let hole = current.registers.upperBound..<max(current.registers.upperBound, point.registers.lowerBound)
            let fits = end - current.registers.lowerBound <= most && hole.count <= holes && !isBarred(hole, table)
            if fits {
                current.registers = current.registers.lowerBound..<end
                current.points.append(point.index)
                open = current
            } else {
                requests.append(current)
                open = single
            }
        }
        if let open { requests.append(open) }
        return requests
    }

    private func isBarred(_ hole: Range<Int>, _ table: RegisterTable) -> Bool {
        hole.contains { barriers.contains(Barrier(table: table, address: $0)) }
    }
}

extension PlannedRequest {
    /// Two requests for the same points, to find what in this one the machine refuses: cut at the widest
    /// hole, which is the likeliest cause, or in the middle. Nil: a single point. `hole` is what was cut out.
    func halves(_ points: [PlannedPoint]) -> (first: PlannedRequest, second: PlannedRequest, hole: Range<Int>)? {
        let mine = points.filter { self.points.contains($0.index) }
            .sorted { ($0.registers.lowerBound, $0.index) < ($1.registers.lowerBound, $1.index) }
        // Points on the same registers stand or fall together.
        var best: (cut: Int, hole: Range<Int>, score: Int)?
        var end = mine.first?.registers.upperBound ?? 0
        for cut in 1..<max(1, mine.count) {
            let next = mine[cut].registers
            if next.lowerBound >= end {
                let hole = end..<next.lowerBound
                // Wide holes first, then cuts near the middle.
                let score = hole.count * 10_000 - abs(mine.count - 2 * cut)
                if best == nil || score > (best?.score ?? 0) { best = (cut, hole, score) }
            }
            end = max(end, next.upperBound)
        }
        guard let best else { return nil }
        func request(_ part: ArraySlice<PlannedPoint>) -> PlannedRequest {
            let low = part.map(\.registers.lowerBound).min() ?? 0
            let high = part.map(\.registers.upperBound).max() ?? low
            return PlannedRequest(table: table, registers: low..<high, rate: rate, points: part.map(\.index))
        }
        return (request(mine[..<best.cut]), request(mine[best.cut...]), best.hole)
    }
}
