internal import Control
internal import Platform
internal import Site

/// The journal as the control loop meets it: sound, slow or failing. What a kill leaves of it is what was
/// durable.
struct StoredJournal {
    enum Mood { case sound, slow, failing }

    private struct Append {
        let ticket: UInt64
        let memory: [UInt8]?
        /// When it is durable; never, while the storage fails.
        let due: MonotonicTime
        /// What the judge knew before the decision: what a kill goes back to.
        let before: Oracle
    }

    private(set) var mood = Mood.sound
    private var moodEnds = MonotonicTime.distantPast
    private var ticket: UInt64 = 0
    private var durable: UInt64 = 0
    private var waiting: [Append] = []
    /// What Control remembers after a kill.
    private(set) var memory: [UInt8]?

    /// Takes a decision's events and memory (`before`: nil where it has neither); returns the ticket that is
    /// waited for, nil when there is none.
    mutating func append(
        _ decisions: Decisions, _ before: Oracle?, _ random: inout SeededRandom, _ now: MonotonicTime
    ) -> UInt64? {
        if now >= moodEnds { changeMood(&random, now) }
        guard let before else { return nil }
        ticket += UInt64(decisions.events.count)
        let delay: Nanoseconds =
            switch mood {
            case .sound: .milliseconds(Int64(1 + random.below(20)))
            case .slow: .milliseconds(Int64(200 + random.below(3000)))
            case .failing: .zero
            }
        // One thread writes: nothing overtakes.
        let due = mood == .failing ? .distantFuture : max(now + delay, waiting.last?.due ?? .distantPast)
        waiting.append(Append(ticket: ticket, memory: decisions.memory, due: due, before: before))
        return decisions.events.isEmpty ? nil : ticket
    }

    /// Well for days; a slow card or a full disk for minutes.
    private mutating func changeMood(_ random: inout SeededRandom, _ now: MonotonicTime) {
        let was = mood
        mood = random.one(in: 3) ? (random.one(in: 2) ? .slow : .failing) : .sound
        moodEnds = now + .seconds(mood == .sound ? Int64(random.below(400_000)) : Int64(random.below(900)))
        // What was kept in memory is written first.
        if was == .failing, mood != .failing { waiting.forEach { keep($0) }; waiting = [] }
    }

    private mutating func keep(_ append: Append) {
        durable = append.ticket
        if let memory = append.memory { self.memory = memory }
    }

    /// The last ticket that the agent is told of by now: written, or taken into memory while the storage fails.
    mutating func told(at now: MonotonicTime) -> UInt64 {
        while let first = waiting.first, first.due <= now { keep(waiting.removeFirst()) }
        return mood == .failing ? ticket : durable
    }

    /// When there is news for the agent.
    var nextDue: MonotonicTime? { waiting.first.flatMap { $0.due == .distantFuture ? nil : $0.due } }

    /// kill -9: what the judge must go back to, where something was lost.
    mutating func killed(at now: MonotonicTime) -> Oracle? {
        _ = told(at: now)
        defer { waiting = [] }
        return waiting.first?.before
    }
}
