/// Messages that must arrive and are no journal events (power states, breaches, outcomes): kept until
/// acknowledged, sent again after a break. Bounded; the oldest gives way and is counted.
struct Outbox {
    /// A breach sends three, a curtailment about six; this is an outage full of them.
    static let capacity = 128

    private struct Entry {
        var message: OutgoingMessage
        var number: Int32?
    }
    private var entries: [Entry] = []
    private(set) var dropped: UInt64 = 0
    /// Some brokers close the connection on QoS 2. After a break with one under way all go as QoS 1: each
    /// has an id, so a repetition does no harm, and the reconnect cannot loop.
    private(set) var isQoS2Avoided = false

    mutating func add(_ message: OutgoingMessage) {
        if entries.count >= Outbox.capacity {
            entries.removeFirst()
            dropped += 1
        }
        entries.append(Entry(message: message))
    }

    mutating func sendNext(to sink: some MessageSink) -> Int? {
        guard let index = entries.firstIndex(where: { $0.number == nil }) else { return nil }
        var message = entries[index].message
        if isQoS2Avoided { message.qos = min(message.qos, 1) }
        guard let number = sink.publish(message) else { return nil }
        entries[index].number = number
        return message.byteCount
    }

    mutating func acknowledge(_ numbers: [Int32]) {
        if entries.isEmpty || numbers.isEmpty { return }
        entries.removeAll { entry in entry.number.map { numbers.contains($0) } ?? false }
    }

    mutating func disconnected() {
        for index in entries.indices {
            if entries[index].number != nil, entries[index].message.qos == 2 { isQoS2Avoided = true }
            entries[index].number = nil
        }
    }

    var count: Int { entries.count }
}
