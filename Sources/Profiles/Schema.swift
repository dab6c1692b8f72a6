internal import Platform

/// The part of JSON Schema (2020-12) that our shapes need.
public indirect enum Schema {
    case string(pattern: String? = nil, minLength: Int? = nil)
    case boolean
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case choice([String])
    case array(Schema, minItems: Int)
    case dictionary(keys: Schema, Schema)
    case object(String, [(key: String, schema: Schema, isRequired: Bool, doc: String)])
    case anyOf([Schema])
    case deferred(() -> Schema)

    /// A whole schema document, as checked in under Hardware/schema.
    public static func document(title: String, _ schema: Schema) -> String {
        var writer = ByteWriter()
        writer.beginObject()
        writer.field("$schema", "https://json-schema.org/draft/2020-12/schema")
        writer.field("title", title)
        schema.writeBody(&writer)
        writer.endObject()
        writer.append("\n")
        return writer.text
    }

    private func write(_ writer: inout ByteWriter, doc: String = "") {
        writer.beginObject()
        if !doc.isEmpty { writer.field("description", doc) }
        writeBody(&writer)
        writer.endObject()
    }

    private func writeBody(_ writer: inout ByteWriter) {
        switch self {
        case .deferred(let make): make().writeBody(&writer)
        case .string(let pattern, let minLength):
            writer.field("type", "string")
            writer.field("pattern", pattern)
            if let minLength { writer.field("minLength", minLength) }
        case .boolean: writer.field("type", "boolean")
        case .integer(let range):
            writer.field("type", "integer")
            if range.lowerBound != .min { writer.field("minimum", range.lowerBound) }
            if range.upperBound != .max { writer.field("maximum", range.upperBound) }
        case .number(let range):
            writer.field("type", "number")
            if range.lowerBound != -.greatestFiniteMagnitude { writer.field("minimum", range.lowerBound) }
            if range.upperBound != .greatestFiniteMagnitude { writer.field("maximum", range.upperBound) }
        case .choice(let words):
            writer.beginArray("enum")
            for word in words { writer.value(word) }
            writer.endArray()
        case .array(let item, let minItems):
            writer.field("type", "array")
            if minItems > 0 { writer.field("minItems", minItems) }
            writer.key("items")
            item.write(&writer)
        case .dictionary(let keys, let item):
            writer.field("type", "object")
            writer.key("propertyNames")
            keys.write(&writer)
            writer.key("additionalProperties")
            item.write(&writer)
        case .anyOf(let schemas):
            writer.beginArray("anyOf")
            for schema in schemas { schema.write(&writer) }
            writer.endArray()
        case .object(let what, let fields):
            writer.field("title", what)
            writer.field("type", "object")
            writer.field("additionalProperties", false)
            writer.beginObject("properties")
            for field in fields {
                writer.key(string: field.key)
                field.schema.write(&writer, doc: field.doc)
            }
            writer.endObject()
            let required = fields.filter(\.isRequired)
            if !required.isEmpty {
                writer.beginArray("required")
                for field in required { writer.value(field.key) }
                writer.endArray()
            }
        }
    }
}
