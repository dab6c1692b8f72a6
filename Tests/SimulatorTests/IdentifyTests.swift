import Platform
import Profiles
import Site
import Testing

@testable import Modbus
@testable import Simulator

/// A simulated machine, asked without a wire.
private struct Bench: ModbusAsking {
    let machine: SimulatedMachine
    let server: ModbusTCPReplies

    func ask(unitID: Int, _ question: ModbusQuestion, timeout: Nanoseconds?) -> ModbusAnswer {
        var pdu: [UInt8] = []
        question.request.append(to: &pdu)
        let head: [UInt8] = [0, 1, 0, 0, 0, UInt8(pdu.count + 1), 1]
        guard let reply = server.builder.reply(to: head + pdu, machine.image), reply.count > 8 else {
            return .failed("no answer")
        }
        let answer = Array(reply[7...])
        if answer[0] & 0x80 != 0 { return .exception(Int(answer[1]), "") }
        guard case .read = question else { return .exception(1, "") }
        return ModbusAnswer.values(of: question.request, answer).map(ModbusAnswer.values) ?? .failed("no answer")
    }
}

private final class ModbusTCPReplies {
    let builder: ReplyBuilder
    init() throws { builder = try ReplyBuilder(.tcp) }
}

@Suite struct IdentifyTests {
    static let library = try? hardware()
    static let nameless = (library?.equipment.values.filter { $0.fingerprint.isEmpty && !$0.isSunSpec } ?? [])
        .map(\.name).sorted()

    /// Machines that no register names: their maps are guessed by what makes sense. Small maps of bare bits
    /// cannot be told apart; the rest is among the three that are proposed.
    @Test(arguments: nameless)
    func `a machine without a fingerprint is among the guesses, and no certain map claims it`(_ name: String) throws {
        let library = try #require(Self.library)
        let profile = try #require(library.equipment[name])
        var model = ContainerModel(accelerators: Simulation.usualAccelerators, seed: 3)
        model.advance(by: 40)
        let machine = SimulatedMachine(ModbusUnit(name: "unit", unitID: 1, profile: profile), on: "bus")
        machine.refresh(model)
        let bus = Bench(machine: machine, server: try ModbusTCPReplies())
        let profiles = library.equipment.values.sorted { $0.name < $1.name }
        let identity = Discovery.identify(bus, unitID: 1, profiles: profiles, timeout: .milliseconds(100))
        #expect(identity.answers)
        #expect(identity.profiles.isEmpty, "\(identity.profiles)")
        let hasLimits = profile.points.filter { $0.plausible != nil || !$0.states.isEmpty && !$0.table.holdsBits }.count
        if hasLimits >= 5 {
            #expect(identity.resembles.contains { $0.profile == name }, "\(identity.resembles)")
        }
    }
}
