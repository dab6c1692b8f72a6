internal import Glibc

/// What a model was last asked, word for word, and what that meant. Clients ask in the same words again
/// and again, with other tensors behind them: a comparison of some hundred bytes is a tenth of reading them.
/// Only questions whose meaning lies in their text alone: all inputs behind it, nothing in shared memory.
struct KnownQuestion {
    /// A usual one has 150 to 400 bytes.
    private static let bytesMax = 1024

    private var text = [UInt8](repeating: 0, count: KnownQuestion.bytesMax)
    /// Of `text` that are a question whose meaning is known.
    private var known = 0
    private(set) var inputs: [RequestScanner.Input] = []
    private var wishes: [OutputWish] = []
    private var idRange = 0..<0
    private var priority = 0
    private(set) var timeoutMicroseconds: UInt64 = 0

    init() {
        inputs.reserveCapacity(ModelDescription.tensorsMax)
        wishes.reserveCapacity(ModelDescription.tensorsMax)
    }

    func isAsked(_ memory: Memory, _ count: Int) -> Bool { count == known && count > 0 && holds(memory, count) }

    private func holds(_ memory: Memory, _ count: Int) -> Bool {
        let asked = memory.slice(0, count)
        return unsafe text.withUnsafeBytes { text in
            unsafe text.baseAddress.map { unsafe memcmp($0, asked.start, count) == 0 } ?? false
        }
    }

    /// The request says what the known one said.
    func tell(_ request: InferRequest) {
        request.wishes.append(contentsOf: wishes)
        request.idRange = idRange
        request.priority = priority
    }

    /// Before a new question is read: reading it may change it (escapes are resolved in place).
    mutating func note(_ memory: Memory, _ count: Int) {
        known = 0
        guard count <= KnownQuestion.bytesMax else { return }
        let asked = memory.slice(0, count)
        unsafe text.withUnsafeMutableBytes { unsafe $0.baseAddress?.copyMemory(from: asked.start, byteCount: count) }
    }

    /// It was read and is sound.
    mutating func learn(_ memory: Memory, _ count: Int, _ request: InferRequest, _ scanner: borrowing RequestScanner) {
        guard count <= KnownQuestion.bytesMax, holds(memory, count), !request.usesSharedMemory,
            scanner.inputs.allSatisfy({ $0.binaryBytes != nil })
        else { return }
        known = count
        inputs.removeAll(keepingCapacity: true)
        inputs.append(contentsOf: scanner.inputs)
        wishes.removeAll(keepingCapacity: true)
        wishes.append(contentsOf: request.wishes)
        idRange = request.idRange
        priority = request.priority
        timeoutMicroseconds = scanner.timeoutMicroseconds
    }
}
