public import Platform

/// A point that may be written, and the fence around it. What is not listed is never written.
public struct WritablePlan: Equatable, Sendable {
    public var point: String
    public var range: ClosedRange<Double>
    /// The largest change in one go.
    public var stepMax: Double?
    /// The shortest time between two writes.
    public var interval: Nanoseconds
    public var authority: Authority
    /// Not while one of these alarms stands (`*` as in posture rules).
    public var notWhile: [String]
    /// Only while all of these conditions stand.
    public var onlyWhile: [String]
    /// What the device goes back to when a write's time is over, and the longest such time.
    public var safeValue: Double?
    public var holdMax: Nanoseconds?

    public init(
        point: String, range: ClosedRange<Double>, stepMax: Double? = nil, interval: Nanoseconds = .seconds(10),
        authority: Authority = .technician, notWhile: [String] = [], onlyWhile: [String] = [],
        safeValue: Double? = nil, holdMax: Nanoseconds? = nil
    ) {
        self.point = point
        self.range = range
        self.stepMax = stepMax
        self.interval = interval
        self.authority = authority
        self.notWhile = notWhile
        self.onlyWhile = onlyWhile
        self.safeValue = safeValue
        self.holdMax = holdMax
    }
}
