internal import Platform

/// How a card stands with each of its known questions.
struct CanaryRecord {
    struct Question {
        let name: String
        var answers: UInt64
        /// When the last answer was heard of, or the question itself.
        var lastAnswer: MonotonicTime
        var rightInARow = 0
        var mismatch: (expected: String, got: String)?
    }

    private(set) var questions: [Question] = []

    /// Silent corruption comes and goes: one right answer after a wrong one proves little.
    static let rightAnswersToClear = 10

    /// `answers` are all questions that there are now; one that is not asked any more is forgotten.
    mutating func hear(_ answers: [CanaryAnswer], _ now: MonotonicTime) {
        questions = answers.map { answer in
            var question =
                questions.first { $0.name == answer.question }
                ?? Question(name: answer.question, answers: 0, lastAnswer: now)
            if answer.answers != question.answers {
                question.answers = answer.answers
                question.lastAnswer = now
                question.judge(answer)
            }
            return question
        }
    }

    mutating func clear() { questions = [] }
}

extension CanaryRecord.Question {
    fileprivate mutating func judge(_ answer: CanaryAnswer) {
        guard let expected = answer.expected, let got = answer.got else { return }
        if got != expected {
            rightInARow = 0
            mismatch = (expected, got)
        } else if mismatch != nil {
            rightInARow += 1
            if rightInARow >= CanaryRecord.rightAnswersToClear { mismatch = nil }
        }
    }
}
