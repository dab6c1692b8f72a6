import Foundation
import Profiles
import Site
import Testing

@testable import Diagnostics
@testable import Status

/// What a technician may read exists in Korean: a text without an entry is named here.
@Suite struct CatalogueTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func missing(_ texts: some Sequence<String>) -> [String] {
        texts.filter { text in
            !text.isEmpty && Catalogue.korean[text] == nil
                && Catalogue.sentence(text, .korean) == text
        }
    }

    static func sources(_ room: String) throws -> [String] {
        let folder = root.appendingPathComponent("Sources/" + room)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
            .map { try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8) }
    }

    @Test func `every command, argument and option is explained in Korean`() {
        var texts = Command.commonOptions.map(\.summary) + [CommandTable.common]
        for command in CommandTable.diagnostics {
            texts +=
                [command.summary, command.discussion] + command.arguments.map(\.summary)
                + command.options.map(\.summary)
        }
        #expect(Self.missing(texts) == [])
    }

    @Test func `every text that a screen puts together has its entry`() throws {
        var texts: Set<String> = []
        for source in try Self.sources("Diagnostics") {
            for match in source.matches(of: /\b(?:local|label)\(\s*"([^"\\]+)"/) { texts.insert(String(match.1)) }
            for match in source.matches(of: /\.table\(\s*\[((?:"[^"]*",? ?\s*)+)\]/) {
                for word in String(match.1).matches(of: /"([^"]+)"/) { texts.insert(String(word.1)) }
            }
        }
        #expect(texts.count > 40)
        #expect(Self.missing(texts.sorted()) == [])
    }

    @Test func `every state and severity has its word`() {
        let words: [[String]] = [
            PostureState.allCases.map(\.text), ArmingState.allCases.map(\.rawValue), SiteHealth.allCases.map(\.text),
            Severity.allCases.map(\.text), AcceleratorHealth.allCases.map(\.text), Quality.allCases.map(\.text),
            ["online", "offline", "dormant", "starting", "alarm", "short", "open", "fault"],
        ]
        #expect(Self.missing(words.flatMap { $0 }) == [])
    }

    @Test func `every alarm of the hardware library and the demo site is told in Korean`() throws {
        var texts: Set<String> = []
        for folder in ["equipment", "wiring", "sites"] {
            let path = Self.root.appendingPathComponent("Hardware/" + folder).path
            for name in try FileManager.default.contentsOfDirectory(atPath: path) where name.hasSuffix(".yaml") {
                let source = try String(contentsOfFile: path + "/" + name, encoding: .utf8)
                for match in source.matches(of: /\btext: "([^"]+ [^"]+ [^"]+)"/) { texts.insert(String(match.1)) }
            }
        }
        #expect(texts.count > 40)
        #expect(Self.missing(texts.sorted()) == [])
    }

    @Test func `an entry keeps the places of its English text`() {
        for (english, korean) in Catalogue.korean {
            for place in 1...9 where english.contains("%\(place)") {
                #expect(korean.contains("%\(place)"), "\(english)")
            }
            #expect(!korean.contains("%\(1 + (1...9).filter { english.contains("%\($0)") }.count)"), "\(english)")
        }
    }

    @Test(arguments: [
        ("UPS is overloaded: shed load", "UPS 과부하: 부하를 줄이십시오"),
        ("ups1: UPS is overloaded: shed load", "ups1: UPS 과부하: 부하를 줄이십시오"),
        ("conserve: ups1: Generator runs (and 2 more)", "절전: ups1: 발전기가 돌고 있습니다 (외 2건)"),
        ("over: Generator overheats", "해소: 발전기가 과열됩니다"),
        ("no agent answers on /run/x.sock", "/run/x.sock에서 응답하는 에이전트가 없습니다"),
        ("something nobody has translated", "something nobody has translated"),
    ]) func `a finished sentence is told piece by piece`(english: String, korean: String) {
        #expect(Catalogue.sentence(english, .korean) == korean)
        #expect(Catalogue.sentence(english, .english) == english)
    }

    @Test func `values go where the language wants them`() {
        #expect(Catalogue.text("%1 of %2 units answer", ["3", "4"], .english) == "3 of 4 units answer")
        #expect(Catalogue.text("%1 of %2 units answer", ["3", "4"], .korean) == "장비 4대 중 3대 응답")
        #expect(Catalogue.text("100% of %1", ["x"], .english) == "100% of x")
    }
}
