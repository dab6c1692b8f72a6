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
        if !showsState { writer.field("judged_by", "bus and kernel log alone") }
        writer.beginArray("findings")
        for finding in findings {
            writer.beginObject()
            writer.field("code", finding.code)
            writer.field("text", finding.text)
            writer.field("since", finding.since.milliseconds)
            writer.field("action", finding.action)
            writer.beginArray("evidence")
            for evidence in finding.evidence {
                writer.beginObject()
                writer.field("name", evidence.name)
                writer.field("value", evidence.value)
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}
