/// True for a PCI address as sysfs writes it: "0000:c3:00.0" (a virtual domain may have up to 8 digits).
public func isPCIAddress(_ text: some StringProtocol) -> Bool {
    let words = text.split(separator: ":", omittingEmptySubsequences: false)
    guard words.count == 3, (4...8).contains(words[0].utf8.count), words[1].utf8.count == 2, words[2].utf8.count == 4
    else { return false }
    let last = Array(words[2].utf8)
    guard last[2] == UInt8(ascii: "."), (48...55).contains(last[3]) else { return false }
    return (Array(words[0].utf8) + Array(words[1].utf8) + last[..<2]).allSatisfy {
        (48...57).contains($0) || (97...102).contains($0)
    }
}
