internal import Glibc
internal import Platform
internal import Site
internal import Synchronization

/// A place for one card's thread. There are as many as the site expects cards, and the spares; a thread
/// that hangs in a driver keeps its station and delays nobody.
final class Station: Sendable {
    let name: String
    let exchange = StationExchange()
    private let wakeup: Wakeup
    private let orders = Mutex<Orders>(Orders())
    private let isStopping = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(false)
    private let thread = Mutex<OwnerThread?>(nil)

    struct Orders {
        var assignment: Assignment?
        var isNew = false
    }

    private let writes = Mutex<[PowerCapOrder]>([])

    init(name: String) throws(SystemError) {
        self.name = name
        wakeup = try Wakeup()
    }

    func assign(_ assignment: Assignment?) {
        orders.withLock { $0 = Orders(assignment: assignment, isNew: true) }
        wakeup.signal()
    }

    func write(_ order: PowerCapOrder) {
        writes.withLock { $0.append(order) }
        wakeup.signal()
    }

    func takeWrites() -> [PowerCapOrder] {
        writes.withLock { writes in
            if writes.isEmpty { return [] }
            defer { writes = [] }
            return writes
        }
    }

    func takeOrder() -> Orders? {
        orders.withLock { orders in
            defer { orders.isNew = false }
            return orders.isNew ? orders : nil
        }
    }

    /// `told` is signalled after each sweep.
    func start(plan: AcceleratorsPlan, time: any TimeSource, told: Wakeup) throws(SystemError) {
        let started = try OwnerThread(name) { [self] in
            var sampler = DeviceSampler(
                root: plan.root, intervals: plan.intervals, slowRead: plan.slowRead, exchange: exchange)
            run(&sampler, time, told)
            hasEnded.store(true, ordering: .releasing)
        }
        thread.withLock { $0 = started }
    }

    private func run(_ sampler: inout DeviceSampler, _ time: any TimeSource, _ told: Wakeup) {
        let loop: EventLoop
        do throws(SystemError) {
            loop = try EventLoop()
            try loop.add(wakeup.descriptor.raw, .readable) { [wakeup] _ in wakeup.drain() }
        } catch {
            Log.write(.fault, "accelerators", "station \(name): \(error)")
            return
        }
        while !isStopping.load(ordering: .acquiring) {
            if let order = takeOrder() { sampler.assign(order.assignment) }
            for write in takeWrites() { sampler.carryOut(write, now: time.now()) }
            let next = sampler.sweep(now: time.now())
            told.signal()
            let wait = (next - time.now().monotonic).count
            // Rounded up: waking before the moment would sweep twice.
            let wait_ms = next == .distantFuture ? -1 : Int32(clamping: max(0, (wait + 999_999) / 1_000_000))
            do throws(SystemError) { try loop.turn(timeout_ms: wait_ms) } catch {
                Log.write(.fault, "accelerators", "station \(name): \(error)")
                return
            }
        }
    }

    func beginStop() {
        isStopping.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Joins the thread unless it hangs in a driver: only the kernel can end that, with the process.
    func endStop(by deadline: MonotonicTime) {
        if thread.withLock({ $0 == nil }) { return }
        while !hasEnded.load(ordering: .acquiring) {
            if SystemTime.monotonic > deadline {
                Log.write(.warning, "accelerators", "station \(name) hangs in a driver and is left behind")
                return
            }
            usleep(5000)
        }
        thread.withLock { thread in
            thread?.join()
            thread = nil
        }
    }
}
