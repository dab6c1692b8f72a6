import Platform
import Profiles
import Site
import Testing

@testable import Modbus
@testable import Simulator

/// Hardware/ of the repository that this file stands in.
let hardwareFolder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Hardware"

func hardware() throws -> HardwareLibrary {
    let faults = FaultCollector()
    let library = HardwareLibrary.load(hardwareFolder, faults)
    try #require(faults.faults.isEmpty, "\(faults.inFileOrder)")
    return library
}

@Suite struct RoundTripTests {
    static let names = (try? hardware().equipment.keys.sorted()) ?? []

    /// What the simulator's registers say, read back by the agent's own decoder.
    private func decode(_ encoder: RegisterEncoder, _ image: RegisterImage) -> DecodedValue {
        let point = encoder.point
        let decoder = PointDecoder(point)
        if point.table.holdsBits {
            return decoder.decodeBit([UInt8(image[point.table, encoder.address])].span, at: 0)
        }
        let first = min(encoder.address, encoder.scaleAddress ?? encoder.address)
        let last = max(encoder.address + point.words, (encoder.scaleAddress ?? 0) + 1)
        var bytes: [UInt8] = []
        for address in first..<last {
            let word = image[point.table, address]
            bytes += [UInt8(word >> 8), UInt8(word & 0xFF)]
        }
        return decoder.decode(bytes.span, at: encoder.address - first, scaleAt: (encoder.scaleAddress ?? first) - first)
    }

    /// Half of what one raw step is worth.
    private func resolution(_ point: EquipmentPoint, _ exponent: Int, _ value: Double) -> Double {
        switch point.type {
        case .float32: return abs(value) * 1e-6 + 1e-9
        case .float64: return abs(value) * 1e-12
        default:
            var step = abs(point.scale) / Double(UInt64(1) << UInt64(point.fractionBits))
            for _ in 0..<abs(exponent) { step *= exponent < 0 ? 0.1 : 10 }
            return step * 0.5001 + 1e-9
        }
    }

    @Test(arguments: names)
    func `what the simulator writes, the agent reads back as it was meant`(_ name: String) throws {
        let profile = try #require(try hardware().equipment[name])
        var model = ContainerModel(accelerators: Simulation.usualAccelerators, seed: 3)
        let machine = SimulatedMachine(ModbusUnit(name: "unit", unitID: 1, profile: profile), on: "bus")
        for outage in [false, true] {
            model.instructor.mainsOff = outage
            model.advance(by: 40)
            machine.refresh(model)
            for (encoder, path, exponent) in machine.encoders where encoder.point.isReadable {
                let point = encoder.point
                let value = encoder.value(model, profile.kind, path)
                switch decode(encoder, machine.image) {
                case .number(let number):
                    let allowed = resolution(point, exponent, value)
                    #expect(abs(number - value) <= allowed, "\(name) \(point.path): wrote \(value), read \(number)")
                case .text(let text):
                    guard case .text(let written) = encoder.content else {
                        Issue.record("\(name) \(point.path) is read as text")
                        continue
                    }
                    #expect(written.hasPrefix(text) && !text.isEmpty, "\(name) \(point.path): \(text)")
                case .invalid(let reason):
                    Issue.record("\(name) \(point.path): \(value) is read as \(reason)")
                }
            }
        }
    }

    @Test func `at least sixteen machines are known, each with its source`() throws {
        let maps = try hardware().equipment.values
        #expect(maps.count >= 16)
        for map in maps { #expect(map.source.count > 20, "\(map.name)") }
    }

    @Test func `a machine in trouble says so in the words of its own map`() throws {
        let library = try hardware()
        var model = ContainerModel(accelerators: [], seed: 3)
        func reading(_ name: String, _ path: String) throws -> Double {
            let profile = try #require(library.equipment[name])
            let machine = SimulatedMachine(ModbusUnit(name: "unit", unitID: 1, profile: profile), on: "bus")
            machine.refresh(model)
            let found = try #require(machine.encoders.first { $0.encoder.point.path == path }?.encoder)
            guard case .number(let number) = decode(found, machine.image) else { return -1 }
            return number
        }
        #expect(try reading("apc-smart-ups", "status.on-battery") == 0)
        #expect(try reading("apc-smart-ups", "status.online") == 1)
        #expect(try reading("huawei-ups2000", "mode") == 2)
        #expect(try reading("dse-gencomm", "engine.state") == 0)
        model.instructor.mainsOff = true
        model.instructor.gensetRefusesToStart = true
        model.instructor.leak = true
        model.advance(by: 4)
        #expect(try reading("apc-smart-ups", "status.on-battery") == 1)
        #expect(try reading("apc-smart-ups", "status.online") == 0)
        #expect(try reading("huawei-ups2000", "mode") == 3)
        #expect(try reading("huawei-ups2000", "battery.state") == 5)
        #expect(try reading("phoenix-quint4-ups", "status.battery-mode") == 1)
        #expect(try reading("meta-orv3-rpu", "leak.internal-leakage") == 1)
        #expect(try reading("liebert-icom", "state") == 0)
        model.instructor.gensetRefusesToStart = false
        model.advance(by: 60)
        #expect(try reading("dse-gencomm", "engine.state") == 3)
        #expect(try reading("dse-gencomm", "engine.speed") > 1700)
        #expect(try reading("comap-intelilite4", "engine.state") == 8)
    }
}
