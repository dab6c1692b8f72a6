import Foundation
import Glibc

/// A program under measurement: started, watched through /proc, ended by id.
final class RunningProgram {
    let process = Process()
    private let output = Pipe()
    private var seen = ""

    init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = output
        try process.run()
    }

    deinit { stop() }

    var pid: Int32 { process.processIdentifier }

    /// Reads the program's output until a line says `text`.
    func wait(for text: String) throws {
        while !seen.split(separator: "\n").contains(where: { $0 == text }) {
            let chunk = output.fileHandleForReading.availableData
            if chunk.isEmpty {
                throw Benchmark.Skipped("\(process.executableURL?.path ?? "") ended: \(seen.suffix(400))")
            }
            seen += String(decoding: chunk, as: UTF8.self)
        }
    }

    /// What stands behind `prefix` on the lines seen so far.
    func words(after prefix: String) -> [String] {
        seen.split(separator: "\n").filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }
    func numbers(after prefix: String) -> [Int] { words(after: prefix).compactMap { Int($0) } }

    func stop() {
        guard process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
    }

    /// User and system time so far, in seconds.
    var processorSeconds: Double {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        let fields = text.drop { $0 != ")" }.split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    var residentMegabytes: Double {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Double($0.split(separator: " ").dropLast().last ?? "") }.map { $0 / 1024 } ?? 0
    }
}

/// A program's output, where its exit status was 0.
func output(of program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardOutput = pipe
    process.standardError = Pipe()
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Benchmark.Skipped("\(program) failed or is not installed") }
    return String(decoding: data, as: UTF8.self)
}
