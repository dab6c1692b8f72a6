internal import Accelerators
internal import Diagnostics
internal import Platform
internal import Site
internal import Synchronization

/// Looks at the inference plane's counters once a second, on a thread of its own: the site plane never
/// waits for it. A plane that does not answer is not ready, whatever it said before.
final class InferenceWatch: Sendable {
    let status = Latest<InferenceStatus?>(nil)
    private let client: AgentClient
    private let accelerators: AcceleratorRoom
    /// What the accelerators' room was told last; the watching thread's own.
    private let toldCanaries = Mutex<[CanaryAnswer]>([])
    private let isStopping = Atomic<Bool>(false)
    private let wakeup: Wakeup
    private let thread = Mutex<OwnerThread?>(nil)

    /// A reload waits for this thread: a plane that hangs must not hold it until systemd loses its patience.
    private static let patience = Nanoseconds.seconds(1)

    init(_ plan: InferencePlan, _ accelerators: AcceleratorRoom) throws(SystemError) {
        self.accelerators = accelerators
        client = AgentClient(socketPath: plan.socketPath, patience: InferenceWatch.patience)
        wakeup = try Wakeup()
    }

    func start() throws(SystemError) {
        let started = try OwnerThread("inference-watch") { [self] in
            while !isStopping.load(ordering: .acquiring) {
                let seen = look()
                if seen != status.value { status.publish(seen) }
                wakeup.wait(atMost: .seconds(1))
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
            let lanes = document["lanes"]?.array?.map(InferenceWatch.lane) ?? []
            tellCanaries(lanes)
            return InferenceStatus(isReady: document["ready"]?.bool ?? false, lanes: lanes)
        } catch { return InferenceStatus(isReady: false, lanes: []) }
    }

    /// A plane that is silent tells nothing: what it told before stands until it is late.
    private func tellCanaries(_ lanes: [LaneStatus]) {
        let answers = lanes.compactMap { lane -> CanaryAnswer? in
            guard let card = lane.accelerator, let canary = lane.canary else { return nil }
            return CanaryAnswer(
                accelerator: card, question: "\(lane.model) on \(canary.lane)", answers: canary.answers,
                expected: canary.expected, got: canary.got)
        }
        toldCanaries.withLock { told in
            if answers != told, accelerators.report(answers) { told = answers }
        }
    }

    private static func count(_ json: JSON?) -> UInt64 { json?.number.flatMap { UInt64(exactly: $0) } ?? 0 }

    private static func canary(_ json: JSON) -> CanaryStatus {
        CanaryStatus(
            lane: json["lane"]?.string ?? "?", answers: count(json["answers"]),
            expected: json["expected"]?.string, got: json["got"]?.string)
    }

    private static func lane(_ json: JSON) -> LaneStatus {
        LaneStatus(
            model: json["model"]?.string ?? "?", accelerator: json["accelerator"]?.string,
            state: json["state"]?.string ?? "?", reason: json["reason"]?.string,
            inferences: count(json["inferences"]), failures: count(json["failures"]),
            canary: json["canary"].map(InferenceWatch.canary))
    }
}
