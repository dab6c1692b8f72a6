import CModbus
import Foundation
import Platform
import Profiles
import Site
import Testing

@testable import Simulator

/// libmodbus's own error numbers: macros that Swift does not import.
enum Refusal {
    static let base = Int32(112_345_678)
    static let illegalAddress = base + 2
    static let failure = base + 4
    static let busy = base + 6
    static let gatewayTarget = base + 11
    static let checksum = base + 12
    static let badData = base + 13
}

/// libmodbus's client side, as a foreign master uses it.
@safe final class Client {
    let context: OpaquePointer

    init?(port: Int, unit: Int32) {
        guard let context = unsafe modbus_new_tcp("127.0.0.1", Int32(port)) else { return nil }
        unsafe modbus_set_slave(context, unit)
        unsafe modbus_set_response_timeout(context, 0, 300_000)
        guard unsafe modbus_connect(context) == 0 else {
            unsafe modbus_free(context)
            return nil
        }
        unsafe self.context = context
    }

    init?(terminal: String, baud: Int32, unit: Int32) {
        let parity = CChar(UInt8(ascii: "N"))
        guard let context = unsafe modbus_new_rtu(terminal, baud, parity, 8, 1) else { return nil }
        unsafe modbus_set_slave(context, unit)
        unsafe modbus_set_response_timeout(context, 1, 0)
        guard unsafe modbus_connect(context) == 0 else {
            unsafe modbus_free(context)
            return nil
        }
        unsafe self.context = context
    }

    deinit {
        unsafe modbus_close(context)
        unsafe modbus_free(context)
    }

    /// The words, or libmodbus's error number.
    func read(_ table: RegisterTable, _ address: Int32, _ count: Int32) -> ([UInt16], Int32) {
        var words = [UInt16](repeating: 0, count: Int(count))
        errno = 0
        let got =
            unsafe table == .input
            ? modbus_read_input_registers(context, address, count, &words)
            : modbus_read_registers(context, address, count, &words)
        return got == count ? (words, 0) : ([], errno)
    }

    func write(_ address: Int32, _ value: UInt16) -> Int32 {
        unsafe modbus_write_register(context, address, value)
    }
}

