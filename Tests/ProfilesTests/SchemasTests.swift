import Foundation
import Profiles
import Testing

@Suite struct SchemasTests {
    /// `MDC_WRITE_SCHEMA=1 swift test --filter Schemas` writes them anew after a change of shape.
    @Test func `the schemas that editors use say what the reader reads`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Hardware/schema")
        for (file, text) in Schemas.all {
            let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
            let pretty = try JSONSerialization.data(
                withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
            let wanted = String(decoding: pretty, as: UTF8.self) + "\n"
            let path = folder.appendingPathComponent(file)
            if ProcessInfo.processInfo.environment["MDC_WRITE_SCHEMA"] != nil {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                try wanted.write(to: path, atomically: true, encoding: .utf8)
            }
            let written = (try? String(contentsOf: path, encoding: .utf8)) ?? ""
            #expect(written == wanted, "Hardware/schema/\(file) is old: MDC_WRITE_SCHEMA=1 swift test --filter Schemas")
        }
    }
}
