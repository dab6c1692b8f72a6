internal import Modbus
internal import Platform
internal import Profiles
internal import Site

/// `modbus scan` and `modbus identify`: who is there, what it is, and the lines for the site file.
extension ModbusCommands {
    private static let speeds = [
        "9600 8N1", "19200 8E1", "19200 8N1", "9600 8E1", "38400 8N1", "115200 8N1", "115200 8E1",
    ]

    static let scan = Command(
        "modbus", "scan", summary: "Look for machines at an address or on a serial line",
        discussion: """
            Asks each unit id one harmless question (read register 0); every answer counts, also a refusal. A host
            is tried on the usual ports, a serial line at the usual speeds unless --serial gives one. A bus that the
            agent owns is scanned through it, between its polls. Ends with the lines to paste into the site file.
            """,
        arguments: [.init("TARGET", "host[:port] or serial device")],
        options: ModbusTarget.options.filter { $0.name != "--id" } + [
            .init("--ids", value: "LIST", "Unit ids: 1-247 (default; for hosts 1-10,100,247,255)"),
            .init("--ports", value: "LIST", "TCP ports (default 502,503,1502,4001,5020)"),
        ]
    ) { invocation in
        let text = invocation.arguments[0]
        let isSerial = text.hasPrefix("/")
        guard let ids = list(invocation["--ids"] ?? (isSerial ? "1-247" : "1-10,100,247,255"), 0...255),
            let ports = list(invocation["--ports"] ?? "502,503,1502,4001,5020", 1...65535)
        else { return usage(invocation, "expected a list such as 1-10,100") }
        var links: [ModbusLink] = []
        do throws(ModbusTarget.Fault) {
            if isSerial {
                for speed in invocation["--serial"].map({ [$0] }) ?? speeds {
                    guard let settings = SerialSettings(speed) else {
                        throw ModbusTarget.Fault(text: "--serial: found '\(speed)', expected such as '19200 8E1'")
                    }
                    links.append(.rtu(device: text, settings, kernelRS485: false))
                }
            } else if text.contains(":") {
                links = [try ModbusTarget.link(text, invocation)]
            } else {
                links = ports.map { .tcp(host: text, port: $0) }
            }
        } catch { return usage(invocation, error.text) }
        var found: [(ModbusLink, UnitIdentity)] = []
        for link in links { found += look(at: link, ids, invocation) }
        return report(found, invocation)
    }

    private static func look(
        at link: ModbusLink, _ ids: [Int], _ invocation: Invocation
    ) -> [(ModbusLink, UnitIdentity)] {
        let timeout = ModbusTarget.timeout(invocation, default: .milliseconds(200))
        let console = invocation.console
        let bus = ModbusTarget.sitePlan(invocation)?.modbus.buses.first { $0.link == link }
        let client = AgentClient(socketPath: invocation.socketPath)
        let asker: any ModbusAsking
        if let bus, ModbusTarget.isRunning(client) {
            asker = AgentBus(client: client, bus: bus.name)
        } else {
            let direct = DirectBus(link, timeout: timeout)
            if let fault = direct.open() {
                if !invocation.wantsJSON { console.line("\(link): \(fault)") }
                return []
            }
            asker = direct
        }
        if !invocation.wantsJSON { console.line("\(link): asking \(ids.count) unit ids") }
        let profiles = library(invocation)
        var found: [(ModbusLink, UnitIdentity)] = []
        for id in ids where Discovery.isThere(asker, unitID: id, timeout: timeout) {
            let identity = Discovery.identify(asker, unitID: id, profiles: profiles, timeout: timeout * 5)
            if !invocation.wantsJSON { console.line("  unit \(id): \(summary(identity))") }
            found.append((link, identity))
        }
        return found
    }

    static let identify = Command(
        "modbus", "identify", summary: "Ask a machine what it is, and propose its lines for the site file",
        discussion: """
            Asks for its identification (function 43/14), its SunSpec models, and compares characteristic registers
            with every map of the hardware library. Reads only.
            """,
        arguments: [.init("TARGET", "unit, host[:port] or serial device")], options: ModbusTarget.options
    ) { invocation in
        do throws(ModbusTarget.Fault) {
            let target = try ModbusTarget.find(invocation.arguments[0], invocation)
            let identity = Discovery.identify(
                target.asker, unitID: target.unitID, profiles: library(invocation),
                timeout: ModbusTarget.timeout(invocation))
            if !identity.answers {
                invocation.console.trouble(
                    "unit \(target.unitID) at \(target.link) does not answer",
                    remedy: "mdc-agent modbus scan looks for other ids, ports and speeds")
                return .fault
            }
            if !invocation.wantsJSON { invocation.console.line(summary(identity)) }
            return report([(target.link, identity)], invocation)
        } catch { return usage(invocation, error.text) }
    }

