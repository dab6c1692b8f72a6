internal import Platform
internal import Site

/// What of the metrics does not change while the site file stands: families, their order, and each
/// series up to its value. A scrape then copies and appends numbers.
struct MetricsLayout {
    /// What a series shows of its point.
    enum Shows { case number(factor: Double), state(codes: [Int]), quality }

    struct Series {
        let point: Int
        let shows: Shows
        let prefix: Range<Int>
    }

    struct Family {
        /// HELP, TYPE and UNIT lines, by dialect.
        let heads: [Range<Int>]
        let series: [Series]
    }

    let families: [Family]
    let seriesCount: Int
    private let text: [UInt8]
    private let table: PointTable

    init(_ table: PointTable, reserved: Set<String>) {
        var builder = Builder(reserved: reserved)
        builder.addPoints(table)
        self.table = table
        families = builder.families
        text = builder.text
        seriesCount = families.reduce(0) { $0 + $1.series.count }
    }

    /// The same table, by identity: tables are made once per site file and copied by reference.
    func isOf(_ other: PointTable) -> Bool {
        unsafe table.definitions.withUnsafeBufferPointer { mine in
            unsafe other.definitions.withUnsafeBufferPointer { theirs in
                unsafe mine.baseAddress == theirs.baseAddress && mine.count == theirs.count
            }
        }
    }

    /// Only good values are shown: an absent series is Prometheus's own word for "unknown".
    func write(_ readings: [Reading], _ dialect: MetricsDialect, into out: inout ByteWriter) {
        for family in families {
            out.append(contentsOf: text[family.heads[dialect.rawValue]])
            for series in family.series where series.point < readings.count {
                let reading = readings[series.point]
                let value: Double
                switch series.shows {
                case .quality: value = Double(reading.quality.rawValue)
                case .number(let factor):
                    guard let number = reading.goodNumber else { continue }
                    value = number * factor
                case .state(let codes):
                    guard let number = reading.goodNumber else { continue }
                    value = codes.contains { Double($0) == number } ? 1 : 0
                }
                out.append(contentsOf: text[series.prefix])
                out.append(metric: value)
                out.append(UInt8(ascii: "\n"))
            }
        }
    }

    private struct Builder {
        let reserved: Set<String>
        var families: [Family] = []
        var text: [UInt8] = []

        /// Points of one name and meaning on several devices are one family with a device label.
        mutating func addPoints(_ table: PointTable) {
            var order: [String] = []
            var members: [String: [Int]] = [:]
            var units: [String: String] = [:]
            for (index, point) in table.definitions.enumerated() where point.kind != .text {
                let (name, unit) = metricName(point)
                if members[name] == nil {
                    order.append(name)
                    units[name] = unit
                }
                members[name, default: []].append(index)
            }
            for name in order { addFamily(name, unit: units[name] ?? "", members[name] ?? [], table) }
            addQualities(table)
        }

        private mutating func addFamily(_ name: String, unit: String, _ members: [Int], _ table: PointTable) {
            let first = table.definitions[members[0]]
            let help = first.title.isEmpty ? "Point \(first.name) and its like." : first.title
            let heads = addHeads(name, help, unit: unit)
            var series: [Series] = []
            for index in members {
                let point = table.definitions[index]
                if case .state(let states) = point.kind {
                    // Several codes may mean the same in a machine's manual: they are one series.
                    var texts: [String] = []
                    for state in states where !texts.contains(state.text) {
                        texts.append(state.text)
                        let codes = states.filter { $0.text == state.text }.map { Int($0.code) }
                        let prefix = addPrefix(name, [("device", point.device), ("state", state.text)])
                        series.append(Series(point: index, shows: .state(codes: codes), prefix: prefix))
                    }
                } else {
                    let prefix = addPrefix(name, [("device", point.device)])
                    series.append(Series(point: index, shows: .number(factor: point.unit.base.factor), prefix: prefix))
                }
            }
            families.append(Family(heads: heads, series: series))
        }

        private mutating func addQualities(_ table: PointTable) {
            if table.count == 0 { return }
            let heads = addHeads(
                "mdc_point_quality", "0 good, 1 stale, 2 invalid, 3 unsupported, 4 failed.", unit: "")
            let series = table.definitions.enumerated().map { index, point in
                Series(point: index, shows: .quality, prefix: addPrefix("mdc_point_quality", [("point", point.name)]))
            }
            families.append(Family(heads: heads, series: series))
        }

        private mutating func addHeads(_ name: String, _ help: String, unit: String) -> [Range<Int>] {
            MetricsDialect.allCases.map { dialect in
                var writer = MetricsWriter(ByteWriter(), dialect)
                writer.begin(name, .gauge, help.replacingLines, unit: unit)
                return keep(writer.out.bytes)
            }
        }

        private mutating func addPrefix(_ name: String, _ labels: [(String, String)]) -> Range<Int> {
            var writer = ByteWriter()
            writer.append(string: name)
            for (index, label) in labels.enumerated() {
                writer.append(index == 0 ? "{" : ",")
                writer.append(string: label.0)
                writer.append("=\"")
                writer.appendLabel(label.1)
                writer.append("\"")
            }
            writer.append("} ")
            return keep(writer.bytes)
        }

        private mutating func keep(_ bytes: [UInt8]) -> Range<Int> {
            let start = text.count
            text += bytes
            return start..<text.count
        }

        /// "ups1.battery.charge" in % is mdc_battery_charge_ratio{device="ups1"}.
        private func metricName(_ point: PointDefinition) -> (name: String, unit: String) {
            let words = point.name.split(separator: ".").dropFirst()
            var name = "mdc"
            for word in (words.isEmpty ? [point.name[...]] : Array(words)).flatMap({ $0.split(separator: "-") }) {
                // promtool reads these as units wherever they stand: letters name phases here, and a machine's
                // "hours" may be anything (its unit is in the point where it is known).
                name += (abbreviations.contains(String(word)) ? "" : "_") + word
            }
            var unit = point.unit.base.suffix
            // A difference of temperatures is measured in the same base unit as a temperature.
            if point.unit == .kelvinDifference { unit = "celsius" }
            if case .state = point.kind {
                unit = ""
                if !name.hasSuffix("_state") { name += "_state" }
            }
            if !unit.isEmpty, !name.hasSuffix("_" + unit) { name += "_" + unit }
            // A gauge named like a counter, or like a family of the agent's own, would be two things.
            if name.hasSuffix("_total") || name.hasSuffix("_count") || name.hasSuffix("_info") || name.hasSuffix("_sum")
                || name.hasSuffix("_bucket") || reserved.contains(name)
            {
                name += "_reading"
                unit = ""
            }
            return (name, unit)
        }

        private let abbreviations: Set<String> = [
            "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d", "hours", "minutes", "days",
            "weeks",
        ]
    }
}

extension String {
    /// One line, for a HELP text.
    fileprivate var replacingLines: String {
        String(map { $0 == "\n" || $0 == "\\" ? " " : $0 })
    }
}
