internal import Platform
internal import Site

/// What a bus's owner is asked to do between two polls.
enum BusCommand: Sendable {
    case write(WriteCommand, answer: @Sendable (WriteOutcome) -> Void)
    case preview(point: String, value: Double, answer: @Sendable (WritePreview) -> Void)
    case ask(unitID: UInt8, ModbusQuestion, timeout: Nanoseconds?, answer: @Sendable (ModbusAnswer) -> Void)
}

extension BusEngine {
    func handle(_ command: BusCommand) {
        switch command {
        case .write(let command, let answer): write(command, answer: answer)
        case .preview(let point, let value, let answer): answer(preview(point, value))
        case .ask(let unitID, let question, let timeout, let answer): answer(ask(unitID, question, timeout))
        }
    }

    private func ask(_ unitID: UInt8, _ question: ModbusQuestion, _ timeout: Nanoseconds?) -> ModbusAnswer {
        guard ensureOpen() else { return .failed("bus \(bus.name): \(lastError ?? "no connection")") }
        // A known unit keeps its gaps, its debts and its counters also for questions from people.
        let known = units.first { $0.line.unitID == unitID }
        let line = known?.line ?? UnitLine(unitID: unitID, timeout: bus.timeout)
        return master.ask(line, question, timeout: timeout, probes: known?.probes() ?? [])
    }

    /// The owner goes: whoever waits is told.
    func abandon() {
        for pending in pendingReadBacks { pending.answer(.unknown("the agent stopped before it was read back")) }
        pendingReadBacks = []
    }
}

extension BusMaster {
    func ask(
        _ line: UnitLine, _ question: ModbusQuestion, timeout: Nanoseconds?, probes: [RequestPDU] = []
    ) -> ModbusAnswer {
        let request = question.request
        switch transact(line, request, timeout: timeout, probes: probes) {
        case .answer:
            switch question {
            case .identification: return .texts(ModbusAnswer.texts(reply))
            case .read:
                return ModbusAnswer.values(of: request, reply).map(ModbusAnswer.values)
                    ?? .failed("answer of another kind")
            }
        case .exception(let code): return .exception(Int(code), exceptionWords(code))
        case .failed(_, let text): return .failed(text)
        }
    }
}
