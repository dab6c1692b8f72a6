import Glibc
import Platform

/// `mdc-bench [--json FILE] [NAME-PREFIX...]`: measures and prints a table; exit 1 when a goal is missed.
@main
enum Main {
    /// One line per room; a room's benchmarks stand in its own file.
    static let all: [Benchmark] = [
        FootprintBench.all,
        BoardBench.all,
        AcceleratorsBench.all,
        AcceleratorsSignalBench.all,
        UpstreamBench.all,
        ModbusBench.all,
        ControlBench.all,
        JournalBench.all,
        YearBench.all,
        SecurityBench.all,
        StatusBench.all,
        InferenceBench.all,
        StatusLoadBench.all,
    ].flatMap { $0 }

    static func main() {
        var prefixes = Array(CommandLine.arguments.dropFirst())
        var jsonPath: String?
        if let at = prefixes.firstIndex(of: "--json"), at + 1 < prefixes.count {
            jsonPath = prefixes[at + 1]
            prefixes.removeSubrange(at...at + 1)
        }
        let chosen = all.filter { benchmark in
            prefixes.isEmpty || prefixes.contains { benchmark.name.hasPrefix($0) }
        }
        guard !chosen.isEmpty else {
            print("no benchmark begins with \(prefixes.joined(separator: ", ")); there are:")
            for benchmark in all { print("  \(benchmark.name)") }
            exit(64)
        }
        var figures: [Figure] = []
        for benchmark in chosen {
            do {
                let measured = try benchmark.run()
                for figure in measured { print(line(figure)) }
                figures += measured
            } catch {
                print("\(benchmark.name): not measured: \(error)")
            }
        }
        if let jsonPath { write(figures, to: jsonPath) }
        let missed = figures.filter { $0.isMet == false }
        print("\(figures.count) figures, \(missed.count) goals missed")
    }

    static func line(_ figure: Figure) -> String {
        let mark = figure.isMet.map { $0 ? "met   " : "MISSED" } ?? "      "
        var text = "\(mark) \(figure.name): \(short(figure.value)) \(figure.unit) (goal: \(figure.goal))"
        if let peer = figure.peer, let ratio = figure.ratio {
            text += " | \(peer.name): \(short(peer.value)), ratio \(short(ratio))"
        }
        return text
    }

    static func short(_ number: Double) -> String {
        if number == 0 || !number.isFinite { return "\(number)" }
        let magnitude = number.magnitude
        let places = magnitude >= 100 ? 1.0 : magnitude >= 1 ? 100 : 10_000
        return magnitude < 0.001 ? "\(number)" : "\((number * places).rounded() / places)"
    }

    static func write(_ figures: [Figure], to path: String) {
        var writer = ByteWriter()
        writer.beginArray()
        for figure in figures {
            writer.beginObject()
            writer.field("name", figure.name)
            writer.field("value", figure.value)
            writer.field("unit", figure.unit)
            writer.field("goal", figure.goal)
            if let isMet = figure.isMet { writer.field("met", isMet) }
            if let peer = figure.peer, let ratio = figure.ratio {
                writer.field("peer", peer.name)
                writer.field("peerValue", peer.value)
                writer.field("ratio", ratio)
            }
            writer.endObject()
        }
        writer.endArray()
        writer.append("\n")
        do {
            let file = try FileDescriptor.open(path, 0o1101, mode: 0o644)  // O_WRONLY | O_CREAT | O_TRUNC
            try file.writeAll(writer.bytes)
        } catch { print("\(path): \(error)") }
    }
}
