/// A range of driver versions, ">=1.2 <4": what a layout's codes are gated on.
public struct VersionRange: Equatable, Sendable {
    public var atLeast: [Int]?
    public var below: [Int]?

    /// Words ">=V" and "<V", one or both.
    public init?(_ text: String) {
        for word in text.split(separator: " ") {
            if word.hasPrefix(">="), atLeast == nil, let version = VersionRange.numbers(word.dropFirst(2)) {
                atLeast = version
            } else if word.hasPrefix("<"), below == nil, let version = VersionRange.numbers(word.dropFirst()) {
                below = version
            } else {
                return nil
            }
        }
        if atLeast == nil && below == nil { return nil }
    }

    /// The dotted number that a version text begins with: "1.2.3-rebel1" is 1.2.3.
    public static func numbers(_ text: some StringProtocol) -> [Int]? {
        var numbers: [Int] = []
        for word in text.split(separator: ".", omittingEmptySubsequences: false) {
            let digits = word.prefix { $0.isASCII && $0.isNumber }
            guard let number = Int(digits) else { break }
            numbers.append(number)
            if digits.count < word.count { break }
        }
        return numbers.isEmpty ? nil : numbers
    }

    /// A version that nobody could read is in no range.
    public func contains(_ version: [Int]?) -> Bool {
        guard let version else { return false }
        if let atLeast, isOlder(version, atLeast) { return false }
        if let below, !isOlder(version, below) { return false }
        return true
    }

    private func isOlder(_ a: [Int], _ b: [Int]) -> Bool {
        for i in 0..<max(a.count, b.count) {
            let x = i < a.count ? a[i] : 0, y = i < b.count ? b[i] : 0
            if x != y { return x < y }
        }
        return false
    }
}
