internal import Platform
internal import Site

/// The payload of a value message from outside: those three members and nothing else.
struct IntegrationValue {
    let number: Double?
    let time: WallTime
    let isGood: Bool

    init?(_ bytes: [UInt8]) {
        guard bytes.count <= 1024, let json = try? JSON.parse(bytes, depthMax: 4), let members = json.object,
            members.count == 3, let value = json["value"], let time = json["timestamp"]?.integer,
            let quality = json["quality"]?.integer
        else { return nil }
        if value != .null, value.number == nil { return nil }
        number = value.number
        self.time = WallTime(milliseconds: Int64(time))
        isGood = quality == 1
    }

    static func render(_ number: Double, _ now: Moment) -> [UInt8] {
        var writer = ByteWriter(capacity: 96)
        writer.beginObject()
        writer.field("value", number)
        writer.field("timestamp", now.wall.milliseconds)
        writer.field("quality", 1)
        writer.endObject()
        return writer.bytes
    }
}
