public import Platform
public import Site

/// The room's front: starts the buses, takes commands, shows status.
public final class ModbusRoom: Sendable {
    public let plan: ModbusPlan
    private let owners: [BusOwner]
    private let shared: SharedRounds?

    public init(plan: ModbusPlan, board: Board, time: any TimeSource, events: Mailbox<EventDraft>) throws(SystemError) {
        self.plan = plan
        let single = plan.buses.count(where: \.isOneMachine)
        shared = single > 1 ? try SharedRounds(buses: single, time: time) : nil
        // Up to sixteen machines are one bunch; of more, eight each, asked within a few milliseconds.
        let units = plan.buses.reduce(0) { $0 + $1.units.count }
        let bunches = units <= 16 ? 1 : min(32, (units + 7) / 8)
        var owners: [BusOwner] = []
        for bus in plan.buses {
            owners.append(
                try BusOwner(
                    bus: bus, board: board, time: time, events: events, shared: bus.isOneMachine ? shared : nil,
                    bunches: bunches))
        }
        self.owners = owners
    }

    public func start() throws(SystemError) {
        try shared?.start()
        for owner in owners { try owner.start() }
    }

    public func stop() {
        for owner in owners { owner.tellToStop() }
        for owner in owners { owner.stop() }
        shared?.stop()
    }

    public var heartbeats: [Heartbeat] { owners.map(\.heartbeat) + (shared.map { [$0.heartbeat] } ?? []) }

    /// Buses in file order, each at most a second old.
    public var status: [BusStatus] { owners.map { $0.status.value } }

    /// Carries out what the guard has passed. `answer` is called once, on the bus's thread, and must only
    /// hand over.
    public func write(_ command: WriteCommand, answer: @escaping @Sendable (WriteOutcome) -> Void) {
        let device = String(command.point.prefix { $0 != "." })
        guard let owner = owner(ofUnit: device) else {
            return answer(.rejected("no unit '\(device)' on any bus"))
        }
        if !owner.send(.write(command, answer: answer)) { answer(.rejected("bus \(owner.name) has too much to do")) }
    }

    func owner(ofUnit name: String) -> BusOwner? {
        for (bus, owner) in zip(plan.buses, owners) where bus.units.contains(where: { $0.name == name }) {
            return owner
        }
        return nil
    }

    func owner(ofBus name: String) -> BusOwner? { owners.first { $0.name == name } }
}
