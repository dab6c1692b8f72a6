internal import Glibc
internal import Platform
internal import Site
internal import Synchronization

/// One attempt to reach a broker, on a thread of its own: a name server that does not answer holds its
/// caller for half a minute, and the upstream thread has integrations to watch and must be able to stop.
/// Nobody waits for the thread; what comes of an attempt that was given up is thrown away.
final class Dialling: Sendable {
    typealias Way = @Sendable () throws(BrokerConnection.Refusal) -> BrokerConnection

    enum Outcome: Sendable {
        case connection(BrokerConnection)
        case refused(String)
    }

    /// Attempts that have not come back yet, the given-up ones included.
    private static let running = Atomic<Int>(0)
    static let runningMax = 8

    private let outcome = Mutex<Outcome?>(nil)

    /// `wakeup` is signalled when there is something to take.
    init(wakeup: Wakeup, _ way: @escaping Way) throws(SystemError) {
        let running = Dialling.running.wrappingAdd(1, ordering: .relaxed).newValue
        guard running <= Dialling.runningMax else {
            Dialling.running.wrappingSubtract(1, ordering: .relaxed)
            throw SystemError("look up the broker's name", "the name server does not answer", code: EAGAIN)
        }
        do throws(SystemError) {
            try OwnerThread("upstream-dial") { [weak self] in
                let made: Outcome
                do throws(BrokerConnection.Refusal) { made = .connection(try way()) } catch {
                    made = .refused(error.text)
                }
                Dialling.running.wrappingSubtract(1, ordering: .relaxed)
                self?.outcome.withLock { $0 = made }
                wakeup.signal()
            }.detach()
        } catch {
            Dialling.running.wrappingSubtract(1, ordering: .relaxed)
            throw error
        }
    }

    /// Nil while it is not over.
    func take() -> Outcome? {
        outcome.withLock { outcome in
            defer { outcome = nil }
            return outcome
        }
    }
}
