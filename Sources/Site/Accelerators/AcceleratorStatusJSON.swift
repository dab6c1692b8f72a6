public import Platform

extension AcceleratorStatus {
    /// As `/v1/status` and `accel list --json` show it; times are epoch milliseconds.
    public func write(into writer: inout ByteWriter) {
        writer.beginObject()
        writer.field("name", name)
        writer.field("vendor", vendor)
        writer.field("model", model)
        writer.field("address", address)
        writer.field("serial", serial)
        writer.field("slot", slot)
        writer.field("health", health.text)
        writer.field("since", since.milliseconds)
        writer.beginArray("findings")
        for finding in findings {
            writer.beginObject()
            writer.field("code", finding.code)
            writer.field("text", finding.text)
            writer.field("since", finding.since.milliseconds)
            writer.field("action", finding.action)
            writer.beginObject("evidence")
            for evidence in finding.evidence {
                writer.key(string: evidence.name)
                writer.value(evidence.value)
            }
            writer.endObject()
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}
