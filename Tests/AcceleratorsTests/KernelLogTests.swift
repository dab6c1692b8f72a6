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

    /// Lines as kernels and drivers write them; nil: not worth a word.
    @Test(
        arguments: [
            (
                "furiosa-rngd",
                "pcieport 0000:00:c3.1: AER: Multiple Uncorrectable (Fatal) error message received from 0000:c3:00.0",
                "kernel.aer.fatal"
            ),
            (
                "furiosa-rngd", "pcieport 0000:00:c3.1: AER: Uncorrected (Non-Fatal) error received: 0000:c3:00.0",
                "kernel.aer.nonfatal"
            ),
            (
                "furiosa-rngd",
                "pcieport 0000:00:c3.1: AER: Multiple Corrected error message received from 0000:c3:00.0", nil
            ),
            (
                "furiosa-rngd",
                "furiosa_rngd 0000:c3:00.0: PCIe Bus Error: severity=Uncorrected (Fatal), type=Transaction Layer",
                "kernel.aer.fatal"
            ),
            (
                "rebellions-atom",
                "pcieport 0000:00:c3.1: PCIe Bus Error: severity=Uncorrectable (Non-Fatal), type=Data Link Layer",
                "kernel.aer.nonfatal"
            ),
            (
                "rebellions-atom",
                "pcieport 0000:00:c3.1: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)",
                nil
            ),
            ("rebellions-atom", "pcieport 0000:00:c3.1: AER: device recovery failed", "kernel.aer.recovery"),
            ("deepx", "pcieport 0000:00:c3.1: DPC: containment event, status:0x1f01 source:0x0300", "kernel.dpc"),
            ("deepx", "pcieport 0000:00:c3.1: pciehp: Slot(3-1): Link Down", "kernel.link-down"),
            (
                "furiosa-warboy",
                "npu_pdma 0000:c3:00.0: Unable to change power state from D3cold to D0, device inaccessible",
                "kernel.power"
            ),
            ("mobilint-aries", "{2}[Hardware Error]:   device_id: 0000:c3:00.0", "kernel.hardware"),
            (
                "nvidia",
                "NVRM: Xid (PCI:0000:c3:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
                "kernel.xid.fatal"
            ),
            (
                "nvidia", "NVRM: Xid (PCI:0000:c3:00): 31, pid=17, name=python3, Ch 00000008, intr 10000000. MMU Fault",
                "kernel.xid"
            ),
            ("nvidia", "NVRM: Xid (PCI:0000:c3:00): 13, pid=17, Graphics Exception", nil),
            ("nvidia", "NVRM: Xid (PCI:0000:c4:00): 79, pid=17, GPU has fallen off the bus.", nil),
            ("nvidia", "NVRM: GPU 0000:c3:00.0: GPU has fallen off the bus.", "kernel.gone"),
            ("amd-gpu", "amdgpu 0000:c3:00.0: amdgpu: GPU reset begin!", "kernel.reset"),
            (
                "amd-gpu", "amdgpu 0000:c3:00.0: amdgpu: ring gfx_0.0.0 timeout, signaled seq=2, emitted seq=4",
                "kernel.timeout"
            ),
            (
                "amd-gpu", "amdgpu 0000:c3:00.0: amdgpu: 2 uncorrectable hardware errors detected in umc block",
                "kernel.memory"
            ),
            (
                "intel-npu",
                "intel_vpu 0000:c3:00.0: [drm] *ERROR* ivpu_pm_trigger_recovery(): Recovery triggered by TDR",
                "kernel.timeout"
            ),
            ("intel-npu", "intel_vpu 0000:c3:00.0: [drm] Firmware: intel/vpu/vpu_37xx_v1.bin", nil),
        ] as [(String, String, String?)])
    func `lines as kernels and drivers write them find their card`(_ name: String, _ line: String, _ code: String?)
        throws
    {
        let layout = try #require(LayoutReplayTests.layouts.first { $0.name == name })
        let tree = LayoutTree(layout)
        let bench = try Workbench(layout, at: LayoutTree.address, tree.sysfs)
        bench.run(seconds: 2)
        var reader = KernelLogReader()
        _ = bench.supervisor.hear(Array(line.utf8), &reader, bench.now)
        bench.run(seconds: 1)
        #expect(bench.codes("npu0") == [code].compactMap { $0 }, "\(line)")
    }

    @Test func `firmware's numbered record that names no card is the machine's`() throws {
        let bench = try Workbench("  spares: 1\n", FakeSysfs())
        var reader = KernelLogReader()
        let line = Array("{7}[Hardware Error]: event severity: fatal".utf8)
        #expect(bench.supervisor.hear(line, &reader, bench.now)?.subject == "host")
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

    @Test func `a log that was given open is read, where to open it is forbidden`() throws {
        let path = NSTemporaryDirectory() + "mdc-kmsg-" + UUID().uuidString
        try "6,1,100,-;old line\n".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let given = try FileDescriptor.open(path, O_RDONLY)
        var log = try KernelLog(path, standardInput: given.raw)
        #expect(lseek(given.raw, 0, SEEK_CUR) == 19, "it is the one that was given: both stand at its end")
        let file = try #require(FileHandle(forWritingAtPath: path))
        file.seekToEndOfFile()
        file.write(Data("3,2,200,-;npu: new\n".utf8))
        var lines: [String] = []
        log.readNew { lines.append(String(decoding: $0, as: UTF8.self)) }
        #expect(lines == ["npu: new"])
        let other = try FileDescriptor.open("/dev/null", O_RDONLY)
        _ = try KernelLog(path, standardInput: other.raw)
        #expect(lseek(other.raw, 0, SEEK_CUR) == 0, "another file is nobody's log")
    }

    @Test func `a line made to be hard costs no more than another of its length`() {
        // Each part of the pattern stands in it a hundred times, and the end never comes.
        let line = String(repeating: "AER: ncorrect(Fatal) error", count: 150)
        let start = SystemTime.monotonic
        for _ in 0..<100 { #expect(hit("AER: *ncorrect*(Fatal) error*{address}", line) == nil) }
        // Looking at every way to divide the line would take hours.
        #expect(SystemTime.monotonic - start < .seconds(60))
    }
}
