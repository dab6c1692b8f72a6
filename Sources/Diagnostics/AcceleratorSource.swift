internal import Accelerators
internal import Platform
internal import Profiles
internal import Site

/// Where `accel` gets its cards from: the running agent, or else the cards themselves.
struct AcceleratorSource {
    private let invocation: Invocation
    private let client: AgentClient
    private var own: (room: AcceleratorRoom, board: Board)?
    private(set) var failure = ExitCode.healthy
    private(set) var now = 0.0

    /// A card's first reading takes a liveness interval at most; a driver that hangs, the deadline.
    private static let patience = Nanoseconds.seconds(4)

    init(_ invocation: Invocation) {
        self.invocation = invocation
        client = AgentClient(socketPath: invocation.socketPath)
    }

    /// Nil after saying why there is no answer.
    mutating func cards() -> [CardView]? {
        if let own { return views(own.room) }
        do throws(AgentClient.Fault) {
            let status = try client.getJSON("/v1/status")
            return (status["accelerators"]?.array ?? []).map(CardView.init)
        } catch {
            guard case .notRunning = error else {
                failure = invocation.failed(error)
                return nil
            }
        }
        guard let room = look() else { return nil }
        return views(room)
    }

    mutating func points(of card: String) -> [JSON] {
        if let own {
            let moment = SystemTime().now()
            now = Double(moment.wall.milliseconds)
            return own.board.points.ids.compactMap { id in
                let point = own.board.points[id]
                return point.device == card ? json(point, own.board.reading(id, at: moment.monotonic)) : nil
            }
        }
        do throws(AgentClient.Fault) {
            let document = try client.getJSON("/v1/points?match=" + percentEncoded(card + ".*"))
            now = document["time"]?.number ?? 0
            return document["points"]?.array ?? []
        } catch {
            failure = invocation.failed(error)
            return []
        }
    }

    /// Starts a room of our own over the same files; it ends with the program.
    private mutating func look() -> AcceleratorRoom? {
        guard let plan = plan() else { return nil }
        invocation.console.trouble("no agent answers on \(invocation.socketPath): the cards are read directly")
        let board = Board(PointTable(plan.points))
        do throws(SystemError) {
            let room = AcceleratorRoom(
                plan: plan, board: board, time: SystemTime(), events: try Mailbox(capacity: 256))
            try room.start()
            own = (room, board)
            let end = SystemTime.monotonic + Self.patience
            while !room.isSettled && SystemTime.monotonic < end { pause(.milliseconds(20)) }
            return room
        } catch {
            invocation.console.trouble("\(error)")
            failure = .internalFault
            return nil
        }
    }

    private mutating func plan() -> AcceleratorsPlan? {
        do throws(SiteFile.Refused) {
            let site = try SiteFile.load(
                invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder)
            if site.accelerators.isPresent { return site.accelerators }
        } catch {
            // Without a site file nothing is expected, and what is on the bus can still be shown.
            guard error.faults.allSatisfy({ $0.position.file == invocation.sitePath && $0.isMissingFile }) else {
                for fault in error.faults { invocation.console.trouble(fault.description) }
                failure = .badConfiguration
                return nil
            }
        }
        let faults = FaultCollector()
        let library = HardwareLibrary.load(invocation.hardwareFolder, faults)
        return AcceleratorsPlan(discovering: library.accelerators)
    }

    private func views(_ room: AcceleratorRoom) -> [CardView] {
        room.status.value.compactMap { status in
            var writer = ByteWriter()
            status.write(into: &writer)
            do throws(JSON.Fault) { return CardView(try JSON.parse(writer.bytes)) } catch { return nil }
        }
    }

    private func json(_ point: PointDefinition, _ reading: Reading) -> JSON {
        var members: [(key: String, value: JSON)] = [("name", .string(point.name))]
        switch reading.shown {
        case .number(let number):
            members.append(("value", point.stateText(of: number).map(JSON.string) ?? .number(number)))
        case .text(let text): members.append(("value", .string(text)))
        case nil: members.append(("value", .null))
        }
        members.append(("unit", .string(point.unit.rawValue)))
        members.append(("quality", .string(reading.quality.text)))
        if reading.reason != .none { members.append(("reason", .string(reading.reason.text))) }
        if let measured = reading.measured { members.append(("time", .number(Double(measured.wall.milliseconds)))) }
        return .object(members)
    }
}
