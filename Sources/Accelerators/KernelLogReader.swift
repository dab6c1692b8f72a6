internal import Platform
internal import Site

/// Finds the card that a line of the kernel log is about, and what it says of it.
struct KernelLogReader {
    private var matchers: [String: [LogPatternMatcher]] = [:]
    private var hostFaultTold: MonotonicTime?

    /// A machine in trouble says the same thing many times a second.
    private static let hostWindow = Nanoseconds.seconds(600)
    private static let lineMax = 200

    /// Events worth telling; what concerns a card is noted in its slot.
    mutating func read(_ line: [UInt8], _ slots: inout [CardSlot], _ now: Moment) -> EventDraft? {
        for index in slots.indices {
            guard let record = slots[index].record else { continue }
            for matcher in matchers(for: record.layout) {
                guard let hit = matcher.match(line), let address = hit.address, isAbout(address, record.card)
                else { continue }
                let text = shownLine(line)
                guard slots[index].logged.note(matcher.pattern.verdict, text, now.monotonic) else { return nil }
                return EventDraft(
                    time: now, kind: .kernelMessage, severity: matcher.pattern.verdict.health.severity,
                    subject: slots[index].name,
                    text: hit.code.map { "\(matcher.pattern.verdict.text) (code \($0))" }
                        ?? matcher.pattern.verdict.text,
                    evidence: [Evidence("kernel-log", text), Evidence("address", record.card.address)])
            }
        }
        return hostFault(line, now)
    }

    /// A hardware error that names no card is the machine's.
    private mutating func hostFault(_ line: [UInt8], _ now: Moment) -> EventDraft? {
        // Firmware's records are numbered: "{3}[Hardware Error]: ...".
        let rest = line.first == UInt8(ascii: "{") ? line.drop { $0 != UInt8(ascii: "[") } : line[...]
        guard rest.starts(with: "[Hardware Error]".utf8) || rest.starts(with: "mce: [Hardware Error]".utf8) else {
            return nil
        }
        if let told = hostFaultTold, now.monotonic - told < Self.hostWindow { return nil }
        hostFaultTold = now.monotonic
        return EventDraft(
            time: now, kind: .kernelMessage, severity: .warning, subject: "host",
            text: "the kernel reports a hardware error", evidence: [Evidence("kernel-log", shownLine(line))])
    }

    private mutating func matchers(for layout: AcceleratorLayout) -> [LogPatternMatcher] {
        if let known = matchers[layout.name] { return known }
        let made = layout.kernelLog.map(LogPatternMatcher.init)
        matchers[layout.name] = made
        return made
    }

    /// The card itself, or the port above it: the error is on the link between them.
    private func isAbout(_ address: String, _ card: PCICard) -> Bool {
        let port = card.port.map(lastWord)
        return [card.address, port].contains { own in
            guard let own else { return false }
            return own == address || own.hasPrefix(address + ".")
        }
    }

    private func shownLine(_ line: [UInt8]) -> String { String(decoding: line.prefix(Self.lineMax), as: UTF8.self) }
}
