public import Platform
public import Site

/// The room without its threads: readers and judge on the caller's thread, by the caller's clock. For
/// measurements and for tests that play hours of faults in seconds.
public final class AcceleratorRehearsal {
    let supervisor: Supervisor
    private let stations: [Station]
    private let seats: [Seat]
    private var announcer: Announcer

    /// Stands in for a card's thread: the one owner of its reader.
    private final class Seat {
        var sampler: DeviceSampler
        init(_ sampler: consuming DeviceSampler) { self.sampler = sampler }

        func step(_ station: Station, _ now: Moment) {
            if let order = station.takeOrder() { sampler.assign(order.assignment) }
            for write in station.takeWrites() { sampler.carryOut(write, now: now) }
            _ = sampler.sweep(now: now)
        }
    }

    public init(plan: AcceleratorsPlan, board: Board, events: Mailbox<EventDraft>, now: Moment) throws(SystemError) {
        var stations: [Station] = []
        for index in 0..<plan.expected.count + plan.spares.count {
            stations.append(try Station(name: "rehearsal-\(index)"))
        }
        self.stations = stations
        seats = stations.map {
            Seat(
                DeviceSampler(
                    root: plan.root, intervals: plan.intervals, slowRead: plan.slowRead, exchange: $0.exchange))
        }
        supervisor = Supervisor(plan: plan, board: board, stations: stations, now: now)
        announcer = Announcer(events: events)
    }

    /// One look: the bus if it is time, every card's due files, the judgement, the events.
    public func step(_ now: Moment) {
        supervisor.rescanIfDue(now)
        for (station, seat) in zip(stations, seats) { seat.step(station, now) }
        _ = supervisor.look(now)
        supervisor.announce(&announcer, now)
    }

    public var status: [AcceleratorStatus] { supervisor.status }
}
