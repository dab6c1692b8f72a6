internal import Platform
internal import Site

/// One turn of the room's thread: what was asked, what the kernel said, what the cards' threads read.
struct Round {
    let supervisor: Supervisor
    private var announcer: Announcer
    private let events: Mailbox<EventDraft>
    private let sources = KernelSources()
    private var logReader = KernelLogReader()
    private var pending: [PendingAnswer] = []

    /// What a card's thread may take beyond a write's deadline before nobody waits any longer.
    private static let answerGrace = Nanoseconds.seconds(2)

    init(supervisor: Supervisor, announcer: Announcer, events: Mailbox<EventDraft>) {
        self.supervisor = supervisor
        self.announcer = announcer
        self.events = events
    }

    /// Opens what the kernel tells by itself. What cannot be opened is said once; the slow rescan goes on.
    func listen(_ plan: AcceleratorsPlan, _ loop: EventLoop) {
        if plan.listensToUevents {
            do throws(SystemError) {
                let uevents = try Uevents()
                try loop.add(uevents.descriptor.raw, .readable) { _ in }
                sources.uevents = .some(uevents)
            } catch { Log.write(.warning, "accelerators", "\(error): cards are looked for every rescan only") }
        }
        if let path = plan.kernelLog {
            do throws(SystemError) {
                let log = try KernelLog(path)
                // A plain file (a rehearsal's) cannot wake anybody: it is read at every turn anyway.
                try? loop.add(log.descriptor.raw, .readable) { _ in }
                sources.log = .some(log)
            } catch {
                Log.write(
                    .warning, "accelerators",
                    "\(error): kernel messages are not matched; its unit can give it: StandardInput=file:\(path)")
            }
        }
    }

    mutating func run(_ requests: [RoomRequest], _ now: Moment) -> Bool {
        for request in requests {
            switch request {
            case .canaries(let answers): supervisor.hear(answers, now)
            case .write(let command, let answer):
                pending.append(answer)
                supervisor.write(command, answer, now)
            }
        }
        giveUp(now)
        if sources.drainUevents() { supervisor.isRescanDue = true }
        supervisor.rescanIfDue(now)
        sources.readLog { line in
            // A full mailbox loses the event, not the finding.
            if let event = supervisor.hear(line, &logReader, now) { events.send(event) }
        }
        let changed = supervisor.look(now)
        supervisor.announce(&announcer, now)
        return changed
    }

    private mutating func giveUp(_ now: Moment) {
        if pending.isEmpty { return }
        for answer in pending where now.monotonic > answer.deadline + Self.answerGrace {
            answer.give(.unknown("the card's thread did not come back"))
        }
        pending.removeAll { $0.isGiven }
    }
}

/// Holds the descriptors, which have one owner.
private final class KernelSources {
    var uevents: Uevents?
    var log: KernelLog?

    func drainUevents() -> Bool { uevents?.drain() ?? false }
    func readLog(_ body: ([UInt8]) -> Void) { log?.readNew(body) }
}
