internal import CLinux
internal import Diagnostics
internal import Platform
internal import Site
internal import Synchronization

/// Looks at the inference plane's counters once a second, on a thread of its own: the site plane never
/// waits for it. A plane that does not answer is not ready, whatever it said before.
final class InferenceWatch: Sendable {
    let status = Latest<InferenceStatus?>(nil)
    private let client: AgentClient
    private let isStopping = Atomic<Bool>(false)
    private let wakeup: Wakeup
    private let thread = Mutex<OwnerThread?>(nil)

    init(_ plan: InferencePlan) throws(SystemError) {
        client = AgentClient(socketPath: plan.socketPath)
        wakeup = try Wakeup()
    }

    func start() throws(SystemError) {
        let started = try OwnerThread("inference-watch") { [self] in
            while !isStopping.load(ordering: .acquiring) {
                let seen = look()
                if seen != status.value { status.publish(seen) }
                _ = cl_wait_readable(wakeup.descriptor.raw, -1, 1_000_000_000)
            }
        }
        thread.withLock { $0 = started }
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        wakeup.signal()
        thread.withLock { $0 }?.join()
    }

    private func look() -> InferenceStatus {
        do throws(AgentClient.Fault) {
            let document = try client.getJSON("/lanes")
            return InferenceStatus(
                isReady: document["ready"]?.bool ?? false,
                lanes: document["lanes"]?.array?.map(InferenceWatch.lane) ?? [])
        } catch { return InferenceStatus(isReady: false, lanes: []) }
    }

    private static func lane(_ json: JSON) -> LaneStatus {
        LaneStatus(
            model: json["model"]?.string ?? "?", accelerator: json["accelerator"]?.string,
            state: json["state"]?.string ?? "?", reason: json["reason"]?.string,
            inferences: UInt64(json["inferences"]?.number ?? 0), failures: UInt64(json["failures"]?.number ?? 0))
    }
}
