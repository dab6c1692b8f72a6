internal import Platform
internal import Site

/// Everything that happens on one bus, one thing at a time: what is due, the connection, what answers
/// mean for the Board. Its owner thread calls `step` for ever; tests call it under a made-up clock.
final class BusEngine {
    let bus: ModbusBus
    let master: BusMaster
    let units: [PolledUnit]
    let time: any TimeSource
    let board: Board
    private let events: Mailbox<EventDraft>
    private var random: SplitMix
    var pendingReadBacks: [PendingReadBack] = []
    /// A poll that was sent and not answered yet: only between two calls of `advance`.
    var openPoll: OpenPoll?

    // The way to the bus
    private var backOff: BackOff
    private var retryAt = MonotonicTime.distantPast
    private(set) var lastError: String?
    private var isDown = false
    /// Dead units together may take one twentieth of the bus's time.
    private var nextProbe = MonotonicTime.distantPast
    private let busyShareOfProbes: Int64 = 20

    // What the numbers in `make bench` and `modbus stats` come from
    private(set) var missedCycles: UInt64 = 0
    private(set) var startDelays = RoundTripHistogram()
    private let began: MonotonicTime
    private let address: String
    private var windowStart: MonotonicTime
    private var windowBusy = Nanoseconds.zero
    private var utilisation = 0.0

    /// `bunches`: into how many a round's questions are gathered; nil: each machine's lie anywhere.
    init(
        bus: ModbusBus, master: BusMaster, board: Board, time: any TimeSource, events: Mailbox<EventDraft>,
        bunches: Int? = nil
    ) {
        self.bus = bus
        self.master = master
        self.board = board
        self.time = time
        self.events = events
        address = "\(bus.link)"
        random = SplitMix(name: bus.name)
        // Looking for a device file costs nothing: an adapter that is plugged in again is found in seconds.
        if case .rtu = bus.link { backOff = BackOff(upTo: .seconds(4)) } else { backOff = BackOff() }
        let now = time.now().monotonic
        windowStart = now
        began = now
        units = bus.units.map { PolledUnit($0, bus: bus, board: board, now: now) }
        // Everything is asked at once at the start; from then on their first round is due a part of a round ago:
        // at any time of it, or, so that one waking of this thread, of the shared rounds and of Control serves
        // many, at one of a few.
        for unit in units {
            let fastest = min(unit.plan.intervals.fast, unit.plan.intervals.normal)
            let phase = random.fraction()
            var first = now + Nanoseconds(Int64(Double(fastest.count) * (phase - 1)))
            if let bunches {
                let bunch = Int64(phase * Double(bunches)) * fastest.count / Int64(bunches)
                let into = (now.nanoseconds + fastest.count - bunch) % fastest.count
                first = MonotonicTime(nanoseconds: now.nanoseconds - into)
            }
            unit.makeRequests(first: first)
        }
    }

    // MARK: - One step

    /// Does the most urgent thing, if anything is due; returns when to come back.
    func step() -> MonotonicTime {
        finishOpenPoll()
        let now = time.now().monotonic
        updateUtilisation(now)
        if let readBack = takeDueReadBack(now) {
            finish(readBack)
            return now
        }
        if !master.channel.isOpen, now < retryAt { return wakeTime(retryAt) }
        let choice = choose(now)
        guard let (unit, index) = choice.now else {
            releaseIfIdle(now, until: choice.next)
            return wakeTime(choice.next)
        }
        guard ensureOpen() else { return wakeTime(retryAt) }
        if unit.state == .dormant {
            probe(unit)
        } else if unit.needsWalk(now) {
            walkModels(unit)
        } else {
            poll(unit, index)
        }
        return time.now().monotonic
    }

    private func wakeTime(_ time: MonotonicTime) -> MonotonicTime {
        pendingReadBacks.reduce(time) { min($0, $1.due) }
    }

    /// How long a request that is due lets more urgent ones go first. Longer than that nobody waits: on a bus
    /// that its fast points fill all by themselves, the slow ones and the silent machines get their turns too.
    private static func patience(_ rate: PollRate) -> Nanoseconds {
        switch rate {
        case .fast: .zero
        case .normal: .seconds(2)
        case .slow: .seconds(10)
        }
    }
    private static let patienceOfProbes = Nanoseconds.seconds(30)

