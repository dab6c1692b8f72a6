internal import Modbus
internal import Platform
internal import Site

/// `modbus read|write|watch|stats|scan|identify`: the buses in a technician's hands.
enum ModbusCommands {
    static let all = [read, write, watch, stats, scan, identify]

    // MARK: - modbus read

    static let read = Command(
        "modbus", "read", summary: "Read registers, or one point, from a machine now",
        discussion: """
            TARGET is a unit of the site file, host[:port] or a serial device; PLACE is a table and the number on
            the wire (holding:768, input:0, coil:8, discrete:3) or a point's path in the unit's map. A bus of the
            site is asked through the running agent, between its polls; without an agent the machine is asked
            directly.
              mdc-agent modbus read ups1 battery.charge
              mdc-agent modbus read 192.168.10.21 holding:128 --count 4
              mdc-agent modbus read /dev/ttyUSB0 input:0 --type f32 --serial '9600 8N1' --id 3
            """,
        arguments: [.init("TARGET", "unit, host[:port] or serial device"), .init("PLACE", "table:number, or a path")],
        options: ModbusTarget.options + [
            .init("--count", value: "N", "How many registers or coils (default: as the type needs)"),
            .init("--type", value: "T", "u16 i16 u32 i32 u48 u64 i64 f32 f64 bcd16 bcd32 string (default u16)"),
            .init("--low-first", "The low word comes first"),
        ]
    ) { invocation in
        let target: ModbusTarget
        var point: EquipmentPoint
        do throws(ModbusTarget.Fault) {
            target = try ModbusTarget.find(invocation.arguments[0], invocation)
            point = try place(invocation.arguments[1], target, invocation)
        } catch { return usage(invocation, error.text) }
        if !point.isReadable { return usage(invocation, "'\(point.path)' is a pure command: nothing is there to read") }
        switch Discovery.locate(point, target.asker, unitID: target.unitID, timeout: nil) {
        case .found(let placed): point = placed
        case .failed(let text): return show(.failed(text), nil, point, target, invocation)
        }
        guard let question = point.question, question.isAllowed else {
            return usage(invocation, "this cannot be read in one request (1 to 125 registers, 2000 coils)")
        }
        return show(
            target.asker.ask(unitID: target.unitID, question, timeout: nil), question, point, target, invocation)
    }

    /// A point of the unit's map, or one made from `table:number` and the options.
    private static func place(
        _ text: String, _ target: ModbusTarget, _ invocation: Invocation
    ) throws(ModbusTarget.Fault) -> EquipmentPoint {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let table = RegisterTable(rawValue: String(parts[0])) else {
            if let point = target.unit?.points.first(where: { $0.path == text }) { return point }
            throw ModbusTarget.Fault(text: noSuchPlace(text, target, invocation))
        }
        let digits = parts[1]
        let number = digits.hasPrefix("0x") ? Int(digits.dropFirst(2), radix: 16) : Int(digits)
        guard let address = number, (0...65535).contains(address) else {
            throw ModbusTarget.Fault(text: "'\(digits)': expected a register number from 0 to 65535")
        }
        let named = invocation["--type"] ?? (table.holdsBits ? "bit" : "u16")
        guard let type = RegisterType(rawValue: named), (type == .bit) == table.holdsBits else {
            throw ModbusTarget.Fault(
                text: "--type: no type '\(named)' in \(table.rawValue); there is: "
                    + (table.holdsBits
                        ? "bit"
                        : RegisterType.allCases.filter { $0 != .bit }.map(\.rawValue)
                            .joined(separator: " ")))
        }
        let count: Int
        do throws(Invocation.UsageFault) {
            count = try invocation.integer("--count", 1...(table.holdsBits ? 2000 : 125), default: type.words)
        } catch { throw ModbusTarget.Fault(text: error.text) }
        guard address + count <= 65536 else {
            throw ModbusTarget.Fault(text: "\(count) from \(address) is beyond the last register, 65535")
        }
        return EquipmentPoint(
            path: text, table: table, address: address, type: type, words: count,
            isLowWordFirst: invocation.has("--low-first"))
    }

