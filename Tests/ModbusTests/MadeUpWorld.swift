import Platform
import Site
import Synchronization

@testable import Modbus

/// A clock that moves only when somebody waits.
final class MadeUpTime: TimeSource, Sendable {
    private let nanoseconds = Mutex<Int64>(1_000_000_000)
    func now() -> Moment {
        let now = nanoseconds.withLock { $0 }
        return Moment(
            monotonic: MonotonicTime(nanoseconds: now),
            wall: WallTime(milliseconds: 1_700_000_000_000 + now / 1_000_000))
    }
    func pass(until time: MonotonicTime) { nanoseconds.withLock { $0 = max($0, time.nanoseconds) } }
}

/// What can go wrong with one answer.
enum Fault: CaseIterable {
    case none, late, dropped, duplicated, truncated, foreignUnit, wrongFunction, wrongLength, damaged
    case wrongTransaction, noiseBefore, fragmented, exception, closed
}

/// A bus with machines on it that answer from made-up registers, and do it wrong now and then.
/// A register pair at an even address holds (how many requests this unit has seen, address ^ unit * 257):
/// an answer that was meant for another request is recognised by its number.
final class MadeUpBus: ByteChannel {
    let time: MadeUpTime
    let framing: BusMaster.Framing
    let timeout: Nanoseconds
    var random: SplitMix
    /// Of a thousand answers.
    var faultsPerThousand = 0
    var faults: [Fault] = Fault.allCases
    /// Units that never answer, and registers that do not exist.
    var mute: Set<UInt8> = []
    var missing: Set<Int> = []
    /// Writes go here; a stubborn machine acknowledges and changes nothing.
    var written: [Int: UInt16] = [:]
    var isStubborn = false
    var requestLog: [(time: MonotonicTime, unit: UInt8, pdu: [UInt8])] = []
    var keepsLog = false
    /// Ways to be unreachable.
    var refusesConnections = false
    var opens = 0

    private(set) var isOpen = false
    /// `isRestamped`: under the number of whatever was asked last when it comes.
    private var pending: [(at: MonotonicTime, bytes: [UInt8], isRestamped: Bool)] = []
    /// Requests seen, by unit, and the number of the one sent at a time.
    private(set) var seen: [UInt8: UInt16] = [:]
    private(set) var numberAt: [Int64: UInt16] = [:]
    private(set) var requests = 0
    private var busyUntil: [UInt8: MonotonicTime] = [:]
    private var lastTransaction: [UInt8] = [0, 0]

    init(_ time: MadeUpTime, _ framing: BusMaster.Framing, timeout: Nanoseconds, seed: UInt64) {
        self.time = time
        self.framing = framing
        self.timeout = timeout
        random = SplitMix(seed: seed)
    }

    func open() throws(ChannelFault) {
        opens += 1
        if refusesConnections { throw .refused("made-up") }
        isOpen = true
    }

    var descriptor: Int32 { -1 }
    func receiveNow(into buffer: inout ReceiveBuffer) throws(ChannelFault) -> Int {
        try receive(into: &buffer, until: time.now().monotonic)
    }
    /// When the next bytes come.
    var nextArrival: MonotonicTime { pending.map(\.at).min() ?? .distantFuture }

    func close() {
        isOpen = false
        // Half of the servers drop what they still had to say, the others are gateways that say it to the
        // next connection, under the next number.
        if framing == .tcp, random.next() % 2 == 0 { pending = [] }
    }

    func pause(until deadline: MonotonicTime) { time.pass(until: deadline) }

    func receive(into buffer: inout ReceiveBuffer, until deadline: MonotonicTime) throws(ChannelFault) -> Int {
        guard isOpen else { throw .lost("not open") }
        guard let next = pending.min(by: { $0.at < $1.at })?.at, next <= max(deadline, time.now().monotonic) else {
            time.pass(until: deadline)
            return 0
        }
        time.pass(until: next)
        let index = pending.firstIndex { $0.at == next } ?? 0
        let arrived = pending.remove(at: index)
        var bytes = arrived.bytes
        if bytes.isEmpty {
            isOpen = false
            throw .lost("closed by the other side")
        }
        if arrived.isRestamped { bytes.replaceSubrange(0..<2, with: lastTransaction) }
        buffer.append(contentsOf: bytes)
        return bytes.count
    }

