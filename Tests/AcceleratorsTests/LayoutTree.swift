import Platform
import Site

@testable import Accelerators

/// A healthy card as a layout says that it shows itself: every place, every file, each with a value that is no
/// fault. What the vendors' own trees look like is in VendorTreesTests; this is every line of every layout.
final class LayoutTree {
    static let address = "0000:c3:00.0"
    let sysfs = FakeSysfs()
    let layout: AcceleratorLayout
    private var folders: [String: String] = [:]
    private(set) var paths: [String] = []
    private var texts: [String] = []

    init(_ layout: AcceleratorLayout) {
        self.layout = layout
        let match = layout.matches.first
        let device = sysfs.addCard(
            Self.address, vendor: match?.vendorID ?? 0xabcd, device: match?.deviceIDs.first ?? 0x0001,
            driver: layout.drivers.first ?? "any", classCode: (match?.classes.first ?? 0x1200) << 8)
        folders["device"] = device
        folders["port"] = String(device[..<(device.lastIndex(of: "/") ?? device.startIndex)])
        for place in layout.places { folders[place.name] = makeFolder(place, below: device) }
        paths = layout.attributes.enumerated().map { path(of: $1, $0) }
        texts = layout.attributes.map(healthy)
        for index in texts.indices { put(index) }
    }

    private func makeFolder(_ place: AcceleratorLayout.Place, below device: String) -> String {
        switch place.kind {
        case .hwmon(let name):
            let folder = device + "/hwmon/hwmon5"
            sysfs.write(folder + "/name", name.replacing("*", with: "0") + "\n")
            return folder
        case .entry(let folder, let pattern, let join):
            let name = pattern.replacing("*", with: "0")
            var target = "devices/virtual/\(folder)/\(name)"
            switch join {
            case .path: target = "\(device)/\(lastWord(folder))/\(name)"
            case .attribute(let file): sysfs.write("\(target)/\(file)", Self.address + "\n")
            case .order: break
            }
            sysfs.write(target + "/uevent", "")
            sysfs.link("\(folder)/\(name)", to: target)
            return target
        }
    }

    private func path(of attribute: AcceleratorAttribute, _ index: Int) -> String {
        let folder = folders[attribute.place] ?? "nowhere"
        switch attribute.source {
        case .file(let name): return "\(folder)/\(name)"
        case .sensor(let kind, let label, let item):
            // Numbers that nobody would guess: only the label counts.
            let channel = 20 + index
            sysfs.write("\(folder)/\(kind)\(channel)_label", label + "\n")
            return "\(folder)/\(kind)\(channel)_\(item)"
        }
    }

    func write(_ index: Int, _ text: String) {
        texts[index] = text
        put(index)
    }

    /// Several counters may be lines of one file.
    private func put(_ index: Int) {
        if layout.attributes[index].parser == .answersOnBus { return }
        let lines = texts.indices.filter { paths[$0] == paths[index] && isKeyed($0) }
        sysfs.write(paths[index], lines.isEmpty ? texts[index] : lines.map { texts[$0] }.joined())
    }

    private func isKeyed(_ index: Int) -> Bool {
        if case .keyed = layout.attributes[index].parser { true } else { false }
    }

    func write(_ index: Int, number: Double) { write(index, text(layout.attributes[index], number)) }

    /// A text that the attribute's parser makes this number of.
    private func text(_ attribute: AcceleratorAttribute, _ number: Double) -> String {
        let raw = "\(Int64((number / attribute.scale).rounded()))"
        switch attribute.parser {
        case .integer, .mean, .largest: return raw + "\n"
        case .leadingNumber: return raw + " units\n"
        case .keyed(let key): return "Other: 7\n\(key): \(raw)\n"
        case .sumExcept(let keys): return keys.map { "\($0): 7\n" }.joined() + "Error: \(raw)\n"
        case .column(let column): return String(repeating: "7, ", count: column - 1) + raw + "\n"
        case .starred: return "0: 7Mhz\n1: \(raw)Mhz *\n"
        case .isFilled: return number == 0 ? "" : "x\n"
        case .text, .state, .answersOnBus: return raw + "\n"
        }
    }

    private func healthy(_ attribute: AcceleratorAttribute) -> String {
        switch attribute.parser {
        case .state: return (attribute.states.first { $0.health == .ok }?.value ?? "") + "\n"
        case .text: return attribute.role == .driverVersion ? "1.0.0\n" : "x1\n"
        default: break
        }
        switch attribute.role {
        case .linkSpeed, .linkSpeedLimit: return "32.0 GT/s PCIe\n"
        case .linkWidth, .linkWidthLimit: return "16\n"
        default: return text(attribute, healthyNumber(attribute))
        }
    }

    private func healthyNumber(_ attribute: AcceleratorAttribute) -> Double {
        attribute.unit == .celsius
            ? 40 : attribute.plausible?.contains(20) ?? true ? 20 : attribute.plausible?.lowerBound ?? 0
    }
}
