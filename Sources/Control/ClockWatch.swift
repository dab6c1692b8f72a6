internal import Platform
internal import Site

/// Every time in the record is the wall clock's, and somebody may set it: then the record says so. What waits and
/// what grows old goes by the clock that never jumps, and is not touched.
struct ClockWatch {
    /// A clock that is steered, not set, moves by far less between two looks; a leap second is nobody's doing either.
    private static let tolerance: Int64 = 1_500

    /// The wall clock less the monotonic one, in milliseconds, at the last look.
    private var lead: Int64?
    /// What the clock showed when the memory before this start was written.
    private var remembered: WallTime?

    mutating func step(_ now: Moment, _ decisions: inout Decisions) {
        let lead = now.wall.milliseconds - now.monotonic.nanoseconds / 1_000_000
        if let before = self.lead, abs(lead - before) > ClockWatch.tolerance {
            let old = WallTime(milliseconds: now.wall.milliseconds - (lead - before))
            let text = "the clock was set from \(old.rfc3339) to \(now.wall.rfc3339)"
            tell(.notice, text, lead - before, now, &decisions)
        }
        self.lead = lead
        // Most likely its battery: whoever reads the record must not take its times for true.
        if let last = remembered, now.wall.milliseconds < last.milliseconds - ClockWatch.tolerance {
            let text = "the clock shows \(now.wall.rfc3339), the record's last is \(last.rfc3339): it wants to be set"
            tell(.warning, text, now.wall.milliseconds - last.milliseconds, now, &decisions)
        }
        remembered = nil
    }

    private func tell(
        _ severity: Severity, _ text: String, _ jump: Int64, _ now: Moment, _ decisions: inout Decisions
    ) {
        decisions.events.append(
            EventDraft(
                time: now, kind: .clockJumped, severity: severity, subject: "clock", text: text,
                evidence: [Evidence("seconds", String(jump / 1000))]))
    }

    func remember(_ writer: inout ByteWriter, now: Moment) { writer.field("clock", now.wall.milliseconds) }

    mutating func recall(_ json: JSON) {
        remembered = json["clock"]?.number.map { WallTime(milliseconds: Int64($0)) }
    }
}
