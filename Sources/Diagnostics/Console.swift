internal import CLinux
internal import Glibc
public import Platform
internal import Status

/// Where a command prints: results on standard output, trouble on standard error. Colour and tables
/// only on a terminal; NO_COLOR is honoured.
public struct Console: Sendable {
    public enum Ink: String, Sendable {
        case plain = "", good = "32", attention = "33", bad = "31", strong = "1", faint = "2"
    }

    public let isJSON: Bool
    public let isTerminal: Bool
    private let hasColour: Bool
    private let isMonochrome: Bool

    public init(isJSON: Bool) {
        self.isJSON = isJSON
        isTerminal = isatty(STDOUT_FILENO) == 1
        hasColour = isTerminal && environment("NO_COLOR") == nil && !Console.isDumb
        // A VT100 on a serial line knows bold and nothing of colours.
        isMonochrome = (environment("TERM") ?? "").hasPrefix("vt")
    }

    /// A terminal that only prints: nothing moves its cursor.
    static var isDumb: Bool { ["dumb", nil].contains(environment("TERM")) }

    public func inked(_ text: String, _ ink: Ink) -> String {
        guard hasColour, ink != .plain else { return text }
        let isLoud = ink == .bad || ink == .attention || ink == .strong
        if isMonochrome { return isLoud ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
        return "\u{1B}[\(ink.rawValue)m\(text)\u{1B}[0m"
    }

    public func line(_ text: String = "") { write(STDOUT_FILENO, text + "\n") }
    public func raw(_ text: String) { write(STDOUT_FILENO, text) }
    func raw(_ bytes: [UInt8]) { write(STDOUT_FILENO, bytes) }

    /// What went wrong and what to do about it, on standard error.
    public func trouble(_ text: String, remedy: String? = nil) {
        let remedy = remedy.map { "  \(Catalogue.sentence($0))\n" } ?? ""
        write(STDERR_FILENO, "mdc-agent: \(Catalogue.sentence(text))\n" + remedy)
    }

    /// One JSON document on a line of its own.
    public func json(_ build: (inout ByteWriter) -> Void) {
        var writer = ByteWriter()
        build(&writer)
        writer.append("\n")
        write(STDOUT_FILENO, writer.text)
    }

    public struct Cell: Sendable, ExpressibleByStringLiteral {
        let text: String
        let ink: Ink
        public init(_ text: String, _ ink: Ink = .plain) {
            self.text = text
            self.ink = ink
        }
        public init(stringLiteral text: String) { self.init(text) }
    }

    /// Aligned columns on a terminal, tab-separated fields in a pipe (for cut and awk).
    public func table(_ header: [String], _ rows: [[Cell]]) {
        guard isTerminal else {
            for row in rows { line(row.map(\.text).joined(separator: "\t")) }
            return
        }
        // Names stay what they are; words are in the reader's language.
        let header = header.map { local($0) }
        let rows = rows.map { row in
            row.map { $0.ink == .strong ? $0 : Cell(Catalogue.sentence($0.text), $0.ink) }
        }
        var widths = header.map(columnWidth)
        if header.isEmpty { widths = [Int](repeating: 0, count: rows.map(\.count).max() ?? 0) }
        for row in rows {
            for (i, cell) in row.enumerated() where i < widths.count {
                widths[i] = max(widths[i], columnWidth(cell.text))
            }
        }
        func padded(_ text: String, _ i: Int) -> String {
            i == widths.count - 1 ? text : text + String(repeating: " ", count: max(0, widths[i] - columnWidth(text)))
        }
        if !header.isEmpty {
            line(inked(header.enumerated().map { padded($1, $0) }.joined(separator: "  "), .faint))
        }
        for row in rows {
            line(row.enumerated().map { inked(padded($1.text, $0), $1.ink) }.joined(separator: "  "))
        }
    }

    private func write(_ descriptor: Int32, _ text: String) { write(descriptor, Array(text.utf8)) }

    private func write(_ descriptor: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe cl_write(descriptor, $0.baseAddress, $0.count) }
            // A reader that went away (head, less) ends the output, not the program.
            if written <= 0 { return }
            rest = rest.dropFirst(written)
        }
    }
}

/// How many columns a terminal gives the text: Hangul and other wide characters take two.
public func columnWidth(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { width, scalar in
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF:
            width + 2
        default: width + 1
        }
    }
}
