internal import CLinux
internal import Platform
internal import Site
internal import Synchronization

/// Runs the rounds of healthy TCP machines together, on one thread. Every bus has its own thread, and that
/// does whatever may wait: connecting, silence, refusals, writes, questions. But a hundred threads that each
/// wake twice a second cost five times what their questions cost (measured). So a bus lends its engine while
/// all is well, and has it back at the first sign of anything else; nothing here ever waits for a machine.
final class SharedRounds: Sendable {
    let heartbeat: Heartbeat
    /// Readable when somebody comes, wants back what is his, or the room stops.
    private let newcomers: Mailbox<Loan>
    private let epoll: FileDescriptor
    private let isRecalled = Atomic<Bool>(false)
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<OwnerThread?>(nil)
    private let time: any TimeSource

    init(buses: Int, time: any TimeSource) throws(SystemError) {
        self.time = time
        newcomers = try Mailbox(capacity: buses)
        heartbeat = Heartbeat("modbus rounds", limit: .seconds(15))
        epoll = FileDescriptor(owning: try checked(cl_epoll_create(), "epoll_create"))
        try checked(
            cl_epoll_control(
                epoll.raw, EPOLL_CTL_ADD, newcomers.wakeup.descriptor.raw, EPOLLIN.rawValue, SharedRounds.wakeToken),
            "epoll_ctl add")
    }

    func start() throws(SystemError) {
        let started = try OwnerThread("bus-rounds") { [self] in Table(self).run() }
        thread.withLock { $0 = started }
    }

    /// After every bus has taken back what is its own.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        newcomers.wakeup.signal()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// False: keep it.
    func take(_ loan: Loan) -> Bool { newcomers.send(loan) }

    /// It comes back soon, by `isReturned` and a signal to its bus.
    func recall(_ loan: Loan) {
        loan.isWanted.store(true, ordering: .releasing)
        isRecalled.store(true, ordering: .releasing)
        newcomers.wakeup.signal()
    }

    private static let wakeToken = UInt64.max

    /// What the thread alone sees.
    private final class Table {
        private let shared: SharedRounds
        /// By the number that epoll knows them by.
        private var seats: [Loan?] = []

        init(_ shared: SharedRounds) { self.shared = shared }
        private var epoll: Int32 { shared.epoll.raw }
        private var now: MonotonicTime { shared.time.now().monotonic }

        func run() {
            while !shared.isStopping.load(ordering: .acquiring) {
                for loan in shared.newcomers.takeAll() { seat(loan) }
                if shared.isRecalled.exchange(false, ordering: .acquiringAndReleasing) {
                    for (index, loan) in seats.enumerated() where loan?.isWanted.load(ordering: .acquiring) == true {
                        giveBack(index)
                    }
                }
                let now = now
                shared.heartbeat.beat(now)
                var next = now + .seconds(1)
                for index in seats.indices {
                    guard let loan = seats[index] else { continue }
                    if loan.wakeAt <= now { attend(index, loan, hasBytes: false) }
                    if seats[index] != nil { next = min(next, loan.wakeAt) }
                }
                wait(until: next)
            }
            for index in seats.indices { giveBack(index) }
        }

        private func wait(until deadline: MonotonicTime) {
            let left = (deadline - now).count
            // Up to the next whole millisecond: a wake before the time would only be one more.
            let milliseconds = Int32(max(0, (left + 999_999) / 1_000_000))
            let most = 64
            unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: most) { events in
                let ready = Int(unsafe cl_epoll_wait(epoll, events.baseAddress, Int32(most), milliseconds))
                for i in 0..<max(0, ready) {
                    guard let event = unsafe events.baseAddress?.advanced(by: i) else { continue }
                    let index = Int(truncatingIfNeeded: unsafe cl_epoll_token(event))
                    guard seats.indices.contains(index), let loan = seats[index] else { continue }
                    attend(index, loan, hasBytes: true)
                }
            }
        }

