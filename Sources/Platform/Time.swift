import CLinux

/// A point on the clock that never jumps (CLOCK_MONOTONIC); for waiting, ages and deadlines.
public struct MonotonicTime: Comparable, Hashable, Sendable {
    public var nanoseconds: Int64
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static let distantPast = MonotonicTime(nanoseconds: 0)
    public static let distantFuture = MonotonicTime(nanoseconds: .max)

    public static func < (a: MonotonicTime, b: MonotonicTime) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func + (time: MonotonicTime, span: Nanoseconds) -> MonotonicTime {
        MonotonicTime(
            nanoseconds: time.nanoseconds.addingReportingOverflow(span.count).overflow
                ? .max : time.nanoseconds + span.count)
    }
    public static func - (a: MonotonicTime, b: MonotonicTime) -> Nanoseconds {
        Nanoseconds(a.nanoseconds - b.nanoseconds)
    }
}

/// A span of time. One word, unlike `Duration`, so that it sits in fixed tables and atomics.
public struct Nanoseconds: Comparable, Hashable, Sendable {
    public var count: Int64
    public init(_ count: Int64) { self.count = count }

    public static func microseconds(_ n: Int64) -> Nanoseconds { Nanoseconds(n * 1_000) }
    public static func milliseconds(_ n: Int64) -> Nanoseconds { Nanoseconds(n * 1_000_000) }
    public static func seconds(_ n: Int64) -> Nanoseconds { Nanoseconds(n * 1_000_000_000) }
    public init(seconds: Double) { self.init(Int64((seconds * 1e9).rounded())) }
    public static let zero = Nanoseconds(0)

    public var seconds: Double { Double(count) / 1e9 }
    public var wholeMilliseconds: Int64 { count / 1_000_000 }

    public static func < (a: Nanoseconds, b: Nanoseconds) -> Bool { a.count < b.count }
    public static func + (a: Nanoseconds, b: Nanoseconds) -> Nanoseconds { Nanoseconds(a.count + b.count) }
    public static func - (a: Nanoseconds, b: Nanoseconds) -> Nanoseconds { Nanoseconds(a.count - b.count) }
    public static func * (a: Nanoseconds, factor: Int64) -> Nanoseconds { Nanoseconds(a.count * factor) }
}

/// Calendar time as outsiders know it: milliseconds since 1970, and it may jump.
public struct WallTime: Comparable, Hashable, Sendable {
    public var milliseconds: Int64
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    public static func < (a: WallTime, b: WallTime) -> Bool { a.milliseconds < b.milliseconds }
}

/// "Now", read from both clocks together.
public struct Moment: Sendable, Hashable {
    public var monotonic: MonotonicTime
    public var wall: WallTime
    public init(monotonic: MonotonicTime, wall: WallTime) {
        self.monotonic = monotonic
        self.wall = wall
    }

    public func advanced(by span: Nanoseconds) -> Moment {
        Moment(
            monotonic: monotonic + span, wall: WallTime(milliseconds: wall.milliseconds + span.wholeMilliseconds))
    }
}

/// Where a room gets the time from. Injected, so that a year of faults runs in seconds.
public protocol TimeSource: Sendable {
    func now() -> Moment
}

public struct SystemTime: TimeSource {
    public init() {}
    public func now() -> Moment {
        Moment(monotonic: SystemTime.monotonic, wall: WallTime(milliseconds: cl_realtime_ms()))
    }
    public static var monotonic: MonotonicTime { MonotonicTime(nanoseconds: cl_monotonic_ns()) }
}