    /// What is known in place of what was asked for.
    private static func noSuchPlace(_ text: String, _ target: ModbusTarget, _ invocation: Invocation) -> String {
        guard let unit = target.unit else {
            return "'\(text)' is no table:number, such as holding:0, and '\(invocation.arguments[0])' is no unit whose "
                + "points could be named; " + ModbusTarget.knownUnits(invocation)
        }
        let first = text.prefix { $0 != "." }
        let paths = unit.points.filter(\.isReadable).map(\.path)
        let near = paths.filter { $0.hasPrefix(first) }
        let shown = (near.isEmpty ? paths : near).prefix(10).joined(separator: ", ")
        return "'\(text)' is neither table:number nor a point of \(unit.name), which has \(shown)"
            + (paths.count > 10 ? ", ... (mdc-agent points '\(unit.name).*')" : "")
    }

    private static func show(
        _ answer: ModbusAnswer, _ question: ModbusQuestion?, _ point: EquipmentPoint, _ target: ModbusTarget,
        _ invocation: Invocation
    ) -> ExitCode {
        if invocation.wantsJSON { json(answer, point, target, invocation) }
        switch answer {
        case .values(let values):
            guard case .read(let table, let start, _) = question else { return .internalFault }
            if !invocation.wantsJSON { invocation.console.table([], rows(values, table, start, point)) }
            return .healthy
        case .exception(let code, let text):
            invocation.console.trouble("exception \(code): \(text)", remedy: remedy(code))
            return .finding
        case .failed(let text):
            invocation.console.trouble(text)
            return .fault
        case .texts: return .healthy
        }
    }

    /// `value` and `quality` as in /v1/points, beside the registers as they came.
    private static func json(
        _ answer: ModbusAnswer, _ point: EquipmentPoint, _ target: ModbusTarget, _ invocation: Invocation
    ) {
        invocation.console.json { writer in
            writer.beginObject()
            if let unit = target.unit { writer.field("point", unit.pointName(point)) }
            writer.field("id", target.unitID)
            writer.field("table", point.table.rawValue)
            writer.field("address", point.address)
            switch answer {
            case .values(let values):
                writer.beginArray("values")
                for value in values { writer.value(value) }
                writer.endArray()
                let (value, reason) = point.value(of: values)
                writer.key("value")
                switch value {
                case .number(let number): writer.value(number)
                case .text(let text): writer.value(text)
                case nil: writer.null()
                }
                writer.field("unit", point.unit.rawValue)
                writer.field("quality", (value == nil ? Quality.invalid : .good).text)
                if value == nil { writer.field("reason", reason.text) }
                if !point.isVerified { writer.field("verified", false) }
            case .exception(let code, let text):
                writer.field("exception", code)
                writer.field("text", text)
            case .failed(let text): writer.field("failed", text)
            case .texts: break
            }
            writer.endObject()
        }
    }

    /// Several values of one type: one line each.
    private static func rows(
        _ values: [UInt16], _ table: RegisterTable, _ start: Int, _ point: EquipmentPoint
    ) -> [[Console.Cell]] {
        // A point's power of ten is read with it: that is one value, however many registers.
        let isOne = point.type == .text || point.scaleRegister != nil
        let step = table.holdsBits ? 1 : isOne ? values.count : point.type.words
        return stride(from: 0, to: values.count, by: max(1, step)).map { at in
            let words = Array(values[at..<min(at + step, values.count)])
            var one = point
            if !isOne { (one.address, one.words) = (start + at, words.count) }
            let hex = words.map { "0x" + hexText([UInt8($0 >> 8), UInt8($0 & 0xFF)]) }.joined(separator: " ")
            let row: [Console.Cell] = [
                .init("\(table.rawValue):\(start + at)", .faint),
                .init(words.count == step ? one.words(of: words) : "", .strong), .init(table.holdsBits ? "" : hex),
            ]
            return point.isVerified ? row : row + [.init("unverified: compare with its panel", .attention)]
        }
    }

    private static func remedy(_ code: Int) -> String? {
        switch code {
        case 1: "the machine does not know this function: is it the right table?"
        case 2: "the machine has no such register: count from 0, and mind exact lengths"
        case 10, 11: "the gateway answers, the unit behind it does not: check --id and the line"
        default: nil
        }
    }

