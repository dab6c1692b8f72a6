internal import Platform
import Synchronization

/// Writes the tree on a thread of its own: a disk that stalls for seconds must not make a simulated
/// machine answer late. It writes the newest model; those it had no time for are passed over.
final class SysfsWriter: Sendable {
    private let tree: Mutex<SysfsTree>
    private let newest: Latest<ContainerModel>
    private let wakeup: Wakeup
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<OwnerThread?>(nil)

    /// The tree is complete when this returns.
    init(_ tree: sending SysfsTree, _ model: ContainerModel) throws(SystemError) {
        try tree.update(model)
        self.tree = Mutex(tree)
        newest = Latest(model)
        wakeup = try Wakeup()
        let made = try OwnerThread("sim-sysfs") { [self] in run() }
        thread.withLock { $0 = made }
    }

    func show(_ model: ContainerModel) {
        newest.publish(model)
        wakeup.signal()
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        wakeup.signal()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    private func run() {
        do throws(SystemError) {
            let loop = try EventLoop()
            try loop.add(wakeup.descriptor.raw, .readable) { [self] _ in wakeup.drain() }
            while !isStopping.load(ordering: .acquiring) {
                try loop.turn()
                let model = newest.value
                try tree.withLock { (tree) throws(SystemError) in try tree.update(model) }
            }
        } catch { Log.write(.fault, "simulator", "the sysfs tree stands still: \(error)") }
    }
}
