import Foundation
import Testing

/// The rules of the house that a machine can hold.
@Suite struct TidyTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    struct SourceFile {
        let path: String
        let lines: [String]
    }

    static func files(under folder: String, ending: String) -> [SourceFile] {
        let base = root.appendingPathComponent(folder)
        let names = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(ending) }.sorted().compactMap { name in
            guard let text = try? String(contentsOf: base.appendingPathComponent(name), encoding: .utf8) else {
                return nil
            }
            return SourceFile(path: folder + "/" + name, lines: text.components(separatedBy: "\n"))
        }
    }

    /// The code of a line: without its comment and the insides of its literals.
    static func code(_ line: String) -> String {
        var out = ""
        var inLiteral = false
        var previous: Character = " "
        for character in line {
            if character == "\"" && previous != "\\" { inLiteral.toggle() }
            if !inLiteral {
                if character == "/" && previous == "/" { return String(out.dropLast()) }
                out.append(character)
            }
            previous = character
        }
        return out
    }

    @Test func `shipped sources neither force nor die nor import Foundation`() {
        for file in Self.files(under: "Sources", ending: ".swift") {
            for (number, line) in file.lines.enumerated() {
                let code = Self.code(line)
                let place = "\(file.path):\(number + 1)"
                for banned in ["try!", "as!", "fatalError(", "import Foundation", "import Dispatch"] {
                    #expect(!code.contains(banned), "\(place): \(banned)")
                }
                #expect(code.firstMatch(of: /[A-Za-z0-9_\)\]]!([^=]|$)/) == nil, "\(place): force unwrap")
            }
        }
    }

    @Test func `a source file holds one idea, in at most 450 lines of at most 120 columns`() {
        for folder in ["Sources", "Tests"] {
            for file in Self.files(under: folder, ending: ".swift") {
                #expect(file.lines.count <= 451, "\(file.path) has \(file.lines.count) lines")
                for (number, line) in file.lines.enumerated() {
                    // A text that somebody will search for stays in one piece.
                    let isText = line.drop { $0 == " " || $0 == "#" }.hasPrefix("\"")
                    #expect(line.count <= 120 || isText, "\(file.path):\(number + 1) has \(line.count) columns")
                }
            }
        }
    }

    @Test func `a function fits on a screen: at most 70 lines`() {
        for file in Self.files(under: "Sources", ending: ".swift") {
            var start: (line: Int, indent: Int)?
            for (number, line) in file.lines.enumerated() {
                let indent = line.prefix { $0 == " " }.count
                if start == nil, line.firstMatch(of: /^ *([a-z@]+ )*(func |init[?(<])/) != nil, line.hasSuffix("{") {
                    start = (number, indent)
                } else if let begun = start, indent == begun.indent, line.dropFirst(indent).hasPrefix("}") {
                    let length = number - begun.line + 1
                    #expect(length <= 70, "\(file.path):\(begun.line + 1): \(length) lines")
                    start = nil
                }
            }
        }
    }

    @Test func `each room opens with the sentence that says what it is for and must never do`() throws {
        let rooms = try FileManager.default.contentsOfDirectory(
            atPath: Self.root.appendingPathComponent("Sources").path)
        for room in rooms where !room.hasPrefix("C") || room == "Control" {
            if room.hasPrefix("mdc-") || room.hasSuffix(".md") { continue }
            let door = Self.root.appendingPathComponent("Sources/\(room)/\(room).swift")
            let text = (try? String(contentsOf: door, encoding: .utf8)) ?? ""
            let opening = text.components(separatedBy: "\n").prefix { $0.hasPrefix("//") }
                .map { $0.drop { $0 == "/" || $0 == " " } }.joined(separator: " ")
            #expect(opening.hasPrefix("\(room): "), "Sources/\(room)/\(room).swift must open with its sentence")
            #expect(
                opening.contains("must never"), "Sources/\(room)/\(room).swift must say what the room must never do")
        }
    }

    @Test func `nothing is left for later in the tree`() {
        for folder in ["Sources", "Tests", "Units", "Hardware"] {
            for ending in [".swift", ".c", ".h", ".py", ".yaml", ".service", ".md"] {
                for file in Self.files(under: folder, ending: ending) where !file.path.hasSuffix("TidyTests.swift") {
                    for (number, line) in file.lines.enumerated() {
                        #expect(
                            line.firstMatch(of: /\b(TODO|FIXME|XXX|HACK)\b/) == nil,
                            "\(file.path):\(number + 1): \(line)")
                    }
                }
            }
        }
    }

    @Test func `the top level holds what the contract names and nothing else`() throws {
        let allowed: Set<String> = [
            "Package.swift", "Sources", "Tests", "Units", "Hardware", "README.md", "Makefile", "LICENSE",
        ]
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.root.path) where !name.hasPrefix(".") {
            #expect(allowed.contains(name), "\(name) does not belong at the top level")
        }
    }
}
