internal import Platform
internal import Site

extension Shape where Value == ModbusPlan {
    /// The site file's `modbus` section.
    static func modbus(_ library: HardwareLibrary) -> Shape {
        .object("modbus") { fields in
            let intervals = fields.optional(
                "intervals", .pollIntervals(PollIntervals()), default: PollIntervals(), "How often points are read")
            let buses = fields.optional(
                "buses", .dictionary(of: .modbusBus(library, intervals)), default: [],
                "name: {tcp|rtu|rtu-over-tcp: address, units: {...}}")
            let named = buses.map { name, bus in
                var bus = bus
                bus.name = name
                return bus
            }
            reportSharedUnits(named, fields)
            return ModbusPlan(buses: named)
        }
    }

    /// One device name, one device.
    private static func reportSharedUnits(_ buses: [ModbusBus], _ fields: Fields) {
        var seen: Set<String> = []
        for unit in buses.flatMap(\.units) where !seen.insert(unit.name).inserted {
            fields.report("buses", "two units are named '\(unit.name)'")
        }
    }
}

extension Shape where Value == PollIntervals {
    static func pollIntervals(_ outer: PollIntervals) -> Shape {
        .object("intervals") { fields in
            let range = Nanoseconds.milliseconds(20)...Nanoseconds.seconds(7 * 86_400)
            return PollIntervals(
                fast: fields.optional("fast", .duration(range), default: outer.fast, "Alarms and power"),
                normal: fields.optional("normal", .duration(range), default: outer.normal, "Everything else"),
                slow: fields.optional("slow", .duration(range), default: outer.slow, "Nameplates and counters"))
        }
    }
}

extension Shape where Value == ModbusBus {
    static func modbusBus(_ library: HardwareLibrary, _ intervals: PollIntervals) -> Shape {
        .object("a bus") { fields in
            let tcp = fields.optional("tcp", .hostAndPort(502), "host or host:port, Modbus/TCP")
            let overTCP = fields.optional("rtu-over-tcp", .hostAndPort(nil), "host:port of a serial server")
            let device = fields.optional("rtu", .text, "Serial device; best is /dev/serial/by-id/...")
            let serial = fields.optional("serial", .serialSettings, "19200 8E1; needed with rtu")
            let rs485 = fields.optional(
                "rs485", .flag, default: false, "Let the kernel switch the line's direction (RTS)")
            let own = fields.optional("intervals", .pollIntervals(intervals), default: intervals)
            let timeouts = Nanoseconds.milliseconds(20)...Nanoseconds.seconds(30)
            let timeout = fields.optional("timeout", .duration(timeouts), default: .seconds(1), "For an answer")
            let connect = fields.optional("connect-timeout", .duration(timeouts), default: .seconds(3))
            let gap = fields.optional(
                "gap", .duration(.zero ... .seconds(10)), default: .zero, "Silence between any two requests")
            let release = fields.optional(
                "release", .flag, "Give the connection back between polls, for machines that serve one client only")
            let units = fields.required("units", .dictionary(of: .modbusUnit(library, own)), "name: {profile: ...}")
            let link: ModbusLink
            switch (tcp, overTCP, device) {
            case (let address?, nil, nil): link = .tcp(host: address.host, port: address.port)
            case (nil, let address?, nil): link = .rtuOverTCP(host: address.host, port: address.port)
            case (nil, nil, let device?):
                guard let serial else {
                    if !fields.has("serial") { fields.report("rtu", "'serial' is missing, such as 19200 8E1") }
                    return nil
                }
                link = .rtu(device: device, serial, kernelRS485: rs485)
            default:
                if !["tcp", "rtu", "rtu-over-tcp"].contains(where: fields.has) || tcp != nil || overTCP != nil {
                    fields.report("tcp", "expected one of 'tcp', 'rtu', 'rtu-over-tcp'")
                }
                return nil
            }
            guard let units else { return nil }
            let named = units.map { name, unit in
                var unit = unit
                unit.name = name
                return unit
            }
            let isShy = named.contains { $0.profile.manners.isSingleConnection }
            return ModbusBus(
                name: "", link: link, timeout: timeout, connectTimeout: connect, gap: gap,
                isReleasedBetweenPolls: release ?? isShy, units: named)
        }
    }
}

struct HostAndPort {
    let host: String
    let port: Int
}

extension Shape where Value == HostAndPort {
    /// "10.0.0.5", "10.0.0.5:502", "[fd00::5]:502", "ups1.local"
    static func hostAndPort(_ usual: Int?) -> Shape {
        .scalar(
            .string(minLength: 1), expected: usual == nil ? "host:port" : "a host, or host:port"
        ) { text in
            var host = Substring(text)
            var port = usual
            if text.hasPrefix("[") {
                guard let end = text.firstIndex(of: "]") else { return nil }
                host = text[text.index(after: text.startIndex)..<end]
                let rest = text[text.index(after: end)...]
                if !rest.isEmpty {
                    guard rest.hasPrefix(":") else { return nil }
                    port = Int(rest.dropFirst())
                }
            } else if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
                host = text[..<colon]
                port = Int(text[text.index(after: colon)...])
            }
            guard !host.isEmpty, !host.contains(" "), let port, (1...65535).contains(port) else { return nil }
            return HostAndPort(host: String(host), port: port)
        }
    }
}
