internal import Glibc
internal import Platform
internal import Site

/// What `mdc-agent events --verify` finds.
public struct JournalReport: Equatable, Sendable {
    public enum Finding: Equatable, Sendable, CustomStringConvertible {
        /// The event is not what was written, or the one before it is not.
        case changed(sequence: UInt64)
        /// Events are missing in between.
        case gap(from: UInt64, to: UInt64)
        /// The file ends before an event that was written.
        case cut(last: UInt64, written: UInt64)
        /// A checkpoint says another hash than the event has.
        case checkpoint(sequence: UInt64)
        case signature(sequence: UInt64)
        /// The file beside the journal is not there to compare with.
        case noHead
        case unreadable(String)

        public var description: String {
            switch self {
            case .changed(let sequence): "event \(sequence) or its place in the chain was changed"
            case .gap(let from, let to): "events \(from) to \(to) are missing"
            case .cut(let last, let written): "the file ends at event \(last), event \(written) was written"
            case .checkpoint(let sequence): "the checkpoint at event \(sequence) says another hash"
            case .signature(let sequence): "the signature of the checkpoint at event \(sequence) is false"
            case .noHead: "journal.head is not there: whether the end was cut off cannot be told"
            case .unreadable(let why): "the file cannot be read: \(why)"
            }
        }
    }

    public var events = 0
    public var first: UInt64 = 0
    public var last: UInt64 = 0
    public var lastHash = ""
    public var checkpoints = 0
    public var signedCheckpoints = 0
    /// The oldest events that gave way to the size limit.
    public var pruned: UInt64 = 0
    public var findings: [Finding] = []
    /// True when nothing was changed; a missing head file is no proof of anything.
    public var isWhole: Bool { findings.allSatisfy { $0 == .noHead } }
}

/// Reads the whole chain from its base to its head and compares it with everything that was said about
/// it: checkpoints in the file, signatures, the head beside the file.
public enum JournalVerifier {
    /// More findings than this say nothing new.
    private static let findingsMax = 20

    public static func verify(folder: String, key: ChainVerifier? = nil) -> JournalReport {
        var report = JournalReport()
        // Read before the file: the agent may write while we read, and only ever forward.
        let head = HeadFile(folder + "/journal.head").read()
        do throws(StorageFault) {
            let database = try Database.reading(folder + "/journal.sqlite")
            // One moment of the file, however long it takes.
            try database.run("BEGIN")
            try walk(database, head, key, &report)
            if let head { try compare(head, database, key, &report) } else { report.findings.append(.noHead) }
        } catch { report.findings.append(.unreadable(error.text)) }
        return report
    }

    private static func walk(
        _ database: borrowing Database, _ head: Checkpoint?, _ key: ChainVerifier?, _ report: inout JournalReport
    ) throws(StorageFault) {
        let base = try database.prepare(
            """
            SELECT (SELECT value FROM meta WHERE name='base'), (SELECT value FROM meta WHERE name='base-hash'),
              (SELECT value FROM meta WHERE name='pruned')
            """)
        guard try base.step() else { return }
        var previous = ChainHead(sequence: UInt64(max(0, base.integer(0))), hash: base.bytes(1))
        report.pruned = UInt64(max(0, base.integer(2)))
        let checkpoints = try readCheckpoints(database)
        report.checkpoints = checkpoints.count
        var nextCheckpoint = 0
        let digest = Digest()
        var row = EventRow()
        let rows = try database.prepare(
            """
            SELECT sequence, wall, boot, severity, kind, subject, text, evidence, actor, hash FROM events
            ORDER BY sequence
            """)
        while try rows.step() {
            let sequence = UInt64(max(0, rows.integer(0)))
            let stored = rows.bytes(9)
            if report.events == 0 { report.first = sequence }
            report.events += 1
            if sequence != previous.sequence + 1 {
                note(.gap(from: previous.sequence + 1, to: max(sequence, 1) - 1), &report)
            } else {
                row.fill(
                    previous: previous.hash, sequence: sequence, wall: rows.integer(1), boot: rows.integer(2),
                    severity: UInt8(clamping: rows.integer(3)), kind: rows.text(4), subject: rows.text(5),
                    text: rows.text(6), evidenceText: rows.text(7), actor: rows.isNull(8) ? nil : rows.text(8))
                row.seal(digest)
                if row.hash != stored { note(.changed(sequence: sequence), &report) }
            }
            while nextCheckpoint < checkpoints.count, checkpoints[nextCheckpoint].sequence <= sequence {
                judge(checkpoints[nextCheckpoint], sequence, stored, key, &report)
                nextCheckpoint += 1
            }
            previous = ChainHead(sequence: sequence, hash: stored)
        }
        if let beyond = checkpoints.last, beyond.sequence > previous.sequence {
            note(.cut(last: previous.sequence, written: beyond.sequence), &report)
        }
        report.last = previous.sequence
        report.lastHash = hexText(previous.hash)
    }

    private static func readCheckpoints(_ database: borrowing Database) throws(StorageFault) -> [Checkpoint] {
        let rows = try database.prepare(
            "SELECT sequence, wall, hash, signature, key FROM checkpoints ORDER BY sequence")
        var checkpoints: [Checkpoint] = []
        while try rows.step() {
            checkpoints.append(
                Checkpoint(
                    sequence: UInt64(max(0, rows.integer(0))), wall: rows.integer(1), hash: rows.bytes(2),
                    signature: rows.isNull(3) ? nil : rows.bytes(3), key: rows.isNull(4) ? nil : rows.text(4)))
        }
        return checkpoints
    }

    private static func judge(
        _ checkpoint: Checkpoint, _ sequence: UInt64, _ hash: [UInt8], _ key: ChainVerifier?,
        _ report: inout JournalReport
    ) {
        if checkpoint.sequence == sequence, checkpoint.hash != hash { note(.checkpoint(sequence: sequence), &report) }
        guard checkpoint.signature != nil else { return }
        report.signedCheckpoints += 1
        if let key, !key.accepts(checkpoint) { note(.signature(sequence: checkpoint.sequence), &report) }
    }

    private static func compare(
        _ head: Checkpoint, _ database: borrowing Database, _ key: ChainVerifier?, _ report: inout JournalReport
    ) throws(StorageFault) {
        if head.sequence > report.last {
            note(.cut(last: report.last, written: head.sequence), &report)
        } else if head.sequence >= report.first, report.events > 0 {
            let row = try database.prepare("SELECT hash FROM events WHERE sequence=?")
            row.bind(1, Int64(clamping: head.sequence))
            if try row.step(), row.bytes(0) != head.hash { note(.checkpoint(sequence: head.sequence), &report) }
        }
        if let key, head.signature != nil, !key.accepts(head) { note(.signature(sequence: head.sequence), &report) }
    }

    private static func note(_ finding: JournalReport.Finding, _ report: inout JournalReport) {
        if report.findings.count < findingsMax, !report.findings.contains(finding) { report.findings.append(finding) }
    }
}
