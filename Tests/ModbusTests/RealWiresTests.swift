import CLinux
import Foundation
import Platform
import Site
import Synchronization
import Testing

@testable import Modbus

/// A machine on a real descriptor: answers register a with a, on a thread of its own.
final class RealMachine: Sendable {
    let stop = Atomic<Bool>(false)
    let isMute = Atomic<Bool>(false)
    /// Hangs up on its client.
    let hangsUp = Atomic<Bool>(false)
    let connections = Atomic<Int>(0)
    let requests = Atomic<Int>(0)
    let port: Int
    private let listener: FileDescriptor
    private let thread = Mutex<OwnerThread?>(nil)
    /// A serial server that knows nothing of Modbus, and the machine behind it.
    private let isSerialServer: Bool

    init(isSerialServer: Bool = false) throws {
        self.isSerialServer = isSerialServer
        let raw = unsafe cl_listen_tcp("127.0.0.1", 0, 16)
        listener = FileDescriptor(owning: try checked(raw, "listen"))
        port = Int(cl_local_port(raw))
        let started = try OwnerThread("machine") { [self] in serve() }
        thread.withLock { $0 = started }
    }

    func end() {
        stop.store(true, ordering: .relaxed)
        thread.withLock { $0 }?.join()
    }

    private func serve() {
        while !stop.load(ordering: .relaxed) {
            if cl_wait_readable(listener.raw, -1, 20_000_000) <= 0 { continue }
            let raw = cl_accept(listener.raw)
            if raw < 0 { continue }
            let client = FileDescriptor(owning: raw)
            connections.wrappingAdd(1, ordering: .relaxed)
            while !stop.load(ordering: .relaxed) {
                if hangsUp.exchange(false, ordering: .relaxed) { break }
                let ready = cl_wait_readable(client.raw, -1, 20_000_000)
                if ready == 0 { continue }
                var request = [UInt8](repeating: 0, count: 260)
                let got = unsafe request.withUnsafeMutableBytes { unsafe cl_recv(client.raw, $0.baseAddress, 260, 0) }
                if got <= 0 { break }
                requests.wrappingAdd(1, ordering: .relaxed)
                if isMute.load(ordering: .relaxed) { continue }
                let reply =
                    isSerialServer
                    ? serialAnswer(Array(request[..<Int(got)]))
                    : Array(request[0..<4]) + answer(Array(request[6..<Int(got)]))
                _ = unsafe reply.withUnsafeBytes { unsafe cl_send(client.raw, $0.baseAddress, $0.count, 0) }
            }
        }
    }

    private func answer(_ request: [UInt8]) -> [UInt8] {
        let pdu = realAnswer(Array(request.dropFirst()))
        return [0, UInt8(pdu.count + 1), request[0]] + pdu
    }
}

private func realAnswer(_ pdu: [UInt8]) -> [UInt8] {
    let address = Int(pdu[1]) << 8 | Int(pdu[2]), count = Int(pdu[3]) << 8 | Int(pdu[4])
    return [pdu[0], UInt8(count * 2)]
        + (address..<address + count).flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] }
}

private func serialAnswer(_ frame: [UInt8]) -> [UInt8] {
    let reply = [frame[0]] + realAnswer(Array(frame[1..<6]))
    let sum = modbusCRC(reply.span)
    return reply + [UInt8(sum & 0xFF), UInt8(sum >> 8)]
}

/// A serial machine on a pseudo terminal.
private final class SerialMachine: Sendable {
    let path: String
    private let master: FileDescriptor
    private let stop = Atomic<Bool>(false)
    private let thread = Mutex<OwnerThread?>(nil)

    init() throws {
        var name = [CChar](repeating: 0, count: 128)
        let raw = try checked(unsafe cl_open_pty(&name, name.count), "pty")
        master = FileDescriptor(owning: raw)
        path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let started = try OwnerThread("serial") { [self] in serve() }
        thread.withLock { $0 = started }
    }

    func end() {
        stop.store(true, ordering: .relaxed)
        thread.withLock { $0 }?.join()
    }

    private func serve() {
        var have: [UInt8] = []
        while !stop.load(ordering: .relaxed) {
            if cl_wait_readable(master.raw, -1, 20_000_000) <= 0 { continue }
            var chunk = [UInt8](repeating: 0, count: 64)
            let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_read(master.raw, $0.baseAddress, 64) }
            // Nobody holds the other end yet.
            if got <= 0 {
                pause(.milliseconds(5))
                continue
            }
            have += chunk[..<got]
            guard have.count >= 8 else { continue }
            let frame = serialAnswer(have)
            have = []
            _ = unsafe frame.withUnsafeBytes { unsafe cl_write(master.raw, $0.baseAddress, $0.count) }
        }
    }
}

