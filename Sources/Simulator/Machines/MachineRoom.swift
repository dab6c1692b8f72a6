internal import Platform
internal import Site

/// Every simulated machine, and how one answers a request frame.
final class MachineRoom {
    private(set) var machines: [SimulatedMachine] = []
    private let tcp: ReplyBuilder
    private let rtu: ReplyBuilder
    private var random: SeededRandom
    /// Part of all replies that go wrong in a way the seed chooses; 0: none.
    var chaos = 0.0
    var effects: [MachineEffect] = []

    init(seed: UInt64) throws(SystemError) {
        tcp = try ReplyBuilder(.tcp)
        rtu = try ReplyBuilder(.rtu)
        random = SeededRandom(seed: seed ^ 0x5EED)
    }

    func add(_ machine: SimulatedMachine) { machines.append(machine) }

    /// What goes back for one whole request frame to the machines of a bus.
    func answer(
        _ request: [UInt8], _ framing: ReplyBuilder.Framing, units: [Int: SimulatedMachine], _ model: ContainerModel,
        _ now: MonotonicTime
    ) -> Delivery {
        let header = framing == .tcp ? 7 : 1
        let unitID = Int(request[header - 1])
        guard let machine = units[unitID] else {
            // A gateway says that the unit does not answer (0x0B); a serial line says nothing.
            if framing == .rtu { return Delivery() }
            return tcp.exception(0x0B, to: request).map { Delivery($0, .tcp, []) } ?? Delivery()
        }
        var faults = machine.faultsInForce(at: now)
        if chaos > 0 && random.unit() < chaos { faults.append(.random(&random)) }
        if !faults.isEmpty { machine.countFault() }
        if faults.contains(.mute) || faults.contains(.dropped) { return Delivery([], framing, faults) }
        machine.refresh(model)
        guard let reply = reply(request, framing, machine, faults) else { return Delivery() }
        return Delivery(reply, framing, faults)
    }

    private func reply(
        _ request: [UInt8], _ framing: ReplyBuilder.Framing, _ machine: SimulatedMachine, _ faults: [Misbehaviour]
    ) -> [UInt8]? {
        for case .exception(let code) in faults { return exception(code, request, framing) }
        let header = framing == .tcp ? 7 : 1
        let function = request[header]
        if function == 43 { return identification(request, framing, machine) ?? exception(1, request, framing) }
        if let refusal = manners(request, header, machine) { return exception(refusal, request, framing) }
        let isWrite = [5, 6, 15, 16, 22, 23].contains(function)
        let ignored = faults.contains(.ignoresWrites)
        let reply = framing == .tcp ? tcp.reply(to: request, machine.image) : rtu.reply(to: request, machine.image)
        if let reply, isWrite, reply[header] & 0x80 == 0, let table = ReplyBuilder.tables(function) {
            let count = function >= 15 ? word(request, header + 3) : 1
            effects += machine.accept(function, table, word(request, header + 1), count, ignored: ignored)
        }
        return reply
    }

    private func exception(_ code: UInt8, _ request: [UInt8], _ framing: ReplyBuilder.Framing) -> [UInt8]? {
        framing == .tcp ? tcp.exception(code, to: request) : rtu.exception(code, to: request)
    }

    /// Machines that take fewer registers than the protocol allows answer exception 3 to more.
    private func manners(_ request: [UInt8], _ header: Int, _ machine: SimulatedMachine) -> UInt8? {
        let function = request[header]
        guard request.count >= header + 5 else { return nil }
        let count = word(request, header + 3)
        let manners = machine.profile.manners
        switch function {
        case 1, 2: return count > manners.bitsMax ? 3 : nil
        case 3, 4: return count > manners.wordsMax ? 3 : nil
        default: return nil
        }
    }

    /// Function 43/14, which libmodbus does not serve: vendor, product and revision in one answer, for
    /// machines whose map says that they have it.
    private func identification(
        _ request: [UInt8], _ framing: ReplyBuilder.Framing, _ machine: SimulatedMachine
    ) -> [UInt8]? {
        let header = framing == .tcp ? 7 : 1
        let profile = machine.profile
        guard profile.fingerprint.vendor != nil || profile.fingerprint.product != nil,
            request.count > header + 3, request[header + 1] == 14, (1...4).contains(request[header + 2])
        else { return nil }
        let texts = [
            profile.fingerprint.vendor ?? profile.manufacturer, profile.fingerprint.product ?? profile.model, "1.0",
        ]
        var body: [UInt8] = [43, 14, request[header + 2], 0x01, 0, 0, UInt8(texts.count)]
        for (index, text) in texts.enumerated() {
            let bytes = Array(text.utf8.prefix(60))
            body += [UInt8(index), UInt8(bytes.count)] + bytes
        }
        switch framing {
        case .tcp:
            let length = body.count + 1
            return Array(request[0..<4]) + [UInt8(length >> 8), UInt8(length & 0xFF), request[6]] + body
        case .rtu:
            let frame = [request[0]] + body
            let crc = modbusCRC(frame)
            return frame + [UInt8(crc & 0xFF), UInt8(crc >> 8)]
        }
    }
}
