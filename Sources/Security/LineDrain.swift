public import Platform
import Site

/// One edge as the kernel queued it.
public struct LineEdge: Equatable, Sendable {
    /// The line's place in its request.
    public let index: Int
    public let isHigh: Bool
    public let time: MonotonicTime
    /// Counts the edges of its line, also those that the queue dropped; 0 where nobody counts.
    public let sequence: UInt32
    public init(index: Int, isHigh: Bool, time: MonotonicTime, sequence: UInt32) {
        self.index = index
        self.isHigh = isHigh
        self.time = time
        self.sequence = sequence
    }
}

/// Some lines held together: a queue of edges, and their levels now.
public protocol LineRequest: AnyObject {
    /// Fills `edges` with what waits, at most as many as it holds; empty when nothing waits.
    func readEdges(into edges: inout [LineEdge]) throws(SystemError)
    /// One bit per line of the request.
    func levels() throws(SystemError) -> UInt64
}

/// Empties a request's queue into a listener: every edge in order, what was lost by the gaps in the
/// sequence, and then the levels, which are true whatever was lost.
public struct LineDrain {
    /// The plan's number of each line of the request.
    let lines: [Int]
    /// The source debounces; its edges and levels are settled.
    let isSettled: Bool
    /// By line: the kernel's count for a whole request repeats and goes back when interrupts crowd
    /// (seen under gpio-sim), the count of a line does not.
    private var lastSequences: [UInt32]
    private var edges: [LineEdge] = []
    /// One turn reads at most this many edges, four queues full: a line that flaps without end must
    /// not keep the thread from its other work. What is left wakes the loop again.
    static let edgesPerTurnMax = 4096
    static let batch = 64

    public init(lines: [Int], isSettled: Bool) {
        self.lines = lines
        self.isSettled = isSettled
        lastSequences = Array(repeating: 0, count: lines.count)
        edges.reserveCapacity(LineDrain.batch)
    }

    public mutating func run(
        _ request: some LineRequest, telling listener: any LineListener, now: () -> MonotonicTime
    ) throws(SystemError) {
        var lost: UInt64 = 0
        var taken = 0
        while taken < LineDrain.edgesPerTurnMax {
            try request.readEdges(into: &edges)
            if edges.isEmpty { break }
            taken += edges.count
            for edge in edges {
                // A line's first edge has number 1.
                if edge.sequence != 0 {
                    lost += UInt64(edge.sequence &- lastSequences[edge.index] &- 1)
                    lastSequences[edge.index] = edge.sequence
                }
                listener.lineMoved(lines[edge.index], isHigh: edge.isHigh, isSettled: isSettled, at: edge.time)
            }
        }
        try resynchronise(request, telling: listener, now: now)
        if lost > 0 { listener.edgesLost(lost) }
    }

    /// Tells the level of every line, as it is.
    public func resynchronise(
        _ request: some LineRequest, telling listener: any LineListener, now: () -> MonotonicTime
    ) throws(SystemError) {
        let bits = try request.levels()
        let time = now()
        for (index, line) in lines.enumerated() {
            listener.lineMoved(line, isHigh: bits >> UInt64(index) & 1 == 1, isSettled: isSettled, at: time)
        }
    }
}
