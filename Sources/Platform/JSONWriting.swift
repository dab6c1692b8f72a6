extension ByteWriter {
    /// A tree read from outside, written out again.
    public mutating func value(json: JSON) {
        switch json {
        case .null: null()
        case .bool(let flag): value(flag)
        case .number(let number): value(number)
        case .string(let text): value(text)
        case .array(let items):
            beginArray()
            for item in items { value(json: item) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                key(string: member.key)
                value(json: member.value)
            }
            endObject()
        }
    }
}
