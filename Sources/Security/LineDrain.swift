public import Platform
import Site

/// One edge as the kernel queued it.
public struct LineEdge: Equatable, Sendable {
    /// The line's place in its request.
    public let index: Int
    public let isHigh: Bool
    public let time: MonotonicTime
    /// Counts the interrupts of the request, also those whose edge never came into the queue or was
    /// dropped from it; 0 where nobody counts.
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
    /// The highest number seen and how many edges came. When interrupts crowd, the kernel's numbers
    /// repeat and overtake each other (seen under gpio-sim on 6.1): only their sum tells what is missing.
    private var newest: UInt32 = 0
    private var received: UInt32 = 0
    private var lostTold: UInt64 = 0
    private var edges: [LineEdge] = []
    /// One turn reads at most this many edges, four queues full: a line that flaps without end must
    /// not keep the thread from its other work. What is left wakes the loop again.
    static let edgesPerTurnMax = 4096
    static let batch = 64

    public init(lines: [Int], isSettled: Bool) {
        self.lines = lines
        self.isSettled = isSettled
        edges.reserveCapacity(LineDrain.batch)
    }

    public mutating func run(
        _ request: some LineRequest, telling listener: any LineListener, now: () -> MonotonicTime
    ) throws(SystemError) {
        var taken = 0
        while taken < LineDrain.edgesPerTurnMax {
            try request.readEdges(into: &edges)
            if edges.isEmpty { break }
            taken += edges.count
            for edge in edges {
                count(edge.sequence)
                listener.lineMoved(lines[edge.index], isHigh: edge.isHigh, isSettled: isSettled, at: edge.time)
            }
        }
        try resynchronise(request, telling: listener, now: now)
        // While the queue is not empty, what is missing may still stand in it.
        if taken < LineDrain.edgesPerTurnMax { tellLost(listener) }
    }

    private mutating func count(_ sequence: UInt32) {
        if sequence == 0 { return }
        received &+= 1
        if Int32(bitPattern: sequence &- newest) > 0 { newest = sequence }
    }

    private mutating func tellLost(_ listener: any LineListener) {
        let lost = UInt64(max(0, Int32(bitPattern: newest &- received)))
        if lost > lostTold { listener.edgesLost(lost - lostTold) }
        lostTold = max(lostTold, lost)
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
