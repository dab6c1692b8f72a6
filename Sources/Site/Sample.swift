public import Platform

/// A reading without its text: what decisions are made from, twenty thousand at a time.
public struct Sample: Equatable, Sendable {
    public var number: Double
    public var quality: Quality
    public var reason: Reason
    public var measured: MonotonicTime

    public init(number: Double, quality: Quality, reason: Reason = .none, measured: MonotonicTime) {
        self.number = number
        self.quality = quality
        self.reason = reason
        self.measured = measured
    }

    public static let neverRead = Sample(number: 0, quality: .stale, reason: .notYetRead, measured: .distantPast)
    public static func good(_ number: Double, at now: MonotonicTime) -> Sample {
        Sample(number: number, quality: .good, measured: now)
    }

    public var isGood: Bool { quality == .good }
}
