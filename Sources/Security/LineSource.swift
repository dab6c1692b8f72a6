public import Platform
public import Site

/// Why a line cannot be read now, and what a technician needs to know about it.
public struct LineFault: Equatable, Sendable {
    public let reason: Reason
    /// "held by nut-gpio", "no chip mdc-security": may be empty.
    public let detail: String
    public init(_ reason: Reason, _ detail: String = "") {
        self.reason = reason
        self.detail = detail
    }
    public var text: String { detail.isEmpty ? reason.text : "\(reason.text) (\(detail))" }
}

/// What a source tells its owner, on the owner's thread. Lines are numbered as in the plan.
public protocol LineListener: AnyObject {
    /// `isSettled`: the source has debounced it already.
    func lineMoved(_ line: Int, isHigh: Bool, isSettled: Bool, at time: MonotonicTime)
    /// The line cannot be read from now on, until it moves again.
    func lineFailed(_ line: Int, _ fault: LineFault)
    /// The source dropped this many edges; the levels told after this are true again.
    func edgesLost(_ count: UInt64)
}

/// Where lines come from. A missing device is told as failed lines, never thrown: it may come back.
public protocol LineSource: AnyObject {
    /// Takes hold of the lines and tells each one's level, or why there is none.
    func start(on loop: EventLoop, telling listener: any LineListener)
    /// Does what is due.
    func tick(_ now: MonotonicTime)
    /// Nil while nothing is to be done before an edge comes: then the thread sleeps without end.
    var nextDeadline: MonotonicTime? { get }
    func stop()
}
