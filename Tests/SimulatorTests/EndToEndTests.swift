import Foundation
import Modbus
import Platform
import Profiles
import Site
import Testing

@testable import Simulator

/// The agent's Modbus room reading the simulator through real sockets.
@Suite(.serialized) struct EndToEndTests {
    /// One bus and one port for each machine.
    private func plan(_ profiles: [EquipmentProfile], _ link: (Int) -> ModbusLink) -> SitePlan {
        let intervals = PollIntervals(fast: .seconds(2), normal: .seconds(4), slow: .seconds(60))
        let buses = profiles.enumerated().map { index, profile in
            let unit = ModbusUnit(name: profile.name, unitID: 200 + index, profile: profile, intervals: intervals)
            return ModbusBus(name: "bus\(index)", link: link(index), timeout: .seconds(5), units: [unit])
        }
        return SitePlan(name: "test", title: "test", modbus: ModbusPlan(buses: buses))
    }

    @Test func `every point of every map is read good from a real port, and a mute machine is never shown`() throws {
        let profiles = try hardware().equipment.values.sorted { $0.name < $1.name }
        let simulation = try RunningSimulation(plan(profiles) { _ in .tcp(host: "127.0.0.1", port: 0) })
        defer { simulation.stop() }
        let ports = simulation.ports
        try #require(ports.count == profiles.count)
        let site = plan(profiles) { .tcp(host: "127.0.0.1", port: ports[$0]) }
        let board = Board(PointTable(site.modbus.points))
        let room = try ModbusRoom(
            plan: site.modbus, board: board, time: SystemTime(), events: try Mailbox(capacity: 4096))
        try room.start()
        defer { room.stop() }

        func unread() -> [String] {
            board.points.ids.filter { !board.reading($0, at: SystemTime.monotonic).isGood }.map {
                let reading = board.reading($0, at: SystemTime.monotonic)
                return "\(board.points[$0].name): \(reading.quality.text) \(reading.reason.text)"
            }
        }
        let deadline = SystemTime.monotonic + .seconds(60)
        while !unread().isEmpty && SystemTime.monotonic < deadline { usleep(50_000) }
        let left = unread()
        #expect(left.isEmpty, "\(left.count) of \(board.points.count): \(left.prefix(20))")

        func number(_ name: String) throws -> Double? {
            board.reading(try #require(board.points.id(of: name)), at: SystemTime.monotonic).goodNumber
        }
        #expect((55...65).contains(try number("eastron-sdm630.frequency") ?? 0))
        #expect(try number("apc-smart-ups.battery.charge") == 100)
        #expect((210...230).contains(try number("carlo-gavazzi-em24.l1.voltage") ?? 0))

        simulation.tell("unit apc-smart-ups mute")
        let id = try #require(board.points.id(of: "apc-smart-ups.battery.charge"))
        let end = SystemTime.monotonic + .seconds(60)
        while board.reading(id, at: SystemTime.monotonic).isGood && SystemTime.monotonic < end { usleep(50_000) }
        #expect(!board.reading(id, at: SystemTime.monotonic).isGood)
    }

    @Test func `a serial line with two machines is read through its pseudo terminal`() throws {
        let folder = "/tmp/mdc-sim-line-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let library = try hardware()
        let settings = SerialSettings(baud: 19200, parity: .none, stopBits: 1)
        let units = try [("cdu1", "meta-orv3-rpu", 12), ("climate", "xy-md02", 2)].map { name, profile, unit in
            ModbusUnit(
                name: name, unitID: unit, profile: try #require(library.equipment[profile]),
                intervals: PollIntervals(fast: .seconds(2), normal: .seconds(4), slow: .seconds(60)))
        }
        let bus = ModbusBus(
            name: "serial", link: .rtu(device: folder + "/tty", settings, kernelRS485: false), timeout: .seconds(2),
            units: units)
        let site = SitePlan(name: "test", title: "test", modbus: ModbusPlan(buses: [bus]))
        let simulation = try RunningSimulation(site)
        defer { simulation.stop() }
        let board = Board(PointTable(site.modbus.points))
        let room = try ModbusRoom(
            plan: site.modbus, board: board, time: SystemTime(), events: try Mailbox(capacity: 4096))
        try room.start()
        defer { room.stop() }
        let deadline = SystemTime.monotonic + .seconds(60)
        func unread() -> [String] {
            board.points.ids.filter { board.reading($0, at: SystemTime.monotonic).measured == nil }
                .map { board.points[$0].name }
        }
        while !unread().isEmpty && SystemTime.monotonic < deadline { usleep(50_000) }
        #expect(unread().isEmpty, "\(unread().prefix(10))")
    }
}