    static func usage(_ invocation: Invocation, _ text: String) -> ExitCode {
        invocation.console.trouble("\(invocation.command.name): \(text)")
        return .usage
    }

    // MARK: - modbus write

    static let write = Command(
        "modbus", "write", summary: "Change a point: shows what would be sent, and does it with --yes",
        discussion: """
            Goes through the running agent and its guard: only what the machine's map marks writable and the site
            file allows, within its limits. The agent reads the value back and says whether it took: confirmed,
            mismatch, rejected or unknown (exit 0, 1, 77, 2). VALUE is a number in the point's unit, or a state's text.
            """,
        arguments: [.init("POINT", "its full name: crac1.setpoint"), .init("VALUE", "a number or a state")],
        options: [
            .init("--yes", "Do it; without this nothing is changed"),
            .init("--why", value: "TEXT", "The reason, for the journal"),
        ]
    ) { invocation in
        guard let value = number(invocation) else {
            let states = point(invocation.arguments[0], invocation)?.states.map(\.text) ?? []
            return usage(
                invocation,
                "'\(invocation.arguments[1])' is no number"
                    + (states.isEmpty ? ", and \(invocation.arguments[0]) has no states" : "; states: ")
                    + states.joined(separator: ", "))
        }
        let client = AgentClient(socketPath: invocation.socketPath)
        do throws(AgentClient.Fault) {
            return invocation.has("--yes")
                ? try carryOut(invocation, client, value) : try preview(invocation, client, value)
        } catch { return invocation.failed(error) }
    }

    private static func number(_ invocation: Invocation) -> Double? {
        let text = invocation.arguments[1]
        if let number = Double(text), number.isFinite { return number }
        return point(invocation.arguments[0], invocation)?.states.first { $0.text == text }.map { Double($0.code) }
    }

    private static func point(_ name: String, _ invocation: Invocation) -> EquipmentPoint? {
        for unit in ModbusTarget.sitePlan(invocation)?.modbus.buses.flatMap(\.units) ?? [] {
            if let point = unit.points.first(where: { unit.pointName($0) == name }) { return point }
        }
        return nil
    }

    private static func preview(
        _ invocation: Invocation, _ client: AgentClient, _ value: Double
    ) throws(AgentClient.Fault) -> ExitCode {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("do", "preview")
        writer.field("point", invocation.arguments[0])
        writer.field("value", value)
        writer.endObject()
        let bytes = try client.post("/v1/actions/modbus", writer.bytes)
        let answer = try AgentClient.parse(bytes)
        if invocation.wantsJSON {
            invocation.console.raw(String(decoding: bytes, as: UTF8.self) + "\n")
        } else {
            if let current = answer["current"] { invocation.console.line("now      \(valueText(current))") }
            for request in answer["requests"]?.array ?? [] {
                invocation.console.line("sends    \(request.string ?? "")")
            }
            if let proof = answer["readback"]?.string, !proof.isEmpty { invocation.console.line("proof    \(proof)") }
        }
        if let refused = answer["refused"]?.string {
            invocation.console.trouble(refused)
            return .noPermission
        }
        invocation.console.trouble("nothing was changed", remedy: "add --yes to do it")
        return .healthy
    }

    private static func carryOut(
        _ invocation: Invocation, _ client: AgentClient, _ value: Double
    ) throws(AgentClient.Fault) -> ExitCode {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("point", invocation.arguments[0])
        writer.field("value", value)
        writer.field("purpose", invocation["--why"] ?? "by hand")
        writer.endObject()
        let bytes = try client.post("/v1/actions/write", writer.bytes)
        let answer = try AgentClient.parse(bytes)
        if invocation.wantsJSON {
            invocation.console.raw(String(decoding: bytes, as: UTF8.self) + "\n")
        } else {
            let text = answer["text"]?.string ?? answer["done"]?.string ?? ""
            invocation.console.line("\(answer["outcome"]?.string ?? "done") \(text)")
        }
        return switch answer["outcome"]?.string {
        case "mismatch": .finding
        case "rejected": .noPermission
        case "unknown": .fault
        default: .healthy
        }
    }
}
