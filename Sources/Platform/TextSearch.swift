/// Finding and replacing in texts, byte by byte: no regular expressions, no folding of characters.
extension StringProtocol {
    public func firstRange(of part: some StringProtocol) -> Range<Index>? {
        var start = utf8.startIndex
        while start < utf8.endIndex {
            if utf8[start...].starts(with: part.utf8) {
                return start..<utf8.index(start, offsetBy: part.utf8.count)
            }
            utf8.formIndex(after: &start)
        }
        return part.isEmpty ? start..<start : nil
    }

    public func holds(_ part: some StringProtocol) -> Bool { firstRange(of: part) != nil }

    /// The pieces between all occurrences of `border`.
    public func pieces(between border: String) -> [SubSequence] {
        var pieces: [SubSequence] = []
        var rest = self[...]
        while let found = rest.firstRange(of: border) {
            pieces.append(rest[..<found.lowerBound])
            rest = rest[found.upperBound...]
        }
        return pieces + [rest]
    }

    public func replacing(_ part: String, with other: String) -> String {
        pieces(between: part).joined(separator: other)
    }
}
