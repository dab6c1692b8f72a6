import Synchronization

/// What a server has done since it started, summed over its loops.
public struct HTTPCounts: Equatable, Sendable {
    public var connectionsOpen = 0
    public var connectionsAccepted = 0
    public var connectionsRefused = 0
    public var requests = 0
    /// 1xx to 5xx.
    public var answersByClass = [0, 0, 0, 0, 0]
    /// In `Refusal` order.
    public var refusals = [Int](repeating: 0, count: Refusal.allCases.count)
    public var clientsGone = 0
    /// Body bytes received straight into their place, and those that came with the head and were copied.
    public var bodyBytesDirect = 0
    public var bodyBytesCopied = 0
    public var bytesReceived = 0
    public var bytesSent = 0
    public init() {}
}

/// One loop's counters: the loop adds, anyone reads.
final class LoopCounters: Sendable {
    let open = Counter()
    let accepted = Counter()
    let refusedConnections = Counter()
    let requests = Counter()
    let answers = [Counter(), Counter(), Counter(), Counter(), Counter()]
    let refusals = Refusal.allCases.map { _ in Counter() }
    let clientsGone = Counter()
    let bodyDirect = Counter()
    let bodyCopied = Counter()
    let received = Counter()
    let sent = Counter()

    func add(to counts: inout HTTPCounts) {
        counts.connectionsOpen += open.value
        counts.connectionsAccepted += accepted.value
        counts.connectionsRefused += refusedConnections.value
        counts.requests += requests.value
        for (index, counter) in answers.enumerated() { counts.answersByClass[index] += counter.value }
        for (index, counter) in refusals.enumerated() { counts.refusals[index] += counter.value }
        counts.clientsGone += clientsGone.value
        counts.bodyBytesDirect += bodyDirect.value
        counts.bodyBytesCopied += bodyCopied.value
        counts.bytesReceived += received.value
        counts.bytesSent += sent.value
    }
}

final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    /// One thread adds, so a load and a store do: no locked instruction on the request path.
    func add(_ amount: Int = 1) {
        count.store(count.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}
