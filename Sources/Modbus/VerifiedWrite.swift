internal import Platform
internal import Site

/// A write that was sent and waits for the machine to settle before it is believed.
struct PendingReadBack {
    var unit: PolledUnit
    var point: Int
    var rule: WriteRule
    var command: WriteCommand
    var registers: [UInt16]
    /// What the machine said to the write itself; nil: it acknowledged.
    var trouble: String?
    var due: MonotonicTime
    var attempt = 1
    var answer: @Sendable (WriteOutcome) -> Void
}

extension BusEngine {
    /// The frames of a change, in the order that the map prescribes.
    static func requests(for registers: [UInt16], _ point: EquipmentPoint, _ rule: WriteRule, address: Int)
        -> [RequestPDU]
    {
        func companion(_ companion: WriteRule.Companion) -> RequestPDU {
            switch companion.function {
            case .singleCoil: .writeCoil(address: companion.address, companion.raw != 0)
            case .coils: .writeCoils(address: companion.address, [companion.raw != 0])
            case .singleRegister: .writeRegister(address: companion.address, companion.raw)
            case .registers: .writeRegisters(address: companion.address, [companion.raw])
            }
        }
        var requests = rule.before.map(companion)
        switch rule.function {
        case .singleCoil: requests.append(.writeCoil(address: address, registers[0] != 0))
        case .coils: requests.append(.writeCoils(address: address, [registers[0] != 0]))
        case .singleRegister:
            // Some machines take function 6 only, also for values of two registers: one after the other.
            for (i, word) in registers.enumerated() { requests.append(.writeRegister(address: address + i, word)) }
        case .registers:
            let complement = rule.hasComplement ? [65535 - registers[0]] : []
            requests.append(.writeRegisters(address: address, registers + complement))
        }
        return requests + rule.after.map(companion)
    }

    /// Carries a passed command out: writes, then comes back for the proof.
    func write(_ command: WriteCommand, answer: @escaping @Sendable (WriteOutcome) -> Void) {
        let now = time.now().monotonic
        guard let (unit, index) = find(command.point) else {
            return answer(.rejected("no point '\(command.point)' on bus \(bus.name)"))
        }
        let point = unit.plan.points[index]
        guard let rule = point.write else { return answer(.rejected("its map does not say that it can be written")) }
        if now > command.deadline { return answer(.rejected("too late: its deadline passed before the bus was free")) }
        if let why = BusEngine.objection(to: command.value, point, rule) { return answer(.rejected(why)) }
        guard ensureOpen() else { return answer(.rejected("bus \(bus.name) has no connection")) }
        let registers: [UInt16]
        let address: Int
        do throws(EncodingFault) {
            (registers, address) = try prepare(unit, index, rule, command.value)
        } catch { return answer(.rejected(error.text)) }

        var pending = PendingReadBack(
            unit: unit, point: index, rule: rule, command: command, registers: registers, due: now, answer: answer)
        let requests = BusEngine.requests(for: registers, point, rule, address: address)
        for (step, request) in requests.enumerated() {
            let result = master.transact(unit.line, request)
            unit.line.nextAllowed = max(
                unit.line.nextAllowed, time.now().monotonic + unit.plan.profile.manners.gapAfterWrite)
            switch result {
            case .answer: continue
            case .exception(let code):
                let text = "\(exceptionWords(code)) (\(request.words))"
                if step == 0 { return answer(.rejected(text)) }
                pending.trouble = "step \(step + 1) of \(requests.count) was refused: \(text)"
            case .failed(_, let text): pending.trouble = text
            }
            break  // never repeated: nobody knows whether it happened
        }
        pending.due = time.now().monotonic + rule.settle
        pendingReadBacks.append(pending)
    }

    /// What the map itself forbids; nil: nothing.
    static func objection(to value: Double, _ point: EquipmentPoint, _ rule: WriteRule) -> String? {
        if let limits = rule.limits {
            guard limits.contains(value) else {
                return
                    "\(value) is outside the map's \(limits.lowerBound) to \(limits.upperBound) \(point.unit.rawValue)"
            }
        } else if !point.states.contains(where: { Double($0.code) == value }) {
            let known = point.states.map { "\($0.code) \($0.text)" }.joined(separator: ", ")
            return "\(value) is no state of it; known: \(known)"
        }
        return nil
    }

    func find(_ name: String) -> (PolledUnit, Int)? {
        for unit in units {
            for (index, point) in unit.plan.points.enumerated() where unit.plan.pointName(point) == name {
                return (unit, index)
            }
        }
        return nil
    }

