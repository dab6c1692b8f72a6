import Foundation
import Platform
import Testing

@testable import Diagnostics
@testable import Status

@Suite struct RedactionTests {
    @Test(arguments: [
        ("password: hunter2", "password: (removed)"),
        (
            "  broker: {url: mqtts://joe:hunter2@broker:8883, token: abc, qos: 1}",
            "  broker: {url: mqtts://(removed)@broker:8883, token: (removed), qos: 1}"
        ),
        ("api-secret: \"a, b: c\"  # why", "api-secret: (removed)  # why"),
        ("password-file: /etc/mdc-agent/broker", "password-file: /etc/mdc-agent/broker"),
        ("token: |\n  line one\n  line two\nnext: 1", "token: (removed)\nnext: 1"),
        (
            "key: |\n  -----BEGIN PRIVATE KEY-----\n  MIIB\n  -----END PRIVATE KEY-----\nnext: 1",
            "key: |\n  (removed)\nnext: 1"
        ),
        ("title: Rack A: upper", "title: Rack A: upper"),
        ("no colon at all", "no colon at all"),
    ]) func `what is secret goes, the rest stays`(text: String, clean: String) {
        #expect(Redaction.clean(text) == clean)
    }

    @Test func `no byte of a secret survives, whatever stands around it`() {
        var state: UInt64 = 7
        func random(_ below: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % below
        }
        for round in 0..<500 {
            let indent = String(repeating: " ", count: random(8))
            let before = ["", "- ", "a: {b: 1, ", "{"][random(4)]
            let name = ["password", "\"password\"", "Passphrase", "client-secret", "API_TOKEN"][random(5)]
            let colon = [":", ": ", " : "][random(3)]
            let secret = ["S3CR3T", "\"S3CR3T, x\"", "'S3CR3T: }'", "|\n\(indent)    S3CR3T"][random(4)]
            let text = "x: 1\n\(indent)\(before)\(name)\(colon)\(secret)\(before.contains("{") ? "}" : "")\nend: 1"
            #expect(!Redaction.clean(text).contains("S3CR3T"), "round \(round): \(text)")
        }
    }
}

@Suite struct TarTests {
    @Test func `tar reads what we pack`() throws {
        var tar = TarArchive(seconds: 1_800_000_000)
        tar.add("a/one.txt", Array("hello".utf8))
        tar.add("a/empty", [])
        tar.add("a/block", [UInt8](repeating: 7, count: 512))
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-tar-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("t.tar.gz")
        try Data(#require(gzip(tar.finish()))).write(to: file)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/tar")
        process.arguments = ["xzf", file.path, "-C", folder.path]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(try String(contentsOf: folder.appendingPathComponent("a/one.txt"), encoding: .utf8) == "hello")
        #expect(try Data(contentsOf: folder.appendingPathComponent("a/block")).count == 512)
    }
}

@Suite struct WatchScreenTests {
    @Test func `a line is cut at the screen's edge, Hangul counting twice`() {
        #expect(WatchScreen.cut("abc", 3) == "abc")
        #expect(WatchScreen.cut("abcdef", 5) == "abc..")
        #expect(columnWidth(WatchScreen.cut("가나다라마바사", 9)) <= 9)
    }

    @Test func `what stands under a heading begins in one column`() throws {
        let status = try JSON.parse(
            Array(
                #"""
                {"title": "A", "health": "fault", "posture": {"state": "stop", "reason": "hot"}, "arming": "stay",
                "buses": [{"units": [{"name": "ups1", "state": "offline", "error": "no answer"}]}],
                "accelerators": [{"name": "npu0", "health": "failed", "findings": []}],
                "zones": [{"name": "door1", "title": "Front door", "state": "alarm"}]}
                """#.utf8))
        let alarms = try JSON.parse(
            Array(#"[{"active": true, "severity": "notice", "text": "X"}, {"active": false, "text": "Y"}]"#.utf8))
        let lines = WatchLines(status, alarms.array ?? []).lines.map(\.text).filter { $0.hasPrefix("  ") }
        #expect(
            lines == [
                "  notice   X", "  over     Y", "  offline  ups1: no answer", "  failed   npu0",
                "  alarm    Front door",
            ])
    }
}

@Suite struct ManualTests {
    static let table = CommandTable(CommandTable.diagnostics, version: "1.2.3")

    @Test func `each command has a page with its options and exit codes`() {
        let pages = ManualPages(Self.table)
        #expect(pages.each.count == CommandTable.diagnostics.count)
        for page in pages.each {
            #expect(page.text.hasPrefix(".TH MDC-AGENT-"))
            for part in [".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS", ".SH EXIT STATUS", "\\-\\-json"] {
                #expect(page.text.contains(part), "\(page.name): \(part)")
            }
            let lines = page.text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(!lines.dropLast().contains(""), "\(page.name): a blank line is no paragraph in man(7)")
        }
        #expect(pages.overview.contains("mdc\\-agent modbus scan"))
    }

    @Test func `bash completes commands, families and options`() throws {
        let script = CompletionScript(CommandTable.diagnostics).bash
        func complete(_ words: String...) throws -> [String] {
            let list = (["mdc-agent"] + words).map { "'\($0)'" }.joined(separator: " ")
            let process = Process()
            let output = Pipe()
            process.executableURL = URL(fileURLWithPath: "/bin/bash")
            process.arguments = [
                "-c", script + "\nCOMP_WORDS=(\(list)); COMP_CWORD=\(words.count); _mdc_agent; echo ${COMPREPLY[@]}",
            ]
            process.standardOutput = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            return text.split(whereSeparator: \.isWhitespace).map(String.init).sorted()
        }
        #expect(try complete("sta") == ["status"])
        #expect(try complete("modbus", "s") == ["scan", "stats"])
        #expect(try complete("status", "--w") == ["--watch"])
        #expect(try complete("--socket", "/x", "status", "--wat") == ["--watch"])
        #expect(try complete("alarms", "").contains("ack"))
        #expect(try complete("modbus", "scan", "--po") == ["--ports"])
    }
}