    /// What to do now, or when there will be something: of all that is due, what has the earliest deadline.
    func choose(_ now: MonotonicTime) -> (now: (PolledUnit, Int)?, next: MonotonicTime) {
        var best: (unit: PolledUnit, index: Int)?
        var earliest = MonotonicTime.distantFuture
        var next = MonotonicTime.distantFuture
        func consider(_ unit: PolledUnit, _ index: Int, _ due: MonotonicTime, _ patience: Nanoseconds) {
            if due > now {
                next = min(next, due)
            } else if due + patience < earliest {
                earliest = due + patience
                best = (unit, index)
            }
        }
        for unit in units {
            if unit.state == .dormant {
                consider(unit, 0, max(unit.probeAt, nextProbe), BusEngine.patienceOfProbes)
            } else if unit.models == nil {
                consider(unit, 0, unit.walkAgainAt, .zero)
            } else {
                for index in unit.requests.indices {
                    let due = max(unit.requests[index].due, unit.line.nextAllowed)
                    consider(unit, index, due, BusEngine.patience(unit.requests[index].planned.rate))
                }
            }
        }
        return (best, next)
    }

    // MARK: - The connection

    func ensureOpen() -> Bool {
        if master.channel.isOpen { return true }
        do throws(ChannelFault) {
            try master.channel.open()
            backOff.reset()
            if isDown {
                isDown = false
                tell(.busChanged, .info, bus.name, "bus \(bus.name) is back")
                for unit in units where unit.state == .dormant { unit.probeAt = time.now().monotonic }
            }
            lastError = nil
            return true
        } catch {
            linkFailed(error)
            return false
        }
    }

    private func linkFailed(_ fault: ChannelFault) {
        let now = time.now().monotonic
        retryAt = now + backOff.wait(random.fraction())
        lastError = fault.text
        for unit in units {
            unit.lastError = fault.text
            publishAll(unit, .failed, fault.reason)
        }
        if !isDown {
            isDown = true
            tell(.busChanged, .major, bus.name, "bus \(bus.name): \(fault.text)", [Evidence("address", "\(bus.link)")])
        }
    }

    private func releaseIfIdle(_ now: MonotonicTime, until next: MonotonicTime) {
        // Not for the pause between two units' turns.
        if bus.isReleasedBetweenPolls, master.channel.isOpen, pendingReadBacks.isEmpty, next - now > .milliseconds(50) {
            master.channel.close()
        }
    }

    // MARK: - Polling

    private func poll(_ unit: PolledUnit, _ index: Int) {
        noteStart(unit, index, time.now().monotonic)
        let probes = unit.line.owesNothing ? [] : unit.probes()
        conclude(unit, index, master.transact(unit.line, unit.requests[index].pdu, probes: probes))
    }

    /// A request of a round begins: it is due again a round later.
    func noteStart(_ unit: PolledUnit, _ index: Int, _ now: MonotonicTime) {
        let due = unit.requests[index].due
        let interval = unit.requests[index].interval
        let delay = now - due
        // The first round is asked at once, whenever it was due.
        if due >= began { startDelays.add(delay) }
        let rounds = delay.count / max(1, interval.count)
        if rounds > 0 { missedCycles += UInt64(rounds) }
        unit.requests[index].due = due + interval * (rounds + 1)
    }

    /// What the end of a request means for its points.
    func conclude(_ unit: PolledUnit, _ index: Int, _ result: TransactionResult) {
        switch result {
        case .answer:
            answered(unit)
            publish(unit, index)
            if unit.requests[index].isProbation { accept(unit, index) }
        case .exception(let code): refuse(unit, index, code)
        case .failed(let reason, let text): failed(unit, unit.requests[index].planned.points, reason, text)
        }
    }

    /// Asks a machine that has not answered lately, quickly, so that the others do not wait.
    private func probe(_ unit: PolledUnit) {
        let begin = time.now().monotonic
        let others = units.filter { $0 !== unit && $0.state == .online }.map { $0.plan.intervals.fast }.min()
        // Half of the others' shortest round; a tenth of a second is enough for any healthy machine.
        let limit = others.map { min(unit.line.timeout, max(.milliseconds(100), Nanoseconds($0.count / 2))) }
        let pdu = unit.requests.first?.pdu ?? .read(.holding, address: 40000, count: 2)
        let probes = unit.line.owesNothing ? [] : unit.probes()
        let result = master.transact(unit.line, pdu, timeout: limit, probes: probes)
        let now = time.now().monotonic
        nextProbe = now + (now - begin) * (busyShareOfProbes - 1)
        switch result {
        case .answer: answered(unit)
        case .exception(let code) where code != 10 && code != 11: answered(unit)
        case .exception(let code): stillDormant(unit, exceptionReason(code), exceptionWords(code))
        case .failed(let reason, let text): stillDormant(unit, reason, text)
        }
    }

