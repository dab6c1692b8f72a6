public import Platform
internal import Site

extension ModbusRoom {
    /// What technicians ask of a running agent, as JSON both ways (`POST /v1/actions/modbus`):
    ///   {"do": "ask", "unit": "ups1" | "bus": "power", "id": 3, "table": "holding", "address": 0, "count": 2,
    ///    "timeout": ms}  ->  {"values": [...]} | {"exception": 2, "text": "..."} | {"failed": "..."}
    ///   the same with "identification": true  ->  {"texts": {"0": "..."}}
    ///   {"do": "preview", "point": "...", "value": 20}  ->  {"requests": [...], "readback": "...", "refused"?: "..."}
    ///   {"do": "trace", "bus": "power" or a unit on it, "since": 0}
    ///     ->  {"frames": [{"index", "time", "sent", "bytes", "text"}], "next"}
    ///   {"do": "stats"}  ->  {"buses": [...]}
    /// `reply` is called exactly once with an HTTP status, on this thread or a bus's, and must only hand over.
    public func perform(_ json: JSON, reply: @escaping @Sendable (_ status: Int, _ json: [UInt8]) -> Void) {
        switch json["do"]?.string {
        case "ask": ask(json, reply)
        case "preview": preview(json, reply)
        case "trace": traced(json, reply)
        case "stats": reply(200, statsJSON())
        default: reply(400, ModbusRoom.errorText("'do' must be ask, preview, trace or stats"))
        }
    }

    private typealias Reply = @Sendable (Int, [UInt8]) -> Void

    static func errorText(_ text: String) -> [UInt8] {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("error", text)
        writer.endObject()
        return writer.bytes
    }

    private func ask(_ json: JSON, _ reply: @escaping Reply) {
        guard let (owner, unitID) = target(json) else {
            return reply(404, ModbusRoom.errorText("no such unit or bus; 'modbus stats' lists them"))
        }
        var question = ModbusQuestion.identification
        if json["identification"]?.bool != true {
            guard let table = json["table"]?.string.flatMap(RegisterTable.init), let address = json["address"]?.integer,
                let count = json["count"]?.integer
            else { return reply(400, ModbusRoom.errorText("needs table, address and count")) }
            question = .read(table, address: address, count: count)
        }
        guard question.isAllowed else { return reply(400, ModbusRoom.errorText("outside what Modbus can ask")) }
        // A person's question may hold the bus for as long as a slow machine's poll, not longer.
        let timeout = json["timeout"]?.number.map { Nanoseconds(seconds: min(max($0, 20), 30_000) / 1000) }
        let sent = owner.send(
            .ask(unitID: UInt8(unitID), question, timeout: timeout) { answer in reply(200, answer.json) })
        if !sent { reply(503, ModbusRoom.errorText("bus \(owner.name) has too much to do")) }
    }

    private func target(_ json: JSON) -> (BusOwner, Int)? {
        if let name = json["unit"]?.string {
            for bus in plan.buses {
                guard let unit = bus.units.first(where: { $0.name == name }) else { continue }
                return owner(ofBus: bus.name).map { ($0, unit.unitID) }
            }
            return nil
        }
        guard let bus = json["bus"]?.string.flatMap(owner(ofBus:)), let id = json["id"]?.integer, (0...255).contains(id)
        else { return nil }
        return (bus, id)
    }

    private func preview(_ json: JSON, _ reply: @escaping Reply) {
        guard let point = json["point"]?.string, let value = json["value"]?.number else {
            return reply(400, ModbusRoom.errorText("needs point and value"))
        }
        guard let owner = owner(ofUnit: String(point.prefix { $0 != "." })) else {
            return reply(404, ModbusRoom.errorText("no point '\(point)' on any bus"))
        }
        let sent = owner.send(.preview(point: point, value: value) { preview in reply(200, preview.json) })
        if !sent { reply(503, ModbusRoom.errorText("bus \(owner.name) has too much to do")) }
    }

    private func traced(_ json: JSON, _ reply: Reply) {
        let name = json["bus"]?.string ?? ""
        guard let owner = owner(ofBus: name) ?? owner(ofUnit: name) else {
            return reply(404, ModbusRoom.errorText("no bus and no unit '\(name)'; 'modbus stats' lists them"))
        }
        owner.trace.enable(now: SystemTime.monotonic)
        let since = UInt64(min(max(0, json["since"]?.number ?? 0), 1e15))
        let frames = owner.trace.frames(since: since)
        var writer = ByteWriter()
        writer.beginObject()
        writer.beginArray("frames")
        for frame in frames {
            writer.beginObject()
            writer.field("index", frame.index)
            writer.field("time", frame.time.milliseconds)
            writer.field("sent", frame.isSent)
            writer.field("bytes", hexText(frame.bytes))
            writer.field("text", frame.text)
            writer.endObject()
        }
        writer.endArray()
        writer.field("next", frames.last.map { $0.index + 1 } ?? since)
        writer.endObject()
        reply(200, writer.bytes)
    }

    private func statsJSON() -> [UInt8] {
        var writer = ByteWriter()
        writer.beginObject()
        writer.beginArray("buses")
        for bus in status {
            writer.beginObject()
            writer.field("name", bus.name)
            writer.field("address", bus.address)
            writer.field("connected", bus.isConnected)
            writer.field("error", bus.lastError)
            writer.field("requests", bus.requests)
            writer.field("utilisation", bus.utilisation)
            writer.field("missedCycles", bus.missedCycles)
            writer.field("startDelayP99Ms", Double(bus.startDelayP99.count) / 1e6)
            writer.beginArray("units")
            for unit in bus.units { unit.write(&writer) }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}

extension UnitStatus {
    func write(_ writer: inout ByteWriter) {
        writer.beginObject()
        writer.field("name", name)
        writer.field("id", unitID)
        writer.field("profile", profile)
        writer.field("state", state.rawValue)
        writer.field("requests", requests)
        writer.field("timeouts", timeouts)
        writer.field("checksumErrors", checksumErrors)
        writer.field("exceptions", exceptions)
        writer.field("lateReplies", lateReplies)
        writer.field("foreignReplies", foreignReplies)
        writer.field("p50Ms", Double(roundTripP50.count) / 1e6)
        writer.field("p99Ms", Double(roundTripP99.count) / 1e6)
        writer.field("error", lastError)
        writer.endObject()
    }
}

extension ModbusAnswer {
    public var json: [UInt8] {
        var writer = ByteWriter()
        writer.beginObject()
        switch self {
        case .values(let values):
            writer.beginArray("values")
            for value in values { writer.value(value) }
            writer.endArray()
        case .texts(let texts):
            writer.beginObject("texts")
            for key in texts.keys.sorted() {
                writer.key(string: "\(key)")
                writer.value(texts[key] ?? "")
            }
            writer.endObject()
        case .exception(let code, let text):
            writer.field("exception", code)
            writer.field("text", text)
        case .failed(let text): writer.field("failed", text)
        }
        writer.endObject()
        return writer.bytes
    }

    public init?(_ json: JSON) {
        if let values = json["values"]?.array {
            self = .values(values.compactMap { $0.integer.map { UInt16(truncatingIfNeeded: $0) } })
        } else if let texts = json["texts"]?.object {
            self = .texts(
                Dictionary(texts.compactMap { key, value in Int(key).map { ($0, value.string ?? "") } }) { a, _ in a })
        } else if let code = json["exception"]?.integer {
            self = .exception(code, json["text"]?.string ?? "")
        } else if let text = json["failed"]?.string {
            self = .failed(text)
        } else {
            return nil
        }
    }
}
