public import Platform

/// What a point can hold.
public enum Value: Equatable, Sendable {
    case number(Double)
    case text(String)
}

/// A value with its time and its quality: never just a number.
public struct Reading: Equatable, Sendable {
    /// The last measurement, also when it is no longer good; nil when there never was one.
    public var value: Value?
    /// When the device was asked for that value, not when anything was rendered.
    public var measured: Moment?
    public var quality: Quality
    public var reason: Reason
    /// A number that belongs to the reason: an exception code, an errno.
    public var detail: UInt16

    public init(
        value: Value?, measured: Moment?, quality: Quality, reason: Reason = .none, detail: UInt16 = 0
    ) {
        self.value = value
        self.measured = measured
        self.quality = quality
        self.reason = reason
        self.detail = detail
    }

    public static let neverRead = Reading(value: nil, measured: nil, quality: .stale, reason: .notYetRead)

    public static func good(_ number: Double, _ now: Moment) -> Reading {
        Reading(value: .number(number), measured: now, quality: .good)
    }

    public var isGood: Bool { quality == .good }

    /// The number, only while it may be trusted.
    public var goodNumber: Double? {
        if case .number(let number) = value, quality == .good { number } else { nil }
    }

    /// What may be shown as a current value: the last one while good or stale, nothing otherwise.
    public var shown: Value? { quality == .good || quality == .stale ? value : nil }

    public func age(at now: MonotonicTime) -> Nanoseconds? { measured.map { now - $0.monotonic } }
}
