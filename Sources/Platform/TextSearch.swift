/// Finding and replacing in texts, byte by byte: no regular expressions, no folding of characters.
extension StringProtocol where SubSequence == Substring {
    public func firstRange<Part: StringProtocol>(of part: Part) -> Range<Index>? where Part.SubSequence == Substring {
        guard let at = offset(of: part[...].utf8.span, in: self[...].utf8.span) else { return nil }
        let start = utf8.index(utf8.startIndex, offsetBy: at)
        return start..<utf8.index(start, offsetBy: part.utf8.count)
    }

    public func holds<Part: StringProtocol>(_ part: Part) -> Bool where Part.SubSequence == Substring {
        offset(of: part[...].utf8.span, in: self[...].utf8.span) != nil
    }

    /// The pieces between all occurrences of `border`.
    public func pieces(between border: String) -> [Substring] {
        var pieces: [Substring] = []
        var rest = self[...]
        while !border.isEmpty, let found = rest.firstRange(of: border) {
            pieces.append(rest[..<found.lowerBound])
            rest = rest[found.upperBound...]
        }
        return pieces + [rest]
    }

    public func replacing(_ part: String, with other: String) -> String {
        pieces(between: part).joined(separator: other)
    }
}

private func offset(of part: Span<UInt8>, in text: Span<UInt8>) -> Int? {
    guard !part.isEmpty else { return 0 }
    var at = 0
    while at <= text.count - part.count {
        if text[at] == part[0] {
            var same = 1
            while same < part.count, text[at + same] == part[same] { same += 1 }
            if same == part.count { return at }
        }
        at += 1
    }
    return nil
}