    private func stillDormant(_ unit: PolledUnit, _ reason: Reason, _ text: String) {
        unit.lastError = text
        unit.probeAt = time.now().monotonic + unit.backOff.wait(random.fraction())
        publishAll(unit, .failed, reason)
    }

    func answered(_ unit: PolledUnit) {
        unit.failuresInARow = 0
        if unit.state == .online { return }
        let now = time.now().monotonic
        let wasDormant = unit.state == .dormant
        let silence = now - unit.since
        unit.state = .online
        unit.since = now
        unit.lastError = nil
        unit.backOff.reset()
        if wasDormant {
            for i in unit.requests.indices where !unit.requests[i].isProbation { unit.requests[i].due = now }
            if unit.plan.profile.isSunSpec { unit.walkAgainAt = now }
            tell(
                .unitChanged, .info, unit.plan.name,
                "\(unit.plan.name) answers again after \(silence.count / 1_000_000_000) s")
        }
    }

    func failed(_ unit: PolledUnit, _ points: [Int], _ reason: Reason, _ text: String) {
        unit.lastError = text
        unit.failuresInARow += 1
        for point in points { publishBad(unit, point, .failed, reason) }
        // One lost frame is weather, three are a dead machine; one that never answered gets no credit.
        if unit.failuresInARow >= 3 || unit.state == .starting { sleep(unit, reason, text) }
    }

    private func sleep(_ unit: PolledUnit, _ reason: Reason, _ text: String) {
        let now = time.now().monotonic
        unit.state = .dormant
        unit.since = now
        unit.backOff.reset()
        unit.probeAt = now + unit.backOff.wait(random.fraction())
        publishAll(unit, .failed, reason)
        tell(
            .unitChanged, .warning, unit.plan.name, "\(unit.plan.name) (unit \(unit.plan.unitID)): \(text)",
            [Evidence("bus", bus.name), Evidence("address", "\(bus.link)")])
    }

    // MARK: - The Board

    private func publish(_ unit: PolledUnit, _ index: Int) {
        let reply = master.reply
        let data = reply.span.extracting(min(2, reply.count)..<reply.count)
        let start = unit.requests[index].planned.registers.lowerBound
        let askedAt = master.askedAt
        for point in unit.requests[index].planned.points {
            guard let id = unit.ids[point], let place = unit.places[point] else { continue }
            let at = place.address - start
            let decoder = unit.decoders[point]
            let value =
                place.table.holdsBits
                ? decoder.decodeBit(data, at: at) : decoder.decode(data, at: at, scaleAt: place.scaleAddress - start)
            switch value {
            case .number(let number): board.publish(id, number, at: askedAt)
            case .text(let text): board.publish(id, text: text, at: askedAt)
            case .invalid(let reason): board.publish(id, .invalid, reason)
            }
        }
    }

    func publishBad(_ unit: PolledUnit, _ point: Int, _ quality: Quality, _ reason: Reason, detail: UInt16 = 0) {
        if let id = unit.ids[point] { board.publish(id, quality, reason, detail: detail) }
    }

    private func publishAll(_ unit: PolledUnit, _ quality: Quality, _ reason: Reason) {
        for point in unit.ids.indices where !unit.refused.contains(point) { publishBad(unit, point, quality, reason) }
    }

    func tell(
        _ kind: EventKind, _ severity: Severity, _ subject: String, _ text: String, _ evidence: [Evidence] = []
    ) {
        let draft = EventDraft(
            time: time.now(), kind: kind, severity: severity, subject: subject, text: text, evidence: evidence)
        if !events.send(draft) { Log.write(.warning, "modbus", "event not taken, too many wait: \(text)") }
    }

    // MARK: - Status

    func updateUtilisation(_ now: MonotonicTime) {
        let span = now - windowStart
        guard span >= .seconds(10) else { return }
        utilisation = min(1, Double((master.busy - windowBusy).count) / Double(span.count))
        windowStart = now
        windowBusy = master.busy
    }

    func status() -> BusStatus {
        var status = BusStatus(
            name: bus.name, address: address, isConnected: master.channel.isOpen || !isDown, lastError: lastError)
        status.units = units.map { $0.status() }
        // Behind a bus that is down nobody is present.
        if isDown { for i in status.units.indices { status.units[i].state = .offline } }
        status.requests = status.units.reduce(0) { $0 + $1.requests }
        status.utilisation = utilisation
        status.missedCycles = missedCycles
        status.startDelayP99 = startDelays.quantile(0.99)
        return status
    }
}