    func send(_ bytes: [UInt8]) throws(ChannelFault) {
        guard isOpen else { throw .lost("not open") }
        requests += 1
        let unit = framing == .tcp ? bytes[6] : bytes[0]
        let pdu = framing == .tcp ? Array(bytes[7...]) : Array(bytes[1..<bytes.count - 2])
        if framing == .tcp { lastTransaction = Array(bytes[0..<2]) }
        let number = (seen[unit] ?? 0) &+ 1
        seen[unit] = number
        let now = time.now().monotonic
        numberAt[now.nanoseconds] = number
        if keepsLog { requestLog.append((now, unit, pdu)) }
        if mute.contains(unit) { return }
        answer(unit, pdu, number, Array(bytes.prefix(2)))
    }

    private func answer(_ unit: UInt8, _ request: [UInt8], _ number: UInt16, _ transaction: [UInt8]) {
        let isFaulty = random.next() % 1000 < UInt64(faultsPerThousand)
        let fault = isFaulty ? faults[Int(random.next() % UInt64(faults.count))] : .none
        var delay = Nanoseconds.milliseconds(1 + Int64(random.next() % 4))
        var reply = fault == .exception ? [request[0] | 0x80, 4] : respond(unit, request, number)
        var from = unit
        var stamp = transaction
        var isRestamped = false
        switch fault {
        case .late:
            delay = timeout + Nanoseconds(Int64(random.fraction() * Double(timeout.count) * 3))
            // Gateways with one slot put the newest number on it.
            if random.next() % 2 == 0 { isRestamped = framing == .tcp }
        case .dropped: return
        case .foreignUnit: from = unit &+ 1
        case .wrongFunction: reply[0] ^= 7
        case .wrongLength: reply = Array(reply.dropLast(2)) + []
        case .wrongTransaction: stamp[1] ^= 0x55
        default: break
        }
        if fault == .wrongLength, reply.count > 1, reply[0] & 0x80 == 0, reply[0] <= 4 {
            reply[1] = UInt8(reply.count - 2)
        }
        var frame = wrap(from, reply, stamp)
        switch fault {
        case .truncated: frame = Array(frame.prefix(Int(random.next() % UInt64(frame.count))))
        case .damaged where framing == .rtu:
            frame[Int(random.next() % UInt64(frame.count))] ^= 1 << UInt8(random.next() % 8)
        case .damaged: frame[2] ^= 1
        case .noiseBefore where framing == .rtu:
            frame = (0..<3).map { _ in UInt8(truncatingIfNeeded: random.next()) } + frame
        default: break
        }
        // A unit answers one thing after the other.
        var at = max(time.now().monotonic + delay, busyUntil[unit] ?? .distantPast)
        busyUntil[unit] = at
        if fault == .closed { frame = [] }
        if fault == .fragmented, frame.count > 4 {
            pending.append((at, Array(frame.prefix(3)), false))
            at = at + .milliseconds(1)
            frame.removeFirst(3)
        }
        if !frame.isEmpty || fault == .closed { pending.append((at, frame, isRestamped)) }
        if fault == .duplicated {
            // Serial repeaters say it twice at once; TCP may at any time.
            pending.append((framing == .rtu ? at : at + .milliseconds(Int64(random.next() % 2000)), frame, false))
        }
    }

    private func wrap(_ unit: UInt8, _ pdu: [UInt8], _ transaction: [UInt8]) -> [UInt8] {
        switch framing {
        case .tcp:
            return transaction + [0, 0, UInt8((pdu.count + 1) >> 8), UInt8((pdu.count + 1) & 0xFF), unit] + pdu
        case .rtu:
            let body = [unit] + pdu
            let sum = modbusCRC(body.span)
            return body + [UInt8(sum & 0xFF), UInt8(sum >> 8)]
        }
    }

    private func respond(_ unit: UInt8, _ request: [UInt8], _ number: UInt16) -> [UInt8] {
        let address = Int(request[1]) << 8 | Int(request[2])
        let count = Int(request[3]) << 8 | Int(request[4])
        switch request[0] {
        case 3, 4:
            if (address..<address + count).contains(where: missing.contains) { return [request[0] | 0x80, 2] }
            let words = (address..<address + count).map { MadeUpBus.register($0, unit, number, written) }
            return [request[0], UInt8(count * 2)] + words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        case 1, 2:
            var bits = [UInt8](repeating: 0, count: (count + 7) / 8)
            for i in 0..<count where written[address + i] == 1 { bits[i / 8] |= 1 << UInt8(i % 8) }
            return [request[0], UInt8(bits.count)] + bits
        case 5:
            if !isStubborn { written[address] = count == 0xFF00 ? 1 : 0 }
            return Array(request.prefix(5))
        case 15:
            for i in 0..<count where !isStubborn {
                written[address + i] = UInt16(request[6 + i / 8] >> UInt8(i % 8) & 1)
            }
            return Array(request.prefix(5))
        case 6:
            if missing.contains(address) { return [0x86, 2] }
            if !isStubborn { written[address] = UInt16(count) }
            return Array(request.prefix(5))
        case 16:
            if missing.contains(address) { return [0x90, 2] }
            for i in 0..<count where !isStubborn {
                written[address + i] = UInt16(request[6 + i * 2]) << 8 | UInt16(request[7 + i * 2])
            }
            return Array(request.prefix(5))
        default: return [request[0] | 0x80, 1]
        }
    }

