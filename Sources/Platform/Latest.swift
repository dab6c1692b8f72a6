import Synchronization

/// The newest value of something that one thread publishes and others look at now and then:
/// counters, device status. The lock is held for a copy, never across a device call.
public final class Latest<Value: Sendable>: Sendable {
    private let box: Mutex<Value>
    private let count = Atomic<UInt64>(0)

    public init(_ value: Value) { box = Mutex(value) }

    /// How often it was published: a reader that remembers it knows whether to look again.
    public var version: UInt64 { count.load(ordering: .acquiring) }
    public var value: Value { box.withLock { $0 } }

    public func publish(_ value: Value) {
        box.withLock { $0 = value }
        count.wrappingAdd(1, ordering: .releasing)
    }
}
