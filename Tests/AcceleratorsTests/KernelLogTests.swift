import Foundation
import Platform
import Site
import Testing

@testable import Accelerators

@Suite struct KernelLogTests {
    private func hit(_ pattern: String, _ line: String, codes: [Int] = []) -> LogPatternMatcher.Hit? {
        let verdict = Verdict(code: "x", text: "x", health: .failed, action: .reset)
        return LogPatternMatcher(.init(text: pattern, codes: codes, verdict: verdict)).match(Array(line.utf8))
    }

    @Test func `an Xid gives its card without the function, and its code`() {
        let line = "NVRM: Xid (PCI:0000:c3:00): 79, pid=1234, GPU has fallen off the bus."
        #expect(hit("NVRM: Xid (PCI:{address}): {code},", line, codes: [79]) == .init(address: "0000:c3:00", code: 79))
        #expect(hit("NVRM: Xid (PCI:{address}): {code},", line, codes: [48]) == nil)
        #expect(hit("NVRM: Xid (PCI:{address}): {code},", "NVRM: Xid (PCI:0000:c3): 79,") == nil)
    }

    @Test func `an error of the bus is the card's, whether the line names it or its port`() throws {
        let sysfs = FakeSysfs()
        sysfs.addRNGD("0000:03:00.0", index: 0, serial: "SN-0")
        let bench = try Workbench(
            "  cards:\n    - {name: npu0, layout: furiosa-rngd, address: \"0000:03:00.0\"}\n", sysfs)
        bench.run(seconds: 2)
        var reader = KernelLogReader()
        func hear(_ line: String) -> EventDraft? { bench.supervisor.hear(Array(line.utf8), &reader, bench.now) }
        #expect(hear("pcieport 0000:00:1f.0: AER: Corrected error message received from 0000:07:00.0") == nil)
        let told = hear(
            "pcieport 0000:00:03.1: AER: Multiple Uncorrectable (Fatal) error message received from 0000:03:00.0")
        #expect(told?.subject == "npu0" && told?.severity == .major)
        bench.run(seconds: 1)
        #expect(bench.codes("npu0") == ["kernel.aer.fatal"])
        #expect(
            hear("pcieport 0000:00:03.1: AER: Uncorrected (Fatal) error received: 0000:03:00.0") == nil,
            "the same again is no news")
        bench.skip(seconds: 3700)
        bench.run(seconds: 3)
        #expect(bench.health("npu0") == .ok, "it does not stand for ever")
    }

    @Test func `a hardware error that names no card is told once in a while for the machine`() throws {
        let sysfs = FakeSysfs()
        let bench = try Workbench("  spares: 1\n", sysfs)
        var reader = KernelLogReader()
        let line = Array("[Hardware Error]: Machine check events logged".utf8)
        #expect(bench.supervisor.hear(line, &reader, bench.now)?.subject == "host")
        #expect(bench.supervisor.hear(line, &reader, bench.now) == nil)
    }

    @Test func `records are read from now on, without their properties`() throws {
        let path = NSTemporaryDirectory() + "mdc-kmsg-" + UUID().uuidString
        try "6,1,100,-;old line\n".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        var log = try KernelLog(path)
        let file = try #require(FileHandle(forWritingAtPath: path))
        file.seekToEndOfFile()
        file.write(Data("3,2,200,-;npu: a; b\n SUBSYSTEM=pci\n".utf8))
        var lines: [String] = []
        log.readNew { lines.append(String(decoding: $0, as: UTF8.self)) }
        #expect(lines == ["npu: a; b"])
    }

    @Test func `no line of noise makes the matcher stall or hit`() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("0123456789abcdef:.,* ()AERXidPCI{}\n".utf8)
        for _ in 0..<2000 {
            let line = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            _ = hit("AER: *ncorrect*(Fatal) error*{address}", String(decoding: line, as: UTF8.self))
        }
    }
}
