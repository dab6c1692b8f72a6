internal import CLinux
internal import Glibc
internal import Platform
internal import Site

/// A power cap to be written by the card's own thread. The guard made it, the site allows it, the layout
/// names the file: there is no other write in this room.
struct PowerCapOrder: Sendable {
    let command: WriteCommand
    /// The attribute's place in the layout.
    let attribute: Int
    let answer: PendingAnswer
}

extension Supervisor {
    /// Checks a write against the site, the layout and the card's own limits, and gives it to the card's thread.
    func write(_ command: WriteCommand, _ answer: PendingAnswer, _ now: Moment) {
        switch target(of: command, now) {
        case .failure(let refusal): answer.give(.rejected(refusal.text))
        case .success(let (record, attribute)):
            record.station.write(PowerCapOrder(command: command, attribute: attribute, answer: answer))
        }
    }

    private struct Refusal: Error { let text: String }

    private func target(of command: WriteCommand, _ now: Moment) -> Result<(CardRecord, Int), Refusal> {
        func no(_ text: String) -> Result<(CardRecord, Int), Refusal> { .failure(Refusal(text: text)) }
        if !plan.allowsPowerCap { return no("accelerators: 'power-caps' is not switched on in the site file") }
        let name = command.point.prefix { $0 != "." }
        guard let slot = slots.first(where: { $0.name == name }), let record = slot.record else {
            return no("\(name) is not there")
        }
        let point = command.point.dropFirst(name.count + 1)
        guard
            let attribute = record.layout.attributes.firstIndex(where: {
                $0.role == .powerCap && $0.point == point
            })
        else { return no("\(command.point) is no power cap") }
        if now.monotonic > command.deadline { return no("too late") }
        if record.station.exchange.stuckCall(at: now.monotonic, limit: plan.deadline) != nil {
            return no("\(name) is unresponsive")
        }
        guard let lowest = record.values(of: .powerCapMin).first, let highest = record.values(of: .powerCapMax).first
        else { return no("\(name) does not say which caps it takes") }
        if command.value < lowest || command.value > highest {
            return no(
                "\(shown(command.value, .watts)): the card takes \(shown(lowest, .none)) to \(shown(highest, .watts))")
        }
        return .success((record, attribute))
    }
}

extension DeviceSampler {
    /// Writes, and believes only what reads back. Drivers round: within a watt is what was asked for.
    mutating func carryOut(_ order: PowerCapOrder, now: Moment) {
        guard let attribute = attribute(order.attribute), let path = path(of: order.attribute) else {
            return order.answer.give(.rejected("the card's file is not there"))
        }
        if now.monotonic > order.command.deadline { return order.answer.give(.rejected("too late")) }
        let text = Array("\(Int64((order.command.value / attribute.scale).rounded()))\n".utf8)
        exchange.beginCall(order.attribute, at: SystemTime.monotonic)
        defer { exchange.endCalls() }
        let descriptor = unsafe cl_open(path, O_WRONLY, 0)
        if descriptor < 0 {
            return order.answer.give(.rejected("\(lastWord(path)): \(SystemError.text(of: -descriptor))"))
        }
        let file = FileDescriptor(owning: descriptor)
        let written = unsafe text.withUnsafeBytes { unsafe cl_write(file.raw, $0.baseAddress, $0.count) }
        if written < 0 {
            return order.answer.give(.rejected("\(lastWord(path)): \(SystemError.text(of: Int32(-written)))"))
        }
        guard let back = readBack(order.attribute, now: now) else {
            return order.answer.give(.unknown("written, and the cap cannot be read back"))
        }
        order.answer.give((back - order.command.value).magnitude <= 1 ? .confirmed(back) : .mismatch(readBack: back))
    }
}
