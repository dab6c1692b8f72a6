import Foundation
import Profiles
import Site
import Testing

@Suite struct SunSpecInstancesTests {
    private static let hardware = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Hardware")
        .standardized.path

    private func points(_ unit: String) throws -> Result<[EquipmentPoint], SiteFile.Refused> {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("site-\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            site: here
            modbus:
              buses:
                power:
                  tcp: 10.0.0.1
                  units:
                    rack: \(unit)

            """
        try text.write(to: file, atomically: true, encoding: .utf8)
        do throws(SiteFile.Refused) {
            return .success(
                try SiteFile.load(file.path, hardware: Self.hardware).modbus.buses.flatMap(\.units).flatMap(\.points))
        } catch { return .failure(error) }
    }

    @Test func `a model that the machine carries twice has its points twice, under two names`() throws {
        let once = try points("{profile: sunspec-battery, models: [1, 802]}").get()
        let twice = try points("{profile: sunspec-battery, models: [1, 802, 802]}").get()
        let second = twice.filter { $0.modelInstance == 2 }
        #expect(!second.isEmpty && twice.count == once.count + second.count)
        #expect(second.allSatisfy { $0.model == 802 && $0.path.hasPrefix("battery2.") })
        #expect(Set(twice.map(\.path)).count == twice.count)
        // `only` and `except` know the new names.
        let some = try points("{profile: sunspec-battery, models: [802, 802], only: [battery2.*]}").get()
        #expect(some.count == second.count)
    }

    @Test func `a typing error does not make a thousand batteries`() throws {
        let many = [String](repeating: "802", count: 33).joined(separator: ", ")
        guard case .failure(let refused) = try points("{profile: sunspec-battery, models: [\(many)]}") else {
            Issue.record("accepted")
            return
        }
        #expect(refused.faults.contains { $0.description.contains("at most 32") })
    }
}
