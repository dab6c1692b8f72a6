import Profiles
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
