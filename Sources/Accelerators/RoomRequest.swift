public import Platform
internal import Site
internal import Synchronization

/// What the rest of the house asks of this room.
enum RoomRequest: Sendable {
    case write(WriteCommand, PendingAnswer)
    case canary(CanaryAnswer)
}

/// A card's answer to the known question: the inference plane asks it, on the card itself, off our path.
public struct CanaryAnswer: Equatable, Sendable {
    public var accelerator: String
    /// Digests of what should have come and what came; nil: no answer came.
    public var expected: String
    public var got: String?
    public var time: Moment

    public init(accelerator: String, expected: String, got: String?, time: Moment) {
        self.accelerator = accelerator
        self.expected = expected
        self.got = got
        self.time = time
    }
}

/// An answer that is given once, whoever comes first: the card's thread, or the room that gave up waiting.
final class PendingAnswer: Sendable {
    let deadline: MonotonicTime
    private let answer: Mutex<(@Sendable (WriteOutcome) -> Void)?>

    init(deadline: MonotonicTime, _ answer: @escaping @Sendable (WriteOutcome) -> Void) {
        self.deadline = deadline
        self.answer = Mutex(answer)
    }

    func give(_ outcome: WriteOutcome) {
        let answer = answer.withLock { answer in
            defer { answer = nil }
            return answer
        }
        answer?(outcome)
    }

    var isGiven: Bool { answer.withLock { $0 == nil } }
}
