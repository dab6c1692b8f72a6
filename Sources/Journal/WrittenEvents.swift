internal import Platform
internal import Site

/// Drafts that were numbered and chained, in order. Most of those who wait for them want to know only
/// that they are written: events are made of them when somebody asks.
struct WrittenEvents: Sendable {
    private(set) var batches: [[EventDraft]] = []
    private(set) var first: UInt64 = 0
    /// The critical ones: the history keeps what lies around them.
    private(set) var critical: [(sequence: UInt64, wall: WallTime)] = []
    /// One after the other, `EventRow.idBytes` each.
    private var ids: [UInt8] = []

    init() {}

    init(_ batches: [[EventDraft]], first: UInt64) {
        self.batches = batches
        self.first = first
        ids.reserveCapacity(batches.reduce(0) { $0 + $1.count } * EventRow.idBytes)
    }

    var isEmpty: Bool { batches.isEmpty }

    mutating func add(_ row: borrowing EventRow) {
        ids.append(contentsOf: row.hash[..<EventRow.idBytes])
        if row.severity == Severity.critical.rawValue {
            critical.append((row.sequence, WallTime(milliseconds: row.wall)))
        }
    }

    var events: [Event] {
        var events: [Event] = []
        for draft in batches.joined() {
            let id = ids[events.count * EventRow.idBytes..<(events.count + 1) * EventRow.idBytes]
            events.append(Event(draft, sequence: first + UInt64(events.count), id: hexText(id)))
        }
        return events
    }
}

extension Event {
    init(_ draft: EventDraft, sequence: UInt64, id: String) {
        self.init(
            sequence: sequence, id: id, wall: draft.time.wall, kind: draft.kind, severity: draft.severity,
            subject: draft.subject, text: draft.text, evidence: draft.evidence, actor: draft.actor)
    }
}
