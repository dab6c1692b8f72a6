internal import Modbus
internal import Platform
internal import Profiles
internal import Site

/// Puts questions on a bus through the running agent, which owns it.
struct AgentBus: ModbusAsking {
    let client: AgentClient
    let bus: String

    func ask(unitID: Int, _ question: ModbusQuestion, timeout: Nanoseconds?) -> ModbusAnswer {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("do", "ask")
        writer.field("bus", bus)
        writer.field("id", unitID)
        switch question {
        case .read(let table, let address, let count):
            writer.field("table", table.rawValue)
            writer.field("address", address)
            writer.field("count", count)
        case .identification: writer.field("identification", true)
        }
        if let timeout { writer.field("timeout", timeout.wholeMilliseconds) }
        writer.endObject()
        do throws(AgentClient.Fault) {
            return ModbusAnswer(try client.postJSON("/v1/actions/modbus", writer.bytes))
                ?? .failed("the agent's answer is no answer")
        } catch { return .failed(error.description) }
    }
}

/// Whom a command means, and the way there: through the agent where it owns the bus, directly otherwise.
struct ModbusTarget {
    var asker: any ModbusAsking
    var unitID: Int
    /// Where the site file knows it.
    var unit: ModbusUnit?
    var link: ModbusLink
    var isThroughAgent: Bool

    static let options: [Command.Option] = [
        .init("--id", value: "N", "Unit id (default 1, or the site file's)"),
        .init("--serial", value: "SETTINGS", "For a serial device: '19200 8E1' (default 9600 8N1)"),
        .init("--rtu", "Serial frames through TCP (a serial server that knows no Modbus)"),
        .init("--timeout", value: "MS", "How long an answer may take (default 1000)"),
    ]

    struct Fault: Error { let text: String }

    /// `text`: a unit of the site file, host[:port], or a serial device.
    static func find(_ text: String, _ invocation: Invocation) throws(Fault) -> ModbusTarget {
        let plan = sitePlan(invocation)
        let client = AgentClient(socketPath: invocation.socketPath)
        let id = try unitID(invocation)
        try checkTimeout(invocation)
        for bus in plan?.modbus.buses ?? [] {
            guard let unit = bus.units.first(where: { $0.name == text }) else { continue }
            return target(bus.link, bus.name, id ?? unit.unitID, unit, client, invocation)
        }
        let link = try link(text, invocation)
        let bus = plan?.modbus.buses.first { isSamePlace($0.link, link) }
        return target(link, bus?.name, id ?? 1, nil, client, invocation)
    }

    private static func target(
        _ link: ModbusLink, _ bus: String?, _ id: Int, _ unit: ModbusUnit?, _ client: AgentClient,
        _ invocation: Invocation
    ) -> ModbusTarget {
        if let bus, isRunning(client) {
            return ModbusTarget(
                asker: AgentBus(client: client, bus: bus), unitID: id, unit: unit, link: link, isThroughAgent: true)
        }
        return ModbusTarget(
            asker: DirectBus(link, timeout: timeout(invocation)), unitID: id, unit: unit, link: link,
            isThroughAgent: false)
    }

    static func isRunning(_ client: AgentClient) -> Bool {
        do throws(AgentClient.Fault) {
            _ = try client.post("/v1/actions/modbus", Array(#"{"do":"stats"}"#.utf8))
            return true
        } catch { return false }
    }

    static func sitePlan(_ invocation: Invocation) -> SitePlan? {
        try? SiteFile.load(invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder)
    }

    static func timeout(_ invocation: Invocation, default fallback: Nanoseconds = .seconds(1)) -> Nanoseconds {
        guard let text = invocation["--timeout"], let number = Int64(text), (20...30_000).contains(number) else {
            return fallback
        }
        return .milliseconds(number)
    }

    static func checkTimeout(_ invocation: Invocation) throws(Fault) {
        do throws(Invocation.UsageFault) { _ = try invocation.integer("--timeout", 20...30_000, default: 20) } catch {
            throw Fault(text: error.text + " milliseconds")
        }
    }

    /// For somebody who mistyped a name.
    static func knownUnits(_ invocation: Invocation) -> String {
        guard let plan = sitePlan(invocation) else {
            return "there is no readable site file at \(invocation.sitePath) (mdc-agent check says why)"
        }
        let names = plan.modbus.buses.flatMap(\.units).map(\.name)
        return names.isEmpty ? "the site file has no units" : "the site file's units: " + names.joined(separator: ", ")
    }

    private static func unitID(_ invocation: Invocation) throws(Fault) -> Int? {
        guard let text = invocation["--id"] else { return nil }
        guard let id = Int(text), (0...255).contains(id) else {
            throw Fault(text: "--id: found '\(text)', expected 0 to 255")
        }
        return id
    }

    static func link(_ text: String, _ invocation: Invocation) throws(Fault) -> ModbusLink {
        if text.contains("/") {
            let settings = invocation["--serial"] ?? "9600 8N1"
            guard let serial = SerialSettings(settings) else {
                throw Fault(text: "--serial: found '\(settings)', expected such as '19200 8E1'")
            }
            return .rtu(device: text, serial, kernelRS485: false)
        }
        var host = text
        var port = 502
        if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
            host = String(text[..<colon])
            guard let number = Int(text[text.index(after: colon)...]), (1...65535).contains(number) else {
                throw Fault(text: "'\(text)': the port must be 1 to 65535")
            }
            port = number
        }
        if host.isEmpty { throw Fault(text: "'\(text)' is no unit of the site file and no address") }
        return invocation.has("--rtu") ? .rtuOverTCP(host: host, port: port) : .tcp(host: host, port: port)
    }

    static func isSamePlace(_ a: ModbusLink, _ b: ModbusLink) -> Bool {
        switch (a, b) {
        case (.rtu(let one, _, _), .rtu(let other, _, _)): one == other || realPath(one) == realPath(other)
        default: a == b
        }
    }
}

extension SerialSettings {
    /// "19200 8E1"
    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, let baud = Int(words[0]), baud >= 300, words[1].count == 3, words[1].hasPrefix("8"),
            let parity = Parity(rawValue: String(words[1].dropFirst().prefix(1))),
            let stopBits = Int(words[1].suffix(1)), (1...2).contains(stopBits)
        else { return nil }
        self.init(baud: baud, parity: parity, stopBits: stopBits)
    }
}
