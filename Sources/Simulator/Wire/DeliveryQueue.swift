internal import Platform

/// What is to happen later on the one loop: late replies, paced replies, the end of a bounce.
final class DeliveryQueue {
    private let timer: TimerDescriptor
    /// The latest first, so that the next one is taken from the end.
    private var waiting: [(at: MonotonicTime, order: UInt64, action: () -> Void)] = []
    private var order: UInt64 = 0
    /// A flood of late replies is somebody's mistake; the oldest promise is kept, new ones are not made.
    static let waitingMax = 100_000

    init() throws(SystemError) { timer = try TimerDescriptor() }

    func attach(to loop: EventLoop) throws(SystemError) {
        try loop.add(timer.descriptor.raw, .readable) { [unowned self] _ in run(SystemTime.monotonic) }
    }

    func at(_ moment: MonotonicTime, _ action: @escaping () -> Void) {
        if waiting.count >= DeliveryQueue.waitingMax { return }
        order += 1
        var low = 0
        var high = waiting.count
        while low < high {
            let middle = (low + high) / 2
            if waiting[middle].at > moment { low = middle + 1 } else { high = middle }
        }
        waiting.insert((moment, order, action), at: low)
        if low == waiting.count - 1 { timer.arm(at: moment) }
    }

    private func run(_ now: MonotonicTime) {
        timer.drain()
        while let next = waiting.last, next.at <= now {
            waiting.removeLast()
            next.action()
        }
        if let next = waiting.last { timer.arm(at: next.at) }
    }
}
