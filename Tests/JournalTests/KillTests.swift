import Foundation
import Testing

@Suite struct KillTests {
    /// `make bench` does a thousand; the seed is printed when one fails.
    @Test func `killed at a hundred random moments, the journal has every event it acknowledged`() throws {
        let folder = try TemporaryFolder()
        let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let process = Process()
        process.executableURL = here.appendingPathComponent("journal-writer")
        let seed = UInt64.random(in: 1...UInt64(Int64.max))
        process.arguments = ["kill", folder.path, "100", String(seed)]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(said)")
    }
}
