internal import Platform
internal import Site

/// What a bus's owner is asked to do between two polls.
enum BusCommand: Sendable {
    case write(WriteCommand, answer: @Sendable (WriteOutcome) -> Void)
    case ask(unitID: UInt8, RequestPDU, answer: @Sendable (RawAnswer) -> Void)
    case identify(unitID: UInt8, answer: @Sendable (UnitIdentity) -> Void)
    case scan(ScanPlan, answer: @Sendable ([UnitIdentity]) -> Void)
}

/// The answer to a single question.
public enum RawAnswer: Equatable, Sendable {
    /// Registers, or coils as 0 and 1.
    case values([UInt16])
    case exception(Int, String)
    case failed(String)
}

extension BusEngine {
    func handle(_ command: BusCommand) {
        switch command {
        case .write(let command, let answer): write(command, answer: answer)
        case .ask(let unitID, let request, let answer): answer(ask(unitID, request))
        case .identify(let unitID, let answer):
            answer(
                ensureOpen()
                    ? Discovery.identify(master, line(unitID), profiles: profiles) : UnitIdentity(unitID: Int(unitID)))
        case .scan(let plan, let answer): scans.append(ScanJob(plan: plan, answer: answer))
        }
    }

    /// The line of a known unit, so that its gaps and debts hold for questions from people as well.
    func line(_ unitID: UInt8) -> UnitLine {
        units.first { $0.line.unitID == unitID }?.line
            ?? UnitLine(unitID: unitID, timeout: bus.timeout)
    }

    private var profiles: [EquipmentProfile] { units.map(\.plan.profile) }

    private func ask(_ unitID: UInt8, _ request: RequestPDU) -> RawAnswer {
        guard ensureOpen() else { return .failed("bus \(bus.name) has no connection") }
        let known = units.first { $0.line.unitID == unitID }
        switch master.transact(line(unitID), request, probes: known?.probes() ?? []) {
        case .answer:
            return Discovery.values(of: request, master.reply).map(RawAnswer.values)
                ?? .failed("answer of another kind")
        case .exception(let code): return .exception(Int(code), exceptionWords(code))
        case .failed(_, let text): return .failed(text)
        }
    }

    /// The owner goes: whoever waits is told.
    func abandon() {
        for pending in pendingReadBacks { pending.answer(.unknown("the agent stopped before it was read back")) }
        pendingReadBacks = []
        for scan in scans { scan.answer(scan.found) }
        scans = []
    }
}
