internal import Platform

/// A configuration file without what must not leave the container: values whose name says that they are
/// secret, names and passwords in addresses, private keys. Works on any text, also a file that is no YAML.
enum Redaction {
    private static let secretWords = ["password", "passphrase", "secret", "token", "credential", "private", "psk"]
    static let mark = "(removed)"

    static func clean(_ text: String) -> String {
        var out: [String] = []
        var isInKey = false
        /// Lines indented deeper than this belong to a secret that began above.
        var secretIndent: Int?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let indent = line.prefix { $0 == " " }.count
            if let limit = secretIndent {
                if line.allSatisfy({ $0 == " " }) || indent > limit { continue }
                secretIndent = nil
            }
            if line.holds("-----BEGIN"), line.holds("KEY") { isInKey = true }
            if isInKey {
                if line.holds("-----END") {
                    isInKey = false
                    out.append(String(repeating: " ", count: indent) + mark)
                }
                continue
            }
            let (clean, opensBlock) = withoutSecrets(withoutUsers(String(line)))
            if opensBlock { secretIndent = indent }
            out.append(clean)
        }
        return out.joined(separator: "\n")
    }

    /// "mqtts://user:word@host" loses what stands before the @.
    private static func withoutUsers(_ line: String) -> String {
        guard let scheme = line.firstRange(of: "://") else { return line }
        let rest = line[scheme.upperBound...]
        let authority = rest.prefix { !" /\"',}]".contains($0) }
        guard let at = authority.lastIndex(of: "@") else { return line }
        return line[..<scheme.upperBound] + mark + rest[at...]
    }

    /// `opensBlock`: the value stands on the lines that follow.
    private static func withoutSecrets(_ line: String) -> (String, opensBlock: Bool) {
        var out = ""
        var rest = line[...]
        while let colon = rest.firstIndex(of: ":") {
            let name = rest[..<colon]
            let value = rest[rest.index(after: colon)...]
            let word = name.reversed().drop { $0 == " " }.prefix { $0.isLetter || $0.isNumber || "-_\"'".contains($0) }
            let key = String(word.reversed()).lowercased()
            // The name of a file tells no secret, and support needs it.
            let isSecret = secretWords.contains { key.holds($0) } && !key.holds("file") && !key.holds("folder")
            out += rest[...colon]
            guard isSecret else {
                rest = value
                continue
            }
            let shown = value.drop { $0 == " " }
            if shown.isEmpty || shown.hasPrefix("|") || shown.hasPrefix(">") { return (out + " " + mark, true) }
            out += " " + mark
            if let quote = shown.first, quote == "\"" || quote == "'" {
                let after = shown.dropFirst()
                rest = after.firstIndex(of: quote).map { after[after.index(after: $0)...] } ?? ""
            } else {
                rest = shown.drop { $0 != "," && $0 != "}" }
            }
        }
        return (out + rest, false)
    }
}
