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
        case anything
    }

    let pattern: AcceleratorLayout.LogPattern
    private let tokens: [Token]

    init(_ pattern: AcceleratorLayout.LogPattern) {
        self.pattern = pattern
        var tokens: [Token] = [.anything]
        var literal: [UInt8] = []
        var rest = Substring(pattern.text)
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
            } else if first == "*" {
                flush()
                tokens.append(.anything)
                rest = rest.dropFirst()
            } else {
                literal += Array(String(first).utf8)
                rest = rest.dropFirst()
            }
        }
        flush()
        self.tokens = tokens
    }

    func match(_ line: [UInt8]) -> Hit? {
        guard let hit = match(line, 0, 0, Hit()) else { return nil }
        if !pattern.codes.isEmpty && !(hit.code.map(pattern.codes.contains) ?? false) { return nil }
        return hit
    }

    /// Depth is the number of tokens; `anything` tries each place once, so a line of n bytes costs n steps
    /// per star, and kernel lines are at most 1 KiB.
    private func match(_ line: [UInt8], _ at: Int, _ token: Int, _ hit: Hit) -> Hit? {
        guard token < tokens.count else { return hit }
        switch tokens[token] {
        case .literal(let text):
            guard at + text.count <= line.count else { return nil }
            for i in text.indices where line[at + i] != text[i] { return nil }
            return match(line, at + text.count, token + 1, hit)
        case .anything:
            for start in at...line.count {
                if let found = match(line, start, token + 1, hit) { return found }
            }
            return nil
        case .code:
            var end = at, number = 0
            while end < line.count, end - at < 9, line[end] &- 48 < 10 {
                number = number * 10 + Int(line[end] - 48)
                end += 1
            }
            if end == at { return nil }
            var hit = hit
            hit.code = number
            return match(line, end, token + 1, hit)
        case .address:
            guard let end = addressEnd(line, at) else { return nil }
            var hit = hit
            hit.address = String(decoding: line[at..<end], as: UTF8.self)
            return match(line, end, token + 1, hit)
        }
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
