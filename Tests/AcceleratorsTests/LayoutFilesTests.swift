import Foundation
import Profiles
import Site
import Testing

@testable import Accelerators

@Suite struct LayoutFilesTests {
    private func library() -> (HardwareLibrary, [ProfileFault]) {
        let faults = FaultCollector()
        let library = HardwareLibrary.load(repository + "/Hardware", faults)
        return (library, faults.inFileOrder.filter { $0.position.file.contains("/accelerators/") })
    }

    @Test func `every layout we ship reads without a fault`() {
        let (library, faults) = library()
        #expect(faults.map(\.description) == [])
        #expect(library.accelerators.count >= 15)
    }

    @Test func `no two layouts claim one card`() {
        let layouts = library().0.accelerators
        for layout in layouts {
            for match in layout.matches {
                let device = match.deviceIDs.first ?? 0xFFFE
                let classCode = (match.classes.first ?? 0x1200) << 8
                let claims = layouts.filter {
                    $0.match(vendorID: match.vendorID, deviceID: device, classCode: classCode) != nil
                }
                #expect(claims.map(\.name) == [layout.name])
            }
        }
    }

    @Test func `every card has something that says whether it lives`() {
        for layout in library().0.accelerators {
            #expect(layout.attributes.contains { $0.isRequired }, "\(layout.name)")
        }
    }

    @Test func `what would wake a card or hurt it is marked so`() {
        for layout in library().0.accelerators {
            for attribute in layout.attributes {
                if case .file(let name) = attribute.source {
                    let asksTheCard = name.hasSuffix("link_speed") || name.hasSuffix("link_width") || name == "config"
                    if asksTheCard { #expect(attribute.wakes, "\(layout.name): \(name)") }
                    #expect(
                        !["hard_reset", "soft_reset", "perf_clear", "device_led", "reset"].contains(lastWord(name)))
                }
            }
        }
    }
}
