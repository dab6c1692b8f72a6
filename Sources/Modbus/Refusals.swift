internal import Platform
internal import Site

/// A machine says no to a request: which of its registers does it mean?
extension BusEngine {
    /// Refused points are asked again every hour: firmware is updated, options are fitted.
    static let probationInterval = Nanoseconds.seconds(3600)

    func refuse(_ unit: PolledUnit, _ index: Int, _ code: UInt8) {
        let request = unit.requests[index]
        let points = request.planned.points
        if code == 10 || code == 11 {
            return failed(unit, points, exceptionReason(code), exceptionWords(code))
        }
        answered(unit)
        if request.isProbation { return }
        unit.lastError = "\(exceptionWords(code)): \(request.pdu.words)"
        // An old exception may be meant for an old request: nothing is concluded until in step again.
        let isCertain = unit.line.owesNothing
        switch code {
        case 1 where isCertain: ban(unit, points, code)
        case 2 where isCertain, 3 where isCertain:
            if let halves = request.planned.halves(unit.plannedPoints) {
                cut(unit, index, halves)
            } else {
                ban(unit, points, code)
            }
        default: for point in points { publishBad(unit, point, .failed, exceptionReason(code), detail: UInt16(code)) }
        }
    }

    private func cut(
        _ unit: PolledUnit, _ index: Int, _ halves: (first: PlannedRequest, second: PlannedRequest, hole: Range<Int>)
    ) {
        let now = time.now().monotonic
        let interval = unit.requests[index].interval
        for address in halves.hole { unit.barriers.insert(.init(table: halves.first.table, address: address)) }
        unit.requests[index] = PolledRequest(planned: halves.first, interval: interval, due: now)
        unit.requests.append(PolledRequest(planned: halves.second, interval: interval, due: now))
    }

    /// These points, and no others, are what the machine does not have.
    private func ban(_ unit: PolledUnit, _ points: [Int], _ code: UInt8) {
        let now = time.now().monotonic
        for point in points {
            unit.refused.insert(point)
            publishBad(unit, point, .unsupported, exceptionReason(code), detail: UInt16(code))
            guard let place = unit.places[point] else { continue }
            for address in place.registers { unit.barriers.insert(.init(table: place.table, address: address)) }
        }
        guard let first = points.first, let place = unit.places[first] else { return }
        let names = points.map { unit.plan.pointName(unit.plan.points[$0]) }.joined(separator: ", ")
        let text = "\(names): \(exceptionWords(code)) (\(place.table.rawValue) \(place.registers.lowerBound))"
        unit.lastError = text
        tell(.unitChanged, .notice, unit.plan.name, "\(text); asked again hourly")
        unit.makeRequests(first: now)
        let low = points.compactMap { unit.places[$0]?.registers.lowerBound }.min() ?? place.registers.lowerBound
        let high = points.compactMap { unit.places[$0]?.registers.upperBound }.max() ?? place.registers.upperBound
        let planned = PlannedRequest(
            table: place.table, registers: low..<high, rate: .slow, points: points)
        unit.requests.append(
            PolledRequest(
                planned: planned, interval: BusEngine.probationInterval, due: now + BusEngine.probationInterval,
                isProbation: true))
    }

    /// A refused request was answered after all.
    func accept(_ unit: PolledUnit, _ index: Int) {
        let points = unit.requests[index].planned.points
        unit.requests.remove(at: index)
        for point in points {
            unit.refused.remove(point)
            guard let place = unit.places[point] else { continue }
            for address in place.registers { unit.barriers.remove(.init(table: place.table, address: address)) }
        }
        unit.makeRequests(first: time.now().monotonic)
    }
}