@Suite(.serialized) struct RealWiresTests {
    @Test func `more than 1,024 open descriptors do not matter`() throws {
        var limit = rlimit()
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 4096)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        for _ in 0..<1100 { held.append(unsafe open("/dev/null", O_RDONLY)) }
        try #require(held.last.map { $0 > 1024 } == true)
        let machine = try RealMachine()
        defer { machine.end() }
        let bus = DirectBus(.tcp(host: "127.0.0.1", port: machine.port))
        #expect(
            bus.ask(unitID: 255, .read(.holding, address: 7, count: 3), timeout: .seconds(10)) == .values([7, 8, 9]))
    }

    @Test func `a serial line is read, lost, and found again under the same path`() throws {
        let link = NSTemporaryDirectory() + "mdc-serial-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: link) }
        func plug() throws -> SerialMachine {
            let machine = try SerialMachine()
            try? FileManager.default.removeItem(atPath: link)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: machine.path)
            return machine
        }
        let settings = SerialSettings(baud: 19200, parity: .even, stopBits: 1)
        let bus = DirectBus(.rtu(device: link, settings, kernelRS485: false), timeout: .seconds(10))
        do {
            let machine = try plug()
            defer { machine.end() }
            #expect(bus.ask(unitID: 248, .read(.input, address: 3, count: 2), timeout: nil) == .values([3, 4]))
        }
        // The adapter is pulled: what is asked fails with words, and nothing hangs.
        guard case .failed = bus.ask(unitID: 248, .read(.input, address: 3, count: 2), timeout: .milliseconds(100))
        else {
            return #expect(Bool(false))
        }
        let again = try plug()
        defer { again.end() }
        var answer = ModbusAnswer.failed("")
        for _ in 0..<20 where answer != .values([5]) {
            answer = bus.ask(unitID: 248, .read(.input, address: 5, count: 1), timeout: .seconds(2))
        }
        #expect(answer == .values([5]))
    }

    @Test func `a room stops at once though a machine keeps it waiting`() throws {
        let machine = try RealMachine()
        defer { machine.end() }
        machine.isMute.store(true, ordering: .relaxed)
        let plan = ModbusPlan(buses: [
            ModbusBus(
                name: "slow", link: .tcp(host: "127.0.0.1", port: machine.port), timeout: .seconds(30),
                units: [ModbusUnit(name: "u", unitID: 1, profile: pairProfile())])
        ])
        let room = try ModbusRoom(
            plan: plan, board: Board(PointTable(plan.points)), time: SystemTime(), events: Mailbox(capacity: 100))
        try room.start()
        pause(.milliseconds(1500))
        let begin = SystemTime.monotonic
        room.stop()
        #expect(SystemTime.monotonic - begin < .seconds(20))
    }

    @Test func `serial frames go through a TCP server that knows nothing of Modbus`() throws {
        let machine = try RealMachine(isSerialServer: true)
        defer { machine.end() }
        let bus = DirectBus(.rtuOverTCP(host: "127.0.0.1", port: machine.port))
        for unit in [1, 247, 255] {
            #expect(
                bus.ask(unitID: unit, .read(.input, address: unit, count: 2), timeout: .seconds(10))
                    == .values([UInt16(unit), UInt16(unit + 1)]))
        }
    }

    @Test func `a machine that serves one client only gets its connection back between polls`() throws {
        let machine = try RealMachine()
        defer { machine.end() }
        let plan = ModbusPlan(buses: [
            ModbusBus(
                name: "shy", link: .tcp(host: "127.0.0.1", port: machine.port), timeout: .seconds(10),
                isReleasedBetweenPolls: true,
                units: [
                    ModbusUnit(
                        name: "u", unitID: 1, profile: pairProfile([0, 2]),
                        intervals: PollIntervals(fast: .milliseconds(300), normal: .seconds(1), slow: .seconds(60)))
                ])
        ])
        let board = Board(PointTable(plan.points))
        let room = try ModbusRoom(plan: plan, board: board, time: SystemTime(), events: Mailbox(capacity: 100))
        try room.start()
        defer { room.stop() }
        // This machine serves one connection to its end before it takes the next: so each round makes its own.
        for _ in 0..<1500 where machine.connections.load(ordering: .relaxed) < 4 { pause(.milliseconds(20)) }
        #expect(machine.connections.load(ordering: .relaxed) >= 4)
        let other = DirectBus(.tcp(host: "127.0.0.1", port: machine.port), timeout: .seconds(20))
        #expect(other.ask(unitID: 1, .read(.holding, address: 9, count: 1), timeout: nil) == .values([9]))
    }

    @Test func `a name that nobody knows is said so, and the agent goes on`() {
        let bus = DirectBus(.tcp(host: "no-such-machine.invalid", port: 502), timeout: .milliseconds(200))
        guard case .failed(let text) = bus.ask(unitID: 1, .identification, timeout: nil) else {
            return #expect(Bool(false))
        }
        #expect(text.contains("no-such-machine.invalid"))
    }
}
