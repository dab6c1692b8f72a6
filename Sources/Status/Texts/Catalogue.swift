internal import Glibc
internal import Platform

/// The language of whoever reads. JSON, names and the journal are never translated.
public enum Language: Sendable {
    case english, korean

    /// From the environment as gettext reads it. A terminal that does not speak UTF-8 cannot show Hangul.
    public static let current: Language = {
        for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
            guard let value = unsafe getenv(name) else { continue }
            let text = unsafe String(cString: value).lowercased()
            if text.isEmpty { continue }
            return text.hasPrefix("ko") && text.holds("utf") ? .korean : .english
        }
        return .english
    }()
}

/// The one catalogue of texts that people read. The English text is the key; %1, %2 stand for what is put
/// in. Its completeness is a test (CatalogueTests).
public enum Catalogue {
    /// English to Korean.
    public static let korean = entries(
        [
            koreanWords, koreanScreens, koreanCommands, koreanBuses, koreanOptions, koreanFindings, koreanPage,
            koreanHistory,
        ])
    /// What a page may have to say besides its own words: events, alarms, reasons.
    static let koreanSentences = entries([koreanWords, koreanScreens, koreanFindings])

    private static func entries(_ parts: [String]) -> [String: String] {
        var entries: [String: String] = [:]
        for part in parts {
            for entry in part.pieces(between: "\n==\n") {
                guard let border = entry.firstRange(of: "\n--\n") else { continue }
                entries[String(entry[..<border.lowerBound])] = String(entry[border.upperBound...])
            }
        }
        return entries
    }

    /// The text for people; English where the catalogue has no entry.
    public static func text(_ english: String, _ values: [String], _ language: Language = .current) -> String {
        filled(language == .korean ? korean[english] ?? english : english, values)
    }

    private static func filled(_ text: String, _ values: [String]) -> String {
        if values.isEmpty { return text }
        var out = ""
        var rest = text[...]
        while let percent = rest.firstIndex(of: "%") {
            let after = rest[rest.index(after: percent)...]
            guard let digit = after.first?.wholeNumberValue, (1...values.count).contains(digit) else {
                out += rest[...percent]
                rest = after
                continue
            }
            out += rest[..<percent] + values[digit - 1]
            rest = after.dropFirst()
        }
        return out + rest
    }

    // MARK: - Finished sentences

    /// A sentence that somebody else has put together: as it stands, by the entry whose pattern it fits, or
    /// "device: sentence" piece by piece. What is not known stays English.
    public static func sentence(_ english: String, _ language: Language = .current) -> String {
        if language == .english { return english }
        return translated(english, depth: 0) ?? english
    }

    private static func translated(_ english: String, depth: Int) -> String? {
        if let known = korean[english] { return known }
        let colon = english.firstRange(of: ": ")
        if let colon, let rest = korean[String(english[colon.upperBound...])] {
            let head = String(english[..<colon.lowerBound])
            return (korean[head] ?? head) + ": " + rest
        }
        for pattern in patterns {
            guard let values = pattern.values(in: english) else { continue }
            let inner = values.map { depth < 4 ? translated($0, depth: depth + 1) ?? $0 : $0 }
            return filled(pattern.korean, inner)
        }
        guard depth < 4, let colon else { return nil }
        let head = String(english[..<colon.lowerBound]), tail = String(english[colon.upperBound...])
        guard let rest = translated(tail, depth: depth + 1) else { return nil }
        return (korean[head] ?? head) + ": " + rest
    }

    /// An entry with places for values, split at them.
    private struct Pattern {
        let pieces: [String]
        let places: [Int]
        let korean: String
        static let lettersMin = 12

        init?(_ english: String, _ korean: String) {
            var pieces = [""]
            var places: [Int] = []
            var rest = english[...]
            while let percent = rest.firstIndex(of: "%") {
                let after = rest[rest.index(after: percent)...]
                pieces[pieces.count - 1] += rest[..<percent]
                if let digit = after.first?.wholeNumberValue, digit > 0 {
                    places.append(digit - 1)
                    pieces.append("")
                    rest = after.dropFirst()
                } else {
                    pieces[pieces.count - 1] += "%"
                    rest = after
                }
            }
            pieces[pieces.count - 1] += rest
            // "%1 at %2" would fit anything that somebody says.
            guard !places.isEmpty, pieces.reduce(0, { $0 + $1.utf8.count }) >= Pattern.lettersMin else { return nil }
            self.pieces = pieces
            self.places = places
            self.korean = korean
        }

        func values(in text: String) -> [String]? {
            guard text.hasPrefix(pieces[0]) else { return nil }
            var rest = text.dropFirst(pieces[0].count)
            var values = [String](repeating: "", count: (places.max() ?? 0) + 1)
            for (index, piece) in pieces.dropFirst().enumerated() {
                let isLast = index == places.count - 1
                if isLast {
                    guard rest.hasSuffix(piece) else { return nil }
                    values[places[index]] = String(rest.dropLast(piece.count))
                    return values
                }
                guard let found = rest.firstRange(of: piece) else { return nil }
                values[places[index]] = String(rest[..<found.lowerBound])
                rest = rest[found.upperBound...]
            }
            return values
        }
    }

    /// The one with the most letters first: the most particular fits best.
    private static let patterns: [Pattern] = korean.compactMap { Pattern($0.key, $0.value) }.sorted { a, b in
        let lengths = [a, b].map { $0.pieces.reduce(0) { $0 + $1.count } }
        return (lengths[0], a.korean) > (lengths[1], b.korean)
    }
}

/// A text for people in their language, with what is put in for %1, %2.
public func local(_ english: String, _ values: String...) -> String { Catalogue.text(english, values) }

extension ByteWriter {
    /// `/v1/texts/ko`
    mutating func writeSentences(_ texts: [String: String]) {
        beginObject()
        for (english, korean) in texts.sorted(by: { $0.key < $1.key }) {
            key(string: english)
            value(korean)
        }
        endObject()
        append("\n")
    }
}
