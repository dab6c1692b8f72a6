internal import Platform
internal import Site
internal import Synchronization

/// What the rest of the house asks of this room.
enum RoomRequest: Sendable {
    case write(WriteCommand, PendingAnswer)
    case canaries([CanaryAnswer])
}

/// How a card stands with one known question: the inference plane asks it, on the card itself, off our path.
public struct CanaryAnswer: Equatable, Sendable {
    public var accelerator: String
    /// Which question, for people: a model on a lane.
    public var question: String
    /// Goes up with every answer; 0: none has come yet.
    public var answers: UInt64
    /// Digests of what should come (nil: nobody has said) and what came.
    public var expected: String?
    public var got: String?

    public init(accelerator: String, question: String, answers: UInt64, expected: String?, got: String?) {
        self.accelerator = accelerator
        self.question = question
        self.answers = answers
        self.expected = expected
        self.got = got
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
