public import Platform

/// A request to change a device. Only the guard makes one, only the device's own thread carries it
/// out, and it ends as exactly one outcome.
public struct WriteCommand: Equatable, Sendable {
    public let id: UInt64
    public let point: String
    public let value: Double
    public let actor: String
    public let purpose: String
    /// Too late to begin after this.
    public let deadline: MonotonicTime

    public init(id: UInt64, point: String, value: Double, actor: String, purpose: String, deadline: MonotonicTime) {
        self.id = id
        self.point = point
        self.value = value
        self.actor = actor
        self.purpose = purpose
        self.deadline = deadline
    }
}

public enum WriteOutcome: Equatable, Sendable {
    /// Read back and found to be what was asked for.
    case confirmed(Double)
    /// The device said yes and reads back something else.
    case mismatch(readBack: Double)
    /// The device, or the guard, said no.
    case rejected(String)
    /// Nobody can say whether it happened.
    case unknown(String)
}

/// How the write with this id ended.
public struct WriteResult: Equatable, Sendable {
    public let id: UInt64
    public let outcome: WriteOutcome
    public init(id: UInt64, outcome: WriteOutcome) {
        self.id = id
        self.outcome = outcome
    }
}
