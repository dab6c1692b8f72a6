import Platform
import Site
import Testing

@testable import Accelerators

/// What the inference plane's known questions say of a card.
@Suite struct CanaryTests {
    private func card() throws -> (FakeSysfs, Workbench) {
        let sysfs = FakeSysfs()
        sysfs.addRNGD("0000:03:00.0", index: 0, serial: "SN-0")
        let bench = try Workbench(
            "  canary: 1min\n  cards:\n    - {name: npu0, layout: furiosa-rngd, address: \"0000:03:00.0\"}\n", sysfs)
        bench.run(seconds: 3)
        return (sysfs, bench)
    }

    private func answer(
        _ count: UInt64, _ got: String?, expected: String? = "aa", question: String = "echo on lane0"
    ) -> CanaryAnswer {
        CanaryAnswer(accelerator: "npu0", question: question, answers: count, expected: expected, got: got)
    }

    @Test func `one wrong answer is a failed card, and only many right ones in a row clear it`() throws {
        let (_, bench) = try card()
        bench.supervisor.hear([answer(1, "aa")], bench.now)
        bench.run(seconds: 1)
        #expect(bench.health("npu0") == .ok)
        bench.supervisor.hear([answer(2, "ab")], bench.now)
        bench.run(seconds: 1)
        #expect(bench.health("npu0") == .failed)
        let finding = try #require(bench.status("npu0")?.findings.first)
        #expect(finding.code == "canary.mismatch" && finding.action == "drain")
        #expect(finding.evidence.contains(Evidence("question", "echo on lane0")))
        #expect(finding.evidence.contains(Evidence("got", "ab")))
        #expect(bench.events.takeAll().map(\.severity) == [.major])
        for count in UInt64(3)..<12 { bench.supervisor.hear([answer(count, "aa")], bench.now) }
        bench.run(seconds: 1)
        #expect(bench.health("npu0") == .failed, "nine right ones: corruption comes and goes")
        bench.supervisor.hear([answer(12, "aa")], bench.now)
        bench.run(seconds: 1)
        #expect(bench.health("npu0") == .ok)
    }

    @Test func `the same answer told twice counts once`() throws {
        let (_, bench) = try card()
        bench.supervisor.hear([answer(1, "ab")], bench.now)
        for _ in 0..<30 { bench.supervisor.hear([answer(2, "aa")], bench.now) }
        bench.run(seconds: 1)
        #expect(bench.codes("npu0") == ["canary.mismatch"])
    }

    @Test func `a right answer to one question does not clear a wrong one to another`() throws {
        let (_, bench) = try card()
        let other = "detector on lane0"
        bench.supervisor.hear([answer(1, "ab"), answer(1, "cc", expected: "cc", question: other)], bench.now)
        for count in UInt64(2)..<20 {
            bench.supervisor.hear([answer(1, "ab"), answer(count, "cc", expected: "cc", question: other)], bench.now)
        }
        bench.run(seconds: 1)
        #expect(bench.codes("npu0") == ["canary.mismatch"])
        bench.supervisor.hear([answer(20, "cc", expected: "cc", question: other)], bench.now)
        bench.run(seconds: 1)
        #expect(bench.health("npu0") == .ok, "that question is not asked any more")
    }

    @Test func `an answer that nobody has judged says nothing, one that does not come is late`() throws {
        let (_, bench) = try card()
        bench.supervisor.hear([answer(1, "ab", expected: nil)], bench.now)
        bench.run(seconds: 1)
        #expect(bench.health("npu0") == .ok)
        bench.skip(seconds: 200)
        bench.run(seconds: 2)
        #expect(bench.codes("npu0") == ["canary.overdue"])
        #expect(bench.health("npu0") == .degraded)
        bench.supervisor.hear([answer(2, "ab", expected: nil)], bench.now)
        bench.run(seconds: 1)
        #expect(bench.health("npu0") == .ok)
    }

    @Test func `another card in the slot begins clean`() throws {
        let (sysfs, bench) = try card()
        bench.supervisor.hear([answer(1, "ab")], bench.now)
        sysfs.removeCard("0000:03:00.0", folder: "devices/pci0000:00/0000:00:03.1/0000:03:00.0")
        bench.supervisor.isRescanDue = true
        bench.run(seconds: 2)
        #expect(bench.codes("npu0") == ["absent"])
        sysfs.addRNGD("0000:03:00.0", index: 0, serial: "SN-1")
        bench.run(seconds: 12)
        #expect(bench.health("npu0") == .ok)
    }
}
