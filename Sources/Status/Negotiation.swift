internal import Platform
internal import HTTP

/// What a client says it takes. Only as much as scrapers and browsers use.
extension Exchange {
    var takesGzip: Bool { accepts("accept-encoding", "gzip") }

    /// Prometheus asks for OpenMetrics by name; a browser's */* means plain text.
    var wantsOpenMetrics: Bool { accepts("accept", "application/openmetrics-text") }
    var wantsEventStream: Bool { accepts("accept", "text/event-stream") }

    /// `word` stands in the list, and not with q=0.
    private func accepts(_ field: StaticString, _ word: StaticString) -> Bool {
        guard let list = self.field(field) else { return false }
        var start = 0
        while start <= list.count {
            let end = list.firstIndex(of: UInt8(ascii: ","), from: start) ?? list.count
            let item = list[start..<end].trimmed
            let semicolon = item.firstIndex(of: UInt8(ascii: ";")) ?? item.count
            if item[0..<semicolon].trimmed.equalsIgnoringCase(word) {
                return !item[semicolon..<item.count].string.replacingBlanks.hasSuffixZeroQuality
            }
            start = end + 1
        }
        return false
    }

    /// The client has this very version already.
    func hasCurrent(_ etag: String) -> Bool {
        guard let known = field("if-none-match") else { return false }
        return known == "*" || known.string.holds(etag)
    }
}

extension String {
    fileprivate var replacingBlanks: String { filter { $0 != " " && $0 != "\t" } }
    fileprivate var hasSuffixZeroQuality: Bool {
        guard let q = split(separator: ";").first(where: { $0.hasPrefix("q=") }) else { return false }
        return Double(q.dropFirst(2)) == 0
    }
}
