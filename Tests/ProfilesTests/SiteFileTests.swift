import Foundation
import Profiles
import Site
import Testing

private func faults(of yaml: String) -> [String] {
    let collector = FaultCollector()
    _ = YAMLReader.read(Array(yaml.utf8), file: "site.yaml", collector)
    return collector.inFileOrder.map(\.description)
}

@Suite struct YAMLReaderTests {
    @Test func `a key given twice is refused where it stands`() {
        #expect(faults(of: "a: 1\nb: 2\na: 3\n") == ["site.yaml:3:1: 'a' stands here twice (first on line 1)"])
    }

    @Test func `aliases, anchors, second documents and emptiness are refused`() {
        #expect(faults(of: "a: &x 1\n").first?.contains("anchors") == true)
        #expect(faults(of: "a: *x\n").first?.contains("site.yaml:1:4") == true)
        #expect(faults(of: "a: 1\n---\nb: 1\n").first?.contains("second document") == true)
        #expect(faults(of: "").first?.contains("empty") == true)
    }

    @Test func `a tab or an open quote is named with its line`() {
        #expect(faults(of: "a: 1\nb: \"open\n").first?.contains("not valid YAML") == true)
    }
}

@Suite struct SiteFileTests {
    /// A site file with drop-ins in a folder of its own, and a library of nothing.
    private func load(_ site: String, dropIns: [(String, String)] = []) throws -> Result<String, SiteFile.Refused> {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("site-\(UUID())")
        let dropInFolder = folder.appendingPathComponent("site.d")
        try FileManager.default.createDirectory(at: dropInFolder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for kind in HardwareLibrary.kinds {
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent(kind), withIntermediateDirectories: true)
        }
        try site.write(to: folder.appendingPathComponent("site.yaml"), atomically: true, encoding: .utf8)
        for (name, text) in dropIns {
            try text.write(to: dropInFolder.appendingPathComponent(name), atomically: true, encoding: .utf8)
        }
        do throws(SiteFile.Refused) {
            return .success(try SiteFile.load(folder.path + "/site.yaml", hardware: folder.path).title)
        } catch { return .failure(error) }
    }

    @Test func `drop-ins are merged in name order, the last word counts`() throws {
        let title = try load(
            "site: a\ntitle: first\n", dropIns: [("20.yaml", "title: third\n"), ("10.yaml", "title: second\n")])
        #expect(try title.get() == "third")
    }

    @Test func `every fault of every file is told in one run, each where it stands`() throws {
        let result = try load("sitte: a\ntitle: [1]\n", dropIns: [("10.yaml", "modbus: 3\n")])
        guard case .failure(let refused) = result else {
            Issue.record("accepted")
            return
        }
        let texts = refused.faults.map { "\($0.position.line):\($0.position.column) \($0.text)" }
        #expect(texts.contains { $0.hasPrefix("1:1 unknown key 'sitte'") && $0.contains("did you mean 'site'") })
        #expect(texts.contains { $0.hasPrefix("1:1 the site file: 'site' is missing") })
        #expect(texts.contains { $0.hasPrefix("2:8 found a list, expected text") })
        #expect(refused.faults.contains { $0.position.file.hasSuffix("10.yaml") && $0.position.line == 1 })
    }
}