    private static func library(_ invocation: Invocation) -> [EquipmentProfile] {
        HardwareLibrary.load(invocation.hardwareFolder, FaultCollector()).equipment.values.sorted { $0.name < $1.name }
    }

    private static func summary(_ identity: UnitIdentity) -> String {
        var parts = [0, 1, 4, 5, 2].compactMap { identity.texts[$0] }.filter { !$0.isEmpty }
        if !identity.models.isEmpty {
            parts.append("SunSpec models " + identity.models.map(String.init).joined(separator: ", "))
        }
        if !identity.profiles.isEmpty { parts.append("fits " + identity.profiles.joined(separator: ", ")) }
        return parts.isEmpty ? "answers, says nothing about itself" : parts.joined(separator: "; ")
    }

    private static func report(_ found: [(ModbusLink, UnitIdentity)], _ invocation: Invocation) -> ExitCode {
        if invocation.wantsJSON {
            invocation.console.json { writer in
                writer.beginObject()
                writer.beginArray("units")
                for (link, identity) in found { write(link, identity, &writer) }
                writer.endArray()
                writer.endObject()
            }
        } else if found.isEmpty {
            invocation.console.trouble(
                "nobody answered", remedy: "check power, wiring and termination; then --ids and --timeout")
        } else {
            invocation.console.line(proposal(found))
        }
        return found.isEmpty ? .finding : .healthy
    }

    private static func write(_ link: ModbusLink, _ identity: UnitIdentity, _ writer: inout ByteWriter) {
        writer.beginObject()
        writer.field("address", "\(link)")
        writer.field("id", identity.unitID)
        writer.beginObject("texts")
        for key in identity.texts.keys.sorted() {
            writer.key(string: "\(key)")
            writer.value(identity.texts[key] ?? "")
        }
        writer.endObject()
        writer.beginArray("models")
        for model in identity.models { writer.value(model) }
        writer.endArray()
        writer.beginArray("profiles")
        for profile in identity.profiles { writer.value(profile) }
        writer.endArray()
        writer.endObject()
    }

    /// The site file's lines for what was found, ready to paste.
    static func proposal(_ found: [(ModbusLink, UnitIdentity)]) -> String {
        var text = "modbus:\n  buses:\n"
        var links: [ModbusLink] = []
        for (link, _) in found where !links.contains(link) { links.append(link) }
        for (number, link) in links.enumerated() {
            text += "    bus\(number + 1):\n"
            switch link {
            case .tcp(let host, let port): text += "      tcp: \(host):\(port)\n"
            case .rtuOverTCP(let host, let port): text += "      rtu-over-tcp: \(host):\(port)\n"
            case .rtu(let device, let settings, _): text += "      rtu: \(device)\n      serial: \(settings)\n"
            }
            text += "      units:\n"
            for (_, identity) in found.filter({ $0.0 == link }) {
                let known = identity.profiles.first
                let models =
                    identity.models.isEmpty
                    ? "" : ", models: [\(identity.models.map(String.init).joined(separator: ", "))]"
                let others = identity.profiles.dropFirst()
                text += "        unit\(number + 1)-\(identity.unitID): "
                text += "{profile: \(known ?? "PROFILE"), unit: \(identity.unitID)"
                text += (known == nil ? "" : models) + "}"
                if known == nil { text += "   # no map fits: mdc-agent hardware list" }
                if !others.isEmpty { text += "   # also fits: " + others.joined(separator: ", ") }
                text += "\n"
            }
        }
        return text
    }

    /// "1-10,100"
    static func list(_ text: String, _ range: ClosedRange<Int>) -> [Int]? {
        var numbers: [Int] = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-").map { Int($0) }
            guard let low = ends.first ?? nil, let high = ends.last ?? nil, ends.count <= 2, low <= high,
                range.contains(low), range.contains(high)
            else { return nil }
            numbers += low...high
        }
        return numbers.isEmpty ? nil : numbers
    }
}
