internal import Modbus
internal import Platform
internal import Profiles
internal import Site

/// `modbus scan` and `modbus identify`: who is there, what it is, and the lines for the site file.
extension ModbusCommands {
    /// What machines leave the factory with, the commonest first.
    private static let speeds = [
        "9600 8N1", "19200 8E1", "19200 8N1", "9600 8E1", "38400 8N1", "115200 8N1", "115200 8E1", "4800 8N1",
        "9600 8N2", "19200 8O1",
    ]

    static let scan = Command(
        "modbus", "scan", summary: "Look for machines at an address or on a serial line",
        discussion: """
            Asks each unit id one harmless question (read register 0); every answer counts, also a refusal. A host
            is tried on the usual ports, a serial line at the usual speeds and parities until somebody answers: all
            247 ids take 50 s a speed. A bus that the agent owns is scanned through it, at its own speed, between its
            polls. Ends with the lines to paste into the site file.
              mdc-agent modbus scan 192.168.10.21
              mdc-agent modbus scan /dev/serial/by-id/usb-FTDI_... --ids 1-16 --serial '9600 8N1,19200 8E1'
            """,
        arguments: [.init("TARGET", "host[:port], serial device, or a unit whose bus is meant")],
        options: ModbusTarget.options.filter { $0.name != "--id" && $0.name != "--serial" } + [
            .init("--ids", value: "LIST", "Unit ids: 1-247 (default; for hosts 1-10,100,247,255)"),
            .init("--ports", value: "LIST", "TCP ports (default 502,503,1502,4001,5020)"),
            .init("--serial", value: "LIST", "Speeds of a serial line: '9600 8N1,19200 8E1' (default: the usual ten)"),
        ]
    ) { invocation in
        do throws(ModbusTarget.Fault) {
            try ModbusTarget.checkTimeout(invocation)
            let links = try links(invocation)
            var isSerial = false
            if case .rtu = links.first { isSerial = true }
            guard let ids = list(invocation["--ids"] ?? (isSerial ? "1-247" : "1-10,100,247,255"), 0...255) else {
                throw ModbusTarget.Fault(text: "--ids: expected a list of 0 to 255 such as 1-10,100")
            }
            return report(look(links, ids, invocation), invocation)
        } catch { return usage(invocation, error.text) }
    }

    /// Everywhere that TARGET may mean.
    private static func links(_ invocation: Invocation) throws(ModbusTarget.Fault) -> [ModbusLink] {
        let text = invocation.arguments[0]
        let buses = ModbusTarget.sitePlan(invocation)?.modbus.buses ?? []
        if let bus = buses.first(where: { $0.name == text || $0.units.contains { $0.name == text } }) {
            return [bus.link]
        }
        if text.contains("/") {
            var links: [ModbusLink] = []
            let told = invocation["--serial"]?.split(separator: ",").map(String.init)
            for speed in told ?? speeds {
                guard let settings = SerialSettings(speed) else {
                    throw ModbusTarget.Fault(text: "--serial: found '\(speed)', expected such as '19200 8E1'")
                }
                links.append(.rtu(device: text, settings, kernelRS485: false))
            }
            return links
        }
        if text.contains(":") { return [try ModbusTarget.link(text, invocation)] }
        guard let ports = list(invocation["--ports"] ?? "502,503,1502,4001,5020", 1...65535) else {
            throw ModbusTarget.Fault(text: "--ports: expected a list of 1 to 65535 such as 502,5020")
        }
        return ports.map { invocation.has("--rtu") ? .rtuOverTCP(host: text, port: $0) : .tcp(host: text, port: $0) }
    }

    private static func look(
        _ links: [ModbusLink], _ ids: [Int], _ invocation: Invocation
    ) -> [(ModbusLink, UnitIdentity)] {
        let timeout = ModbusTarget.timeout(invocation, default: .milliseconds(200))
        let say: (String) -> Void = { text in if !invocation.wantsJSON { invocation.console.line(text) } }
        let client = AgentClient(socketPath: invocation.socketPath)
        let buses = ModbusTarget.isRunning(client) ? ModbusTarget.sitePlan(invocation)?.modbus.buses ?? [] : []
        // Two masters on one line hear each other's answers: what the agent owns is asked through it alone.
        var ways: [(link: ModbusLink, bus: String?)] = []
        for link in links {
            let bus = buses.first { ModbusTarget.isSamePlace($0.link, link) }
            if let bus, ways.contains(where: { $0.bus == bus.name }) { continue }
            ways.append((bus?.link ?? link, bus?.name))
        }
        let profiles = library(invocation)
        var found: [(ModbusLink, UnitIdentity)] = []
        Discovery.sweep(ways.map(\.link), ids: ids, timeout: timeout) { link in
            if let bus = ways.first(where: { $0.link == link })?.bus {
                say("\(link): asking \(ids.count) unit ids through the agent's bus \(bus)")
                return .open(AgentBus(client: client, bus: bus))
            }
            let direct = DirectBus(link, timeout: timeout)
            if let trouble = direct.open() {
                say("\(link): \(trouble.text)")
                return .shut(trouble)
            }
            say("\(link): asking \(ids.count) unit ids")
            return .open(direct)
        } found: { link, id, asker in
            let identity = Discovery.identify(asker, unitID: id, profiles: profiles, timeout: timeout * 5)
            say("  unit \(id): \(summary(identity))")
            found.append((link, identity))
        }
        return found
    }

    static let identify = Command(
        "modbus", "identify", summary: "Ask a machine what it is, and propose its lines for the site file",
        discussion: """
            Asks for its identification (function 43/14), its SunSpec models, and compares characteristic registers
            with every map of the hardware library. Where none is certain, the maps whose points make sense in
            what the machine answers are named as a guess. Reads only.
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
        if let best = identity.resembles.first {
            parts.append("looks like \(best.profile): \(best.fits) of \(best.of) registers make sense")
        }
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
            invocation.console.line()
            invocation.console.raw(proposal(found, kinds: kinds(invocation)))
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
        writer.beginArray("resembles")
        for likeness in identity.resembles {
            writer.beginObject()
            writer.field("profile", likeness.profile)
            writer.field("fits", likeness.fits)
            writer.field("of", likeness.of)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    private static func kinds(_ invocation: Invocation) -> [String: String] {
        Dictionary(library(invocation).map { ($0.name, $0.kind.rawValue) }) { a, _ in a }
    }

    /// The site file's lines for what was found, ready to paste. `kinds`: what the maps are of; the machines are
    /// named after it.
    static func proposal(_ found: [(ModbusLink, UnitIdentity)], kinds: [String: String]) -> String {
        var text = "modbus:\n  buses:\n"
        var numbers: [String: Int] = [:]
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
                let known = identity.profiles.first ?? identity.resembles.first?.profile
                let models =
                    identity.models.isEmpty
                    ? "" : ", models: [\(identity.models.map(String.init).joined(separator: ", "))]"
                let others = identity.profiles.dropFirst()
                let kind = known.flatMap { kinds[$0] } ?? "unit"
                numbers[kind, default: 0] += 1
                text += "        \(kind)\(numbers[kind] ?? 1): "
                text += "{profile: \(known ?? "PROFILE"), unit: \(identity.unitID)"
                text += (known == nil ? "" : models) + "}"
                if known == nil { text += "   # no map fits: mdc-agent hardware list" }
                if let best = identity.resembles.first {
                    text += "   # a guess, \(best.fits) of \(best.of) registers make sense: compare with its panel"
                    let rest = identity.resembles.dropFirst().map(\.profile)
                    if !rest.isEmpty { text += "; or " + rest.joined(separator: ", ") }
                }
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