func plan(_ units: [(name: String, profile: String, unit: Int)], link: ModbusLink? = nil) throws -> SitePlan {
    let library = try hardware()
    let made = try units.map { unit in
        ModbusUnit(name: unit.name, unitID: unit.unit, profile: try #require(library.equipment[unit.profile]))
    }
    let bus = ModbusBus(name: "bus", link: link ?? .tcp(host: "127.0.0.1", port: 0), units: made)
    return SitePlan(name: "test", title: "test", modbus: ModbusPlan(buses: [bus]))
}

@Suite(.serialized) struct WireTests {
    private let units = [("meter-main", "eastron-sdm630", 1), ("crac1", "liebert-icom", 255)]

    private func float(_ words: [UInt16]) -> Float {
        words.count == 2 ? Float(bitPattern: UInt32(words[0]) << 16 | UInt32(words[1])) : .nan
    }

    @Test func `a foreign master reads volts and hertz from a real port, units up to 255`() throws {
        let simulation = try RunningSimulation(try plan(units))
        defer { simulation.stop() }
        let port = try #require(simulation.ports.first)
        let meter = try #require(Client(port: port, unit: 1))
        #expect((210...230).contains(float(meter.read(.input, 0, 2).0)))
        #expect((59.5...60.5).contains(float(meter.read(.input, 70, 2).0)))
        // 19 lies in no run of the map: exception 2.
        #expect(meter.read(.input, 400, 2).1 == Refusal.illegalAddress)
        #expect(meter.read(.holding, 0, 2).1 == Refusal.illegalAddress)
        let crac = try #require(Client(port: port, unit: 255))
        #expect(crac.read(.input, 99, 1).0 == [1])
        // Behind a gateway, a unit that is not there is said to be so (0x0B).
        let nobody = try #require(Client(port: port, unit: 77))
        #expect(nobody.read(.input, 0, 2).1 == Refusal.gatewayTarget)
    }

    @Test func `each fault does what it says, and ok ends it`() throws {
        let simulation = try RunningSimulation(try plan(units))
        defer { simulation.stop() }
        let port = try #require(simulation.ports.first)
        func outcome(_ fault: String) throws -> Int32 {
            #expect(simulation.tell("unit meter-main " + fault).hasSuffix("ok\n"))
            let client = try #require(Client(port: port, unit: 1))
            let result = client.read(.input, 0, 2).1
            simulation.tell("unit meter-main ok")
            return result
        }
        #expect(try outcome("mute") == ETIMEDOUT)
        #expect(try outcome("late 600ms") == ETIMEDOUT)
        #expect(try outcome("late 50ms") == 0)
        #expect(try outcome("truncated") == ETIMEDOUT)
        #expect(try outcome("busy") == Refusal.busy)
        #expect(try outcome("exception 4") == Refusal.failure)
        #expect(try outcome("wrong-transaction") == Refusal.badData)
        #expect(try outcome("wrong-function") != 0)
        #expect(try outcome("wrong-count") == Refusal.badData)
        #expect(try outcome("garbage") != 0)
        #expect(try outcome("drop") == ECONNRESET)
        #expect(try outcome("ok") == 0)
        // libmodbus does not look at the unit of a TCP reply: the frame says 2, and it takes it.
        #expect(try outcome("foreign-unit") == 0)
    }

    @Test func `a fault for some replies ends by itself`() throws {
        let simulation = try RunningSimulation(try plan(units))
        defer { simulation.stop() }
        let client = try #require(Client(port: simulation.port, unit: 1))
        simulation.tell("unit 1 busy 2 times")
        #expect(client.read(.input, 0, 2).1 == Refusal.busy)
        #expect(client.read(.input, 0, 2).1 == Refusal.busy)
        #expect(client.read(.input, 0, 2).1 == 0)
    }

    @Test func `a duplicate reply is two frames of the same transaction`() throws {
        let request: [UInt8] = [0, 9, 0, 0, 0, 6, 1, 4, 0, 0, 0, 2]
        let room = try MachineRoom(seed: 1)
        let unit = try #require(try plan(units).modbus.buses.first?.units.first)
        let machine = SimulatedMachine(unit, on: "bus")
        machine.show(.duplicate, count: nil, until: nil)
        let model = ContainerModel(accelerators: [], seed: 1)
        let delivery = room.answer(request, .tcp, units: [1: machine], model, MonotonicTime(nanoseconds: 0))
        #expect(delivery.frames.count == 2)
        #expect(delivery.frames.first?.bytes == delivery.frames.last?.bytes)
        #expect(delivery.frames.first?.bytes.prefix(2) == [0, 9])
    }

    @Test func `a set-point written by a master moves the container, unless the machine forgets it`() throws {
        let simulation = try RunningSimulation(try plan(units))
        defer { simulation.stop() }
        let crac = try #require(Client(port: simulation.port, unit: 255))
        #expect(crac.write(22, 215) == 1)
        #expect(crac.read(.input, 22, 1).0 == [215])
        simulation.tell("unit crac1 ignore-writes")
        #expect(crac.write(22, 260) == 1)
        #expect(crac.read(.input, 22, 1).0 == [215])
    }

    @Test func `a serial line answers at the speed it has`() throws {
        let folder = "/tmp/mdc-sim-tty-\(getpid())"
        let settings = SerialSettings(baud: 9600, parity: .none, stopBits: 1)
        let link = ModbusLink.rtu(device: folder + "/tty-a", settings, kernelRS485: false)
        let simulation = try RunningSimulation(try plan(units, link: link))
        defer {
            simulation.stop()
            try? FileManager.default.removeItem(atPath: folder)
        }
        let client = try #require(Client(terminal: folder + "/tty-a", baud: 9600, unit: 1))
        let before = SystemTime.monotonic
        #expect((210...230).contains(float(client.read(.input, 0, 2).0)))
        // 8 + 3.5 + 9 characters of ten bits at 9600 baud: 21 ms.
        #expect(SystemTime.monotonic - before >= .milliseconds(20))
        simulation.tell("unit meter-main bad-crc once")
        #expect(client.read(.input, 0, 2).1 == Refusal.checksum)
        usleep(50_000)
        #expect(client.read(.input, 0, 2).1 == 0)
    }

    private func answer(_ request: [UInt8], _ profile: String, _ fault: Misbehaviour? = nil) throws -> [UInt8] {
        let room = try MachineRoom(seed: 1)
        let unit = try #require(try plan([("unit", profile, 1)]).modbus.buses.first?.units.first)
        let machine = SimulatedMachine(unit, on: "bus")
        if let fault { machine.show(fault, count: nil, until: nil) }
        let model = ContainerModel(accelerators: [], seed: 1)
        let delivery = room.answer(request, .tcp, units: [1: machine], model, MonotonicTime(nanoseconds: 0))
        return delivery.frames.first?.bytes ?? []
    }

    @Test func `function 43 names vendor and product where the map knows them, and is refused elsewhere`() throws {
        let request: [UInt8] = [0, 7, 0, 0, 0, 5, 1, 43, 14, 1, 0]
        let known = try answer(request, "schneider-pm2xxx")
        #expect(known.prefix(2) == [0, 7])
        #expect(Int(known[4]) << 8 | Int(known[5]) == known.count - 6)
        #expect(String(decoding: known, as: UTF8.self).contains("Schneider"))
        #expect(try answer(request, "eastron-sdm630").suffix(2) == [0xAB, 1])
    }

    @Test func `a wrong length on TCP is three more than the bytes that follow`() throws {
        let request: [UInt8] = [0, 7, 0, 0, 0, 6, 1, 4, 0, 0, 0, 2]
        let good = try answer(request, "eastron-sdm630")
        let bad = try answer(request, "eastron-sdm630", .badChecksum)
        #expect(bad.count == good.count)
        #expect(bad[5] == good[5] + 3)
    }

    @Test func `more registers than the machine takes are refused as by the machine`() throws {
        // An SDM630 takes 80 registers at once.
        #expect(try answer([0, 1, 0, 0, 0, 6, 1, 4, 0, 0, 0, 90], "eastron-sdm630").suffix(2) == [0x84, 3])
        // A ComAp does not read over its holes.
        #expect(try answer([0, 1, 0, 0, 0, 6, 1, 3, 0x03, 0xEC, 0, 3], "comap-intelilite4").suffix(2) == [0x83, 2])
    }
}
