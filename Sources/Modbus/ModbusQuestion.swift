public import Platform
public import Site

/// Something that may be asked of any unit without changing it.
public enum ModbusQuestion: Equatable, Sendable {
    case read(RegisterTable, address: Int, count: Int)
    /// Function 43/14, basic texts.
    case identification

    var request: RequestPDU {
        switch self {
        case .read(let table, let address, let count): .read(table, address: address, count: count)
        case .identification: .identify(code: 1, object: 0)
        }
    }

    /// What the protocol allows in one request.
    public var isAllowed: Bool {
        guard case .read(let table, let address, let count) = self else { return true }
        return address >= 0 && count >= 1 && address + count <= 65536 && count <= (table.holdsBits ? 2000 : 125)
    }
}

public enum ModbusAnswer: Equatable, Sendable {
    /// Registers, or coils as 0 and 1.
    case values([UInt16])
    /// By object: 0 vendor, 1 product code, 2 revision, 3 address, 4 product, 5 model.
    case texts([Int: String])
    /// The unit is there and says no.
    case exception(Int, String)
    /// Nobody answers, or there is no way to ask.
    case failed(String)

    /// Whether a unit answered at all; 10 and 11 are a gateway's own words for "nobody there".
    public var isFromUnit: Bool {
        switch self {
        case .values, .texts: true
        case .exception(let code, _): code != 10 && code != 11
        case .failed: false
        }
    }

    /// Function 43/14: code, conformity, more, next, count, then id, length and text of each object.
    static func texts(_ pdu: [UInt8]) -> [Int: String] {
        var texts: [Int: String] = [:]
        guard pdu.count >= 7 else { return texts }
        var at = 7
        for _ in 0..<Int(pdu[6]) {
            guard at + 2 <= pdu.count, at + 2 + Int(pdu[at + 1]) <= pdu.count else { break }
            let bytes = pdu[(at + 2)..<(at + 2 + Int(pdu[at + 1]))]
            let printable = bytes.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
            texts[Int(pdu[at])] = String(decoding: printable, as: UTF8.self)
            at += 2 + bytes.count
        }
        return texts
    }

    static func values(of request: RequestPDU, _ pdu: [UInt8]) -> [UInt16]? {
        guard case .read(let table, _, let count) = request else { return nil }
        if table.holdsBits {
            guard pdu.count >= 2 + (count + 7) / 8 else { return nil }
            return (0..<count).map { UInt16(pdu[2 + $0 / 8] >> UInt8($0 % 8) & 1) }
        }
        guard pdu.count >= 2 + count * 2 else { return nil }
        return (0..<count).map { UInt16(pdu[2 + $0 * 2]) << 8 | UInt16(pdu[3 + $0 * 2]) }
    }
}

/// Whoever can put questions on a bus: a connection of one's own, or the agent that owns it.
public protocol ModbusAsking {
    func ask(unitID: Int, _ question: ModbusQuestion, timeout: Nanoseconds?) -> ModbusAnswer
}

/// A bus of one's own, for technicians while no agent runs: opened at the first question.
public final class DirectBus: ModbusAsking {
    private let master: BusMaster
    private var lines: [Int: UnitLine] = [:]
    private let timeout: Nanoseconds
    private let isSerial: Bool
    public let trace = FrameTrace()

    public init(_ link: ModbusLink, timeout: Nanoseconds = .seconds(1)) {
        self.timeout = timeout
        if case .rtu = link { isSerial = true } else { isSerial = false }
        let bus = ModbusBus(
            name: "direct", link: link, timeout: timeout, connectTimeout: timeout + .seconds(1), units: [])
        master = BusOwner.makeMaster(bus, time: SystemTime(), trace: trace)
    }

    public func ask(unitID: Int, _ question: ModbusQuestion, timeout: Nanoseconds?) -> ModbusAnswer {
        guard question.isAllowed, (0...255).contains(unitID) else { return .failed("outside what Modbus can ask") }
        if let trouble = open() { return .failed(trouble.text) }
        let line = lines[unitID] ?? UnitLine(unitID: UInt8(unitID), timeout: self.timeout)
        lines[unitID] = line
        return master.ask(line, question, timeout: timeout)
    }

    public struct Trouble: Equatable, Sendable {
        public var text: String
        /// Another port or speed will not help.
        public var isHopeless: Bool
        public init(text: String, isHopeless: Bool) {
            self.text = text
            self.isHopeless = isHopeless
        }
    }

    /// Nil: there is a connection. Otherwise why not.
    public func open() -> Trouble? {
        if master.channel.isOpen { return nil }
        do throws(ChannelFault) {
            try master.channel.open()
            return nil
        } catch {
            switch error {
            case .nameNotFound, .noPermission: return Trouble(text: error.text, isHopeless: true)
            // On a serial line everything that hinders opening has to do with the device.
            default: return Trouble(text: error.text, isHopeless: isSerial)
            }
        }
    }
}
