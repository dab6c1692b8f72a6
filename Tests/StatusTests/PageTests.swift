import Foundation
import Platform
import Site
import Synchronization
import Testing

@testable import Status

@Suite struct PageTests {
    static func texts() throws -> [String: [String: String]] {
        let object = try JSONSerialization.jsonObject(with: Data(PageTexts.json.utf8))
        return try #require(object as? [String: [String: String]])
    }

    @Test func `every word exists in both languages`() throws {
        let texts = try Self.texts()
        let english = try #require(texts["en"])
        let korean = try #require(texts["ko"])
        #expect(Set(english.keys) == Set(korean.keys))
        for (key, word) in korean where !["language", "tls"].contains(key) {
            #expect(word.unicodeScalars.contains { $0.value > 0xAC00 && $0.value < 0xD7A4 }, "\(key): \(word)")
        }
    }

    @Test func `every word that the page asks for exists`() throws {
        let known = try Set(#require(Self.texts()["en"]).keys)
        for match in PageScript.javascript.matches(of: /\bt\("([a-z-]+)"\)/) {
            #expect(known.contains(String(match.1)), "\(match.1)")
        }
        let states: [[String]] = [
            PostureState.allCases.map(\.text), ArmingState.allCases.map(\.rawValue), SiteHealth.allCases.map(\.text),
            Severity.allCases.map(\.text), AcceleratorHealth.allCases.map(\.text).filter { $0 != "failed" },
            ["online", "offline", "dormant", "normal", "alarm", "short", "open", "fault"],
        ]
        for word in states.flatMap({ $0 }) { #expect(known.contains(word), "\(word)") }
    }

    @Test func `the page needs nothing from elsewhere and lets nothing else run`() throws {
        let room = try RunningRoom()
        let answer = try room.ask("/")
        #expect(answer.status == 200)
        #expect(answer.field("Content-Type") == "text/html; charset=utf-8")
        let policy = try #require(answer.field("Content-Security-Policy"))
        #expect(policy.hasPrefix("default-src 'none'; script-src 'sha256-"))
        #expect(!policy.contains("unsafe"))
        // The SVG namespace is a name, not an address that is fetched.
        let foreign = answer.text.replacingOccurrences(of: "http://www.w3.org/2000/svg", with: "")
        #expect(!foreign.contains("http://") && !foreign.contains("https://"))
        #expect(try room.ask("/", ["If-None-Match: \(try #require(answer.field("ETag")))"]).status == 304)
        let packed = try room.ask("/", ["Accept-Encoding: gzip, br"])
        #expect(packed.body.count < 20_000)
    }
}
