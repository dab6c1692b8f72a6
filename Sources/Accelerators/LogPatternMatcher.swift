internal import Site

/// A kernel log pattern, cut into what must stand in a line: literal text, a PCI address, a number,
/// anything (`*`). It may begin anywhere in the line.
struct LogPatternMatcher {
    struct Hit: Equatable {
        /// Without the function where the line has none: "0000:02:00".
        var address: String?
        var code: Int?
    }

    private enum Token {
        case literal([UInt8])
        case address
        case code
    }

    let pattern: AcceleratorLayout.LogPattern
    /// What stands between the stars. Each is looked for behind the one before, and the first place where it
    /// stands is as good as any later: only stars follow. So a line costs its length for each part, whatever
    /// is in it: some of the kernel's lines carry texts of strangers (the names of plugged devices).
    private let parts: [[Token]]

    init(_ pattern: AcceleratorLayout.LogPattern) {
        self.pattern = pattern
        parts = pattern.text.split(separator: "*" as Character).map { LogPatternMatcher.tokens($0) }
    }

    private static func tokens(_ text: Substring) -> [Token] {
        var tokens: [Token] = []
        var literal: [UInt8] = []
        var rest = text
        func flush() {
            if !literal.isEmpty { tokens.append(.literal(literal)) }
            literal = []
        }
        while let first = rest.first {
            if rest.hasPrefix("{address}") {
                flush()
                tokens.append(.address)
                rest = rest.dropFirst("{address}".count)
            } else if rest.hasPrefix("{code}") {
                flush()
                tokens.append(.code)
                rest = rest.dropFirst("{code}".count)
            } else {
                literal += Array(String(first).utf8)
                rest = rest.dropFirst()
            }
        }
        flush()
        return tokens
    }

    func match(_ line: [UInt8]) -> Hit? {
        var hit = Hit()
        var at = 0
        for part in parts {
            guard let end = find(part, line, from: at, &hit) else { return nil }
            at = end
        }
        if !pattern.codes.isEmpty && !(hit.code.map(pattern.codes.contains) ?? false) { return nil }
        return hit
    }

    /// Where the first place of `part` ends.
    private func find(_ part: [Token], _ line: [UInt8], from: Int, _ hit: inout Hit) -> Int? {
        // Most lines are ruled out by a part's first byte alone.
        var firstByte: UInt8?
        if case .literal(let text)? = part.first { firstByte = text.first }
        for start in from...line.count {
            if let firstByte, start == line.count || line[start] != firstByte { continue }
            var found = hit
            if let end = end(of: part, line, start, &found) {
                hit = found
                return end
            }
        }
        return nil
    }

    private func end(of part: [Token], _ line: [UInt8], _ start: Int, _ hit: inout Hit) -> Int? {
        var at = start
        for token in part {
            switch token {
            case .literal(let text):
                guard at + text.count <= line.count else { return nil }
                for i in text.indices where line[at + i] != text[i] { return nil }
                at += text.count
            case .code:
                var end = at, number = 0
                while end < line.count, end - at < 9, line[end] &- 48 < 10 {
                    number = number * 10 + Int(line[end] - 48)
                    end += 1
                }
                if end == at { return nil }
                hit.code = number
                at = end
            case .address:
                guard let end = addressEnd(line, at) else { return nil }
                hit.address = String(decoding: line[at..<end], as: UTF8.self)
                at = end
            }
        }
        return at
    }

    /// "0000:02:00.0", or without the function, as NVIDIA's driver writes it.
    private func addressEnd(_ line: [UInt8], _ at: Int) -> Int? {
        func isHex(_ i: Int) -> Bool { i < line.count && (line[i] &- 48 < 10 || line[i] &- 97 < 6) }
        func isByte(_ i: Int, _ byte: UInt8) -> Bool { i < line.count && line[i] == byte }
        var domain = at
        while isHex(domain) { domain += 1 }
        guard (4...8).contains(domain - at), isByte(domain, 58), isHex(domain + 1), isHex(domain + 2),
            isByte(domain + 3, 58), isHex(domain + 4), isHex(domain + 5)
        else { return nil }
        let bare = domain + 6
        return isByte(bare, 46) && bare + 1 < line.count && line[bare + 1] &- 48 < 8 ? bare + 2 : bare
    }
}
