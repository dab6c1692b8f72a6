internal import Platform

enum MetricsDialect: Int, CaseIterable { case text, openMetrics }

enum MetricType { case gauge, counter }

/// Families and samples in either dialect. A family's samples follow it and are never interleaved.
struct MetricsWriter {
    var out: ByteWriter
    let dialect: MetricsDialect
    private var family = ""

    init(_ out: ByteWriter, _ dialect: MetricsDialect) {
        self.out = out
        self.dialect = dialect
    }

    /// `name` without `_total`; `unit` is the name's own ending.
    mutating func begin(_ name: String, _ type: MetricType, _ help: String, unit: String = "") {
        family = type == .counter ? name + "_total" : name
        let described = dialect == .openMetrics ? name : family
        out.append("# HELP ")
        out.append(string: described)
        out.append(" ")
        out.append(string: help)
        out.append("\n# TYPE ")
        out.append(string: described)
        out.append(type == .counter ? " counter\n" : " gauge\n")
        if dialect == .openMetrics, !unit.isEmpty, name.hasSuffix("_" + unit) {
            out.append("# UNIT ")
            out.append(string: described)
            out.append(" ")
            out.append(string: unit)
            out.append("\n")
        }
    }

    mutating func sample(_ labels: (StaticString, String)..., value: Double) {
        out.append(string: family)
        for (index, label) in labels.enumerated() {
            out.append(index == 0 ? "{" : ",")
            out.append(label.0)
            out.append("=\"")
            out.appendLabel(label.1)
            out.append("\"")
        }
        if !labels.isEmpty { out.append("}") }
        out.append(" ")
        out.append(metric: value)
        out.append("\n")
    }

    mutating func single(
        _ name: String, _ type: MetricType, _ help: String, unit: String = "", value: Double
    ) {
        begin(name, type, help, unit: unit)
        sample(value: value)
    }

    mutating func end() { if dialect == .openMetrics { out.append("# EOF\n") } }
}

extension ByteWriter {
    mutating func append(metric value: Double) {
        if value.isFinite { return append(value) }
        append(value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf")
    }

    mutating func appendLabel(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\""): append("\\\"")
            case 0x0A: append("\\n")
            default: append(byte)
            }
        }
    }
}
