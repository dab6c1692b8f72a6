internal import Glibc
internal import Platform
internal import Site

/// A card as the PCI bus shows it: the one place where a card without a driver is still seen.
struct PCICard: Equatable, Sendable {
    var address: String
    var vendorID: Int
    var deviceID: Int
    var classCode: Int
    /// The bound kernel driver's name.
    var driver: String?
    /// The device's folder, without symbolic links where it has one.
    var path: String
    /// The folder of the PCI port above it.
    var port: String?

    /// The same piece of hardware in the same place, whatever its driver does.
    func isSame(as other: PCICard) -> Bool {
        address == other.address && vendorID == other.vendorID && deviceID == other.deviceID
    }
}

enum PCIBus {
    /// 0x12 is the PCI base class of processing accelerators.
    static let acceleratorClass = 0x12

    /// Every card that a layout is for, or that calls itself an accelerator, in address order. These
    /// files are kept by the kernel since enumeration: reading them asks no card and cannot hang.
    static func scan(root: String, layouts: [AcceleratorLayout]) throws(SystemError) -> [PCICard] {
        let folder = root + "/bus/pci/devices"
        var cards: [PCICard] = []
        for address in try namesInFolder(folder) where isPCIAddress(address) {
            let link = folder + "/" + address
            guard let vendor = hexFile(link + "/vendor"), let device = hexFile(link + "/device"),
                let classCode = hexFile(link + "/class")
            else { continue }
            let isKnown = layouts.contains {
                $0.match(vendorID: vendor, deviceID: device, classCode: classCode) != nil
            }
            // A virtual function shares its card's fate and shows nothing of its own.
            guard isKnown || classCode >> 16 == acceleratorClass, !exists(link + "/physfn") else { continue }
            let path = resolved(link) ?? link
            let parent = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
            let hasPort = isPCIAddress(lastWord(parent)) && hexFile(parent + "/vendor") != nil
            cards.append(
                PCICard(
                    address: address, vendorID: vendor, deviceID: device, classCode: classCode,
                    driver: resolved(link + "/driver").map(lastWord), path: path, port: hasPort ? parent : nil))
        }
        return cards
    }

    private static func hexFile(_ path: String) -> Int? {
        guard let bytes = try? readFile(path, limit: 4096) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        return text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text, radix: 16)
    }
}

func lastWord(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }

func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

/// The path without symbolic links; nil when there is nothing.
func resolved(_ path: String) -> String? {
    guard let real = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
}

/// `*` stands for any run of characters.
func matches(_ text: String, pattern: String) -> Bool {
    let parts = pattern.split(separator: "*" as Character, omittingEmptySubsequences: false).map { String($0) }
    guard parts.count > 1 else { return text == pattern }
    var rest = Substring(text)
    guard rest.hasPrefix(parts[0]) else { return false }
    rest = rest.dropFirst(parts[0].count)
    for part in parts[1..<parts.count - 1] where !part.isEmpty {
        guard let found = rest.firstRange(of: part) else { return false }
        rest = rest[found.upperBound...]
    }
    return rest.hasSuffix(parts[parts.count - 1])
}