    func prepare(
        _ unit: PolledUnit, _ index: Int, _ rule: WriteRule, _ value: Double
    ) throws(EncodingFault) -> ([UInt16], address: Int) {
        let point = unit.plan.points[index]
        guard let base = unit.base(of: point) else {
            throw EncodingFault(text: "the machine does not carry SunSpec model \(point.model ?? 0)")
        }
        var power = 0
        if let scale = point.scaleRegister {
            // The power of ten may change at run time: the one that holds now is the one that counts.
            let result = master.transact(
                unit.line, .read(point.table, address: base + scale, count: 1), probes: unit.probes())
            guard result == .answer else { throw EncodingFault(text: "its scale factor cannot be read") }
            power = Int(Int16(bitPattern: UInt16(master.reply[2]) << 8 | UInt16(master.reply[3])))
            guard (-10...10).contains(power) else { throw EncodingFault(text: "its scale factor is not implemented") }
        }
        return (try point.encode(value, power: power), base + (rule.address ?? point.address))
    }

    // MARK: - The proof

    func takeDueReadBack(_ now: MonotonicTime) -> PendingReadBack? {
        guard let index = pendingReadBacks.firstIndex(where: { $0.due <= now }) else { return nil }
        return pendingReadBacks.remove(at: index)
    }

    func finish(_ pending: PendingReadBack) {
        let unit = pending.unit
        for i in unit.requests.indices where unit.requests[i].planned.points.contains(pending.point) {
            unit.requests[i].due = time.now().monotonic
        }
        guard let (request, expected) = proof(pending) else {
            return pending.answer(
                .unknown(pending.trouble ?? "acknowledged; nothing on this machine shows whether it was done"))
        }
        guard ensureOpen() else { return pending.answer(.unknown("the connection broke before it could be read back")) }
        let result = master.transact(unit.line, request, probes: unit.probes())
        guard result == .answer, let found = registers(of: request) else {
            return retry(pending, .unknown(pending.trouble ?? "it could not be read back"))
        }
        if found == expected { return pending.answer(.confirmed(pending.command.value)) }
        let shown = shownValue(pending, found)
        if let trouble = pending.trouble { return retry(pending, .unknown("\(trouble); it reads back \(shown)")) }
        retry(pending, .mismatch(readBack: shown))
    }

    /// A machine may need its settle time twice; after that its word is taken.
    private func retry(_ pending: PendingReadBack, _ outcome: WriteOutcome) {
        guard pending.attempt == 1 else { return pending.answer(outcome) }
        var again = pending
        again.attempt = 2
        again.due = time.now().monotonic + max(pending.rule.settle, .milliseconds(100))
        pendingReadBacks.append(again)
    }

    private func proof(_ pending: PendingReadBack) -> (RequestPDU, [UInt16])? {
        let point = pending.unit.plan.points[pending.point]
        guard let base = pending.unit.base(of: point) else { return nil }
        switch pending.rule.readBack {
        case .none: return nil
        case .sameRegister:
            return (
                .read(point.table, address: base + point.address, count: pending.registers.count), pending.registers
            )
        case .register(let table, let address):
            return (.read(table, address: address, count: pending.registers.count), pending.registers)
        case .effect(let table, let address, let expected):
            guard let first = pending.registers.first, let shown = expected[Int(first)] else { return nil }
            return (.read(table, address: address, count: 1), [UInt16(truncatingIfNeeded: shown)])
        }
    }

    private func registers(of request: RequestPDU) -> [UInt16]? {
        guard case .read(let table, _, let count) = request else { return nil }
        let data = master.reply.dropFirst(2)
        let first = data.startIndex
        if table.holdsBits {
            return (0..<count).map { UInt16(data[first + $0 / 8] >> UInt8($0 % 8) & 1) }
        }
        return (0..<count).map { UInt16(data[first + $0 * 2]) << 8 | UInt16(data[first + $0 * 2 + 1]) }
    }

    private func shownValue(_ pending: PendingReadBack, _ registers: [UInt16]) -> Double {
        let point = pending.unit.plan.points[pending.point]
        if point.table.holdsBits || point.scaleRegister != nil { return Double(registers[0]) }
        if case .effect = pending.rule.readBack { return Double(registers[0]) }
        let bytes = registers.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        if case .number(let number) = pending.unit.decoders[pending.point].decode(bytes.span, at: 0) { return number }
        return Double(registers[0])
    }
}
