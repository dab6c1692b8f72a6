/// A point name in which * stands for any text, also none: "ups*.battery.*".
public struct NamePattern: Equatable, Sendable {
    public let text: String
    private let parts: [[UInt8]]

    public init(_ text: String) {
        self.text = text
        parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    public func matches(_ name: String) -> Bool {
        var rest = Array(name.utf8)[...]
        guard let first = parts.first, rest.starts(with: first) else { return false }
        rest = rest.dropFirst(first.count)
        if parts.count == 1 { return rest.isEmpty }
        // Leftmost matches leave the most room for what follows, so no way back is needed.
        for part in parts[1..<parts.count - 1] {
            guard let at = NamePattern.find(part, in: rest) else { return false }
            rest = rest[(at + part.count)...]
        }
        let last = parts[parts.count - 1]
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }

    private static func find(_ part: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
        if part.isEmpty { return text.startIndex }
        var at = text.startIndex
        while at + part.count <= text.endIndex {
            if text[at..<at + part.count].elementsEqual(part) { return at }
            at += 1
        }
        return nil
    }
}
