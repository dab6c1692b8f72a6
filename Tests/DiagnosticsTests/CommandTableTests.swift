import Diagnostics
import Testing

private func table(_ seen: @escaping @Sendable (Invocation) -> ExitCode) -> CommandTable {
    CommandTable(
        [
            Command(
                "modbus", "read", summary: "Read registers",
                arguments: [.init("UNIT", "a unit"), .init("ADDRESS", "an address", isOptional: true)],
                options: [.init("--count", value: "N", "how many"), .init("--hex", "in hexadecimal")], run: seen),
            Command("modbus", summary: "Everything about buses", run: { _ in .fault }),
        ], version: "test")
}

@Suite struct CommandTableTests {
    @Test func `the longest matching command gets its arguments and options`() {
        let code = table { invocation in
            #expect(invocation.arguments == ["ups1", "40001"])
            #expect(invocation["--count"] == "2" && invocation.has("--hex") && invocation.wantsJSON)
            return .finding
        }.run(["modbus", "read", "--count=2", "ups1", "--hex", "40001", "--json"])
        #expect(code == .finding)
    }

    @Test(arguments: [
        ["modbus", "read"], ["modbus", "read", "a", "b", "c"], ["modbus", "read", "a", "--nonsense"],
        ["modbus", "read", "a", "--count"], ["modbus", "read", "a", "--hex=1"], ["nonsense"], [],
    ])
    func `a wrong command line is a usage fault and runs nothing`(words: [String]) {
        let code = table { _ in
            Issue.record("ran")
            return .healthy
        }.run(words)
        #expect(code == .usage)
    }

    @Test func `after two dashes everything is an argument`() {
        let code = table { invocation in
            #expect(invocation.arguments == ["--count", "-5"])
            return .healthy
        }.run(["modbus", "read", "--", "--count", "-5"])
        #expect(code == .healthy)
    }

    @Test func `a relative run folder is taken from where the technician stands`() {
        let code = table { invocation in
            #expect(invocation.runFolder.hasPrefix("/") && invocation.runFolder.hasSuffix("/.run"))
            return .healthy
        }.run(["modbus", "read", "--run-dir", ".run", "ups1"])
        #expect(code == .healthy)
    }

    @Test func `Hangul takes two columns`() {
        #expect(columnWidth("문 열림 A") == 9)
    }
}