    static func register(_ address: Int, _ unit: UInt8, _ number: UInt16, _ written: [Int: UInt16] = [:]) -> UInt16 {
        if let value = written[address] { return value }
        return address % 2 == 0 ? number : UInt16(truncatingIfNeeded: (address - 1) ^ Int(unit) * 257)
    }

    /// What a pair at an even address must read when asked for at `moment`.
    func truth(_ address: Int, _ unit: UInt8, askedAt time: MonotonicTime) -> Double? {
        numberAt[time.nanoseconds].map { number in
            Double(UInt32(number) << 16 | UInt32(MadeUpBus.register(address + 1, unit, number)))
        }
    }

    /// Forgets the times of requests long past.
    func forget(before time: MonotonicTime) { numberAt = numberAt.filter { $0.key >= time.nanoseconds } }
}

/// A machine with register pairs, two requests' worth of them.
func pairProfile(
    _ addresses: [Int] = [0, 2, 4, 6, 100, 102, 104], manners: EquipmentManners = EquipmentManners(),
    change: (inout EquipmentPoint) -> Void = { _ in }
) -> EquipmentProfile {
    EquipmentProfile(
        name: "made-up", kind: .other, title: "", manufacturer: "", model: "", source: "", manners: manners,
        points: addresses.map { address in
            var point = EquipmentPoint(
                path: "p\(address)", table: .holding, address: address, type: .unsigned32, rate: .fast)
            change(&point)
            return point
        })
}

/// An engine on a made-up bus.
struct MadeUpSite {
    let time = MadeUpTime()
    let channel: MadeUpBus
    let board: Board
    let engine: BusEngine
    let events: Mailbox<EventDraft>

    init(
        _ framing: BusMaster.Framing, units: [UInt8] = [1], profile: EquipmentProfile = pairProfile(),
        timeout: Nanoseconds = .milliseconds(200), interval: Nanoseconds = .seconds(1), normal: Nanoseconds? = nil,
        seed: UInt64 = 1, bunches: Int? = nil
    ) throws {
        let link: ModbusLink =
            framing == .tcp
            ? .tcp(host: "made-up", port: 502)
            : .rtu(device: "made-up", SerialSettings(baud: 19200, parity: .even, stopBits: 1), kernelRS485: false)
        let bus = ModbusBus(
            name: "bus", link: link, timeout: timeout,
            units: units.map { unit in
                ModbusUnit(
                    name: "u\(unit)", unitID: Int(unit), profile: profile,
                    intervals: PollIntervals(fast: interval, normal: normal ?? interval, slow: .seconds(60)))
            })
        channel = MadeUpBus(time, framing, timeout: timeout, seed: seed)
        board = Board(PointTable(ModbusPlan(buses: [bus]).points))
        events = try Mailbox(capacity: 10_000)
        let master = BusMaster(
            channel: channel, framing: framing,
            serial: framing == .rtu ? SerialSettings(baud: 19200, parity: .even, stopBits: 1) : nil, gap: .zero,
            time: time, trace: FrameTrace())
        engine = BusEngine(
            bus: bus, master: master, board: board, time: time, events: events, bunches: bunches)
    }

    /// Lets the owner thread's loop run for a made-up while.
    func run(_ span: Nanoseconds, after each: () -> Void = {}) {
        let end = time.now().monotonic + span
        while time.now().monotonic < end {
            let next = engine.step()
            each()
            if next > time.now().monotonic { time.pass(until: min(next, end)) }
        }
    }

    /// The same as the shared rounds do it: never waiting, and back to the bus's own thread where that fails.
    func runShared(_ span: Nanoseconds, after each: () -> Void = {}) {
        let end = time.now().monotonic + span
        while time.now().monotonic < end {
            if engine.isSteady || engine.openPoll != nil {
                let hasBytes = channel.nextArrival <= time.now().monotonic
                if let next = engine.advance(hasBytes: hasBytes) {
                    time.pass(until: min(next, channel.nextArrival, end))
                    each()
                    continue
                }
                engine.finishOpenPoll()
                each()
            }
            let next = engine.step()
            each()
            if next > time.now().monotonic { time.pass(until: min(next, end)) }
        }
    }

    func reading(_ name: String) -> Reading? {
        board.points.id(of: name).map { board.reading($0, at: time.now().monotonic) }
    }
}