        private func seat(_ loan: Loan) {
            // It may have been wanted back before it got here: its recall has been and gone then.
            if loan.isWanted.load(ordering: .acquiring) { return loan.owner.takeBack(loan) }
            let index = seats.firstIndex { $0 == nil } ?? seats.count
            if index == seats.count { seats.append(nil) }
            seats[index] = loan
            let descriptor = loan.engine.master.channel.descriptor
            let added = cl_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, UInt64(index))
            guard added == 0 else { return giveBack(index) }
            loan.descriptor = descriptor
            loan.wakeAt = .distantPast
        }

        private func attend(_ index: Int, _ loan: Loan, hasBytes: Bool) {
            guard let next = loan.engine.advance(hasBytes: hasBytes) else { return giveBack(index) }
            let now = now
            loan.wakeAt = min(next, now + .seconds(5))
            loan.owner.noteProgress(loan.engine, now)
        }

        private func giveBack(_ index: Int) {
            guard let loan = seats[index] else { return }
            seats[index] = nil
            // A descriptor that the engine has closed has left the set by itself.
            if loan.engine.master.channel.descriptor == loan.descriptor {
                _ = cl_epoll_control(epoll, EPOLL_CTL_DEL, loan.descriptor, 0, 0)
            }
            loan.owner.takeBack(loan)
        }
    }
}

/// A bus's engine on loan to the shared rounds. One thread at a time touches it: the bus's own until it lies in
/// the mailbox, the shared one until `isReturned`.
@safe final class Loan: @unchecked Sendable {
    let engine: BusEngine
    let owner: BusOwner
    let isWanted = Atomic<Bool>(false)
    let isReturned = Atomic<Bool>(false)
    var wakeAt = MonotonicTime.distantPast
    var descriptor: Int32 = -1

    init(_ engine: BusEngine, of owner: BusOwner) {
        self.engine = engine
        self.owner = owner
    }
}

/// A poll under way.
struct OpenPoll {
    var unit: PolledUnit
    var index: Int
    var deadline: MonotonicTime
}

extension ModbusBus {
    /// Whether its rounds may run together with those of others: nothing on it has to be waited for by design.
    var isOneMachine: Bool {
        guard case .tcp = link else { return false }
        return units.count == 1 && gap == .zero && !isReleasedBetweenPolls
    }
}

extension BusEngine {
    /// All is well, and nothing but rounds is to be done.
    var isSteady: Bool {
        bus.isOneMachine && master.isInStep && pendingReadBacks.isEmpty
            && units.allSatisfy { $0.state == .online && $0.line.owesNothing && $0.models != nil }
    }

    /// Goes on with the rounds without ever waiting; returns when to come back, at the latest. Nil: something
    /// else is to be done, and the bus's own thread must do it, from just here.
    func advance(hasBytes: Bool) -> MonotonicTime? {
        let now = time.now().monotonic
        if let poll = openPoll {
            if !hasBytes { return now < poll.deadline ? poll.deadline : nil }
            guard master.takeStraightAnswer(poll.unit.line, poll.unit.requests[poll.index].pdu) else { return nil }
            openPoll = nil
            conclude(poll.unit, poll.index, .answer)
        } else if hasBytes {
            master.takeUnasked()
            return nil
        }
        updateUtilisation(now)
        let choice = choose(now)
        guard let (unit, index) = choice.now else { return choice.next }
        if unit.needsWalk(now) || unit.requests[index].isProbation { return nil }
        noteStart(unit, index, now)
        let request = unit.requests[index].pdu
        do throws(ChannelFault) {
            let deadline = try master.begin(unit.line, request, unit.line.timeout)
            openPoll = OpenPoll(unit: unit, index: index, deadline: deadline)
            return deadline
        } catch {
            conclude(unit, index, master.giveUp(unit.line, request, error))
            return nil
        }
    }

    /// The end of a poll that `advance` could not see through.
    func finishOpenPoll() {
        guard let poll = openPoll else { return }
        openPoll = nil
        let request = poll.unit.requests[poll.index].pdu
        conclude(poll.unit, poll.index, master.finish(poll.unit.line, request, until: poll.deadline))
    }
}
