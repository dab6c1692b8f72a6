import Platform
import Site
import Testing

@testable import Modbus

/// A machine with the models (number, registers) from 40000 on.
private func chain(_ models: [(Int, [UInt16])]) -> [Int: UInt16] {
    var registers: [Int: UInt16] = [40000: 0x5375, 40001: 0x6E53]
    var at = 40002
    for (number, content) in models {
        for word in [UInt16(number), UInt16(content.count)] + content {
            registers[at] = word
            at += 1
        }
    }
    registers[at] = 0xFFFF
    registers[at + 1] = 0
    return registers
}

@Suite struct SunSpecTests {
    private func string(_ instance: Int) -> EquipmentPoint {
        var point = EquipmentPoint(
            path: "string\(instance).voltage", table: .holding, address: 2, model: 803, rate: .fast)
        point.scaleRegister = 3
        point.modelInstance = instance
        return point
    }

    private func site(_ models: [(Int, [UInt16])]) throws -> MadeUpSite {
        var profile = pairProfile()
        profile.points = [string(1), string(2), string(3)]
        let site = try MadeUpSite(.tcp, profile: profile)
        site.channel.written = chain(models)
        return site
    }

    @Test func `several of one model are several, each under its own name, and one that is missing is said so`() throws
    {
        let site = try site([(1, [0, 0]), (803, [4801, 0xFFFF]), (64001, [7]), (803, [512, 0])])
        site.run(.seconds(5))
        #expect(site.reading("u1.string1.voltage")?.goodNumber == 480.1)
        #expect(site.reading("u1.string2.voltage")?.goodNumber == 512)
        #expect(site.reading("u1.string3.voltage")?.quality == .unsupported)
        #expect(site.reading("u1.string3.voltage")?.reason == .notCarried)
    }

    @Test func `a chain that firmware has moved is found again, and no old register is taken for it`() throws {
        let site = try site([(1, [0, 0]), (803, [4801, 0xFFFF]), (803, [512, 0])])
        site.run(.seconds(5))
        site.channel.written = chain([(1, [0, 0]), (64001, [7, 7, 7]), (803, [400, 0]), (803, [410, 0])])
        site.channel.mute = [1]
        site.run(.seconds(60))
        site.channel.mute = []
        site.run(.seconds(361))
        #expect(site.reading("u1.string1.voltage")?.goodNumber == 400)
        #expect(site.reading("u1.string2.voltage")?.goodNumber == 410)
    }
}

/// A line on which units answer at one speed only.
private struct OneSpeed: ModbusAsking {
    let answering: Set<Int>
    func ask(unitID: Int, _ question: ModbusQuestion, timeout: Nanoseconds?) -> ModbusAnswer {
        answering.contains(unitID) ? .exception(2, "illegal address") : .failed("no answer")
    }
}

@Suite struct SweepTests {
    private func links(_ speeds: [String]) -> [ModbusLink] {
        speeds.map { speed in
            let parts = speed.split(separator: " ")
            return .rtu(
                device: "/dev/ttyUSB0",
                SerialSettings(
                    baud: Int(parts[0]) ?? 0, parity: parts[1].contains("E") ? .even : .none, stopBits: 1),
                kernelRS485: false)
        }
    }

    @Test func `a line is tried at one speed and parity after the other, until somebody answers`() {
        var tried: [String] = []
        var found: [String] = []
        Discovery.sweep(
            links(["9600 8N1", "9600 8E1", "19200 8E1", "115200 8N1"]), ids: [1, 2, 3], timeout: .milliseconds(100)
        ) { link in
            tried.append("\(link)")
            return .open(OneSpeed(answering: "\(link)".hasSuffix("19200 8E1") ? [2, 3] : []))
        } found: { link, id, _ in
            found.append("\(link) \(id)")
        }
        #expect(tried.count == 3)
        #expect(found == ["rtu /dev/ttyUSB0 19200 8E1 2", "rtu /dev/ttyUSB0 19200 8E1 3"])
    }

    @Test func `a device that cannot be opened is not tried at ten speeds, a closed port keeps no other from its turn`()
    {
        var tried = 0
        Discovery.sweep(links(["9600 8N1", "19200 8E1"]), ids: [1], timeout: .zero) { _ in
            tried += 1
            return .shut(.init(text: "no such device", isHopeless: true))
        } found: { _, _, _ in
        }
        #expect(tried == 1)
        var found: [Int] = []
        let ports: [ModbusLink] = [.tcp(host: "h", port: 502), .tcp(host: "h", port: 503), .tcp(host: "h", port: 504)]
        Discovery.sweep(ports, ids: [1], timeout: .zero) { link in
            if case .tcp(_, 502) = link { return .shut(.init(text: "refused", isHopeless: false)) }
            return .open(OneSpeed(answering: [1]))
        } found: { link, id, _ in
            found.append(id)
        }
        #expect(found == [1, 1])
    }
}
