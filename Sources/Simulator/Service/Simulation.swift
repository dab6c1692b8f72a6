internal import CLinux
import Glibc
internal import Platform
internal import Profiles
internal import Site

/// The whole make-believe container on one thread: the model and everything that shows it.
final class Simulation {
    /// Cards of different vendors, for a site that lists none.
    static let usualAccelerators: [AcceleratorKind] = [
        .furiosaRNGD, .furiosaRNGD, .rebellionsATOM, .rebellionsATOM, .deepxDXM1, .mobilintARIES,
    ]
    /// How often the model is stepped and files are written.
    static let tick = Nanoseconds.milliseconds(250)

    let options: Options
    let loop: EventLoop
    let queue: DeliveryQueue
    let room: MachineRoom
    var model: ContainerModel
    let lines: SecurityLines
    private(set) var addresses: [(kind: String, address: String, what: String)] = []
    private var tcp: [ModbusTCPServer] = []
    private var rtu: [ModbusRTUServer] = []
    private var sysfs: SysfsWriter?
    private var lineServer: LineServer?
    private var controlServer: LineServer?
    private var lastTick: MonotonicTime
    var speed: Double

    init(_ options: Options, _ plan: SitePlan) throws(SystemError) {
        self.options = options
        speed = options.speed
        loop = try EventLoop()
        queue = try DeliveryQueue()
        room = try MachineRoom(seed: options.seed)
        room.chaos = options.chaos
        let cards = SiteCards(plan, options)
        model = ContainerModel(accelerators: cards.kinds, seed: options.seed)
        let now = SystemTime.monotonic
        lastTick = now
        lines = SecurityLines(SecurityLine.lines(of: plan), now: now)
        try queue.attach(to: loop)
        try serveMachines(plan.modbus)
        try serveSysfs(cards)
        try serveLines(plan)
        try serveControl()
        scheduleTick()
    }

    // MARK: - What is served

    private func serveMachines(_ plan: ModbusPlan) throws(SystemError) {
        let answer: ModbusTCPServer.Answer = { [unowned self] request, framing, units in
            let delivery = room.answer(request, framing, units: units, model, SystemTime.monotonic)
            for effect in room.effects { apply(effect) }
            room.effects.removeAll()
            return delivery
        }
        for bus in plan.buses {
            var units: [Int: SimulatedMachine] = [:]
            for unit in bus.units {
                let machine = SimulatedMachine(unit, on: bus.name)
                room.add(machine)
                units[unit.unitID] = machine
            }
            let names = bus.units.map { "\($0.name) (\($0.profile.name), unit \($0.unitID))" }.joined(separator: ", ")
            switch bus.link {
            case .tcp(let host, let port): try serve(host, port, .tcp, units, names, answer)
            case .rtuOverTCP(let host, let port): try serve(host, port, .rtu, units, names, answer)
            case .rtu(let device, let settings, _):
                let server = try ModbusRTUServer(
                    path: device, settings, isPaced: options.isPaced, loop: loop, queue: queue, answer: answer)
                server.units = units
                rtu.append(server)
                addresses.append(("modbus-rtu", "\(device) \(settings)", names))
            }
        }
    }

    private func serve(
        _ host: String, _ port: Int, _ framing: ReplyBuilder.Framing, _ units: [Int: SimulatedMachine],
        _ names: String, _ answer: @escaping ModbusTCPServer.Answer
    ) throws(SystemError) {
        let kind = framing == .tcp ? "modbus-tcp" : "rtu-over-tcp"
        let numeric = host == "localhost" ? "127.0.0.1" : host
        if let server = tcp.first(where: { $0.port == port && $0.framing == framing && port != 0 }) {
            server.units.merge(units) { first, _ in first }
        } else {
            let server = try ModbusTCPServer(
                host: numeric, port: port, framing, loop: loop, queue: queue, answer: answer)
            server.units = units
            tcp.append(server)
        }
        addresses.append((kind, "\(numeric):\(tcp.last?.port ?? port)", names))
    }

    private func serveSysfs(_ cards: SiteCards) throws(SystemError) {
        if cards.kinds.isEmpty { return }
        let tree = try SysfsTree(root: cards.root)
        var counts: [AcceleratorKind: Int] = [:]
        for (index, kind) in cards.kinds.enumerated() {
            let number = counts[kind, default: 0]
            counts[kind] = number + 1
            tree.add(SysfsCard(kind, address: cards.addresses[index], index: index, sameKindIndex: number))
        }
        sysfs = try SysfsWriter(tree, model)
        addresses.append(("sysfs", cards.root, cards.kinds.map(\.rawValue).joined(separator: ", ")))
    }

    private func serveLines(_ plan: SitePlan) throws(SystemError) {
        let path = SecurityLine.socket(of: plan) ?? options.runFolder + "/lines.sock"
        let server = try LineServer(
            path: path, loop: loop,
            greet: { [unowned self] client in
                var all = ""
                for line in lines.lines.indices { all += lines.text(line) }
                lineServer?.tell(client, all)
            })
        lines.onEdge = { [unowned self] line in lineServer?.tellAll(lines.text(line)) }
        lineServer = server
        addresses.append(("lines", path, lines.lines.map(\.name).joined(separator: ", ")))
    }

    private func serveControl() throws(SystemError) {
        let path = options.runFolder + "/sim.sock"
        controlServer = try LineServer(
            path: path, loop: loop,
            hear: { [unowned self] text, client in controlServer?.tell(client, reply(to: text)) })
        addresses.append(("control", path, "say help, or mdc-sim tell help"))
    }

    // MARK: - Time

    private func scheduleTick() {
        queue.at(SystemTime.monotonic + Simulation.tick) { [weak self] in
            guard let self else { return }
            step(to: SystemTime.monotonic)
            scheduleTick()
        }
    }

    /// Steps the model to `now`. A machine that slept does not replay a night: at most ten seconds.
    func step(to now: MonotonicTime) {
        let elapsed = min(10, max(0, (now - lastTick).seconds))
        lastTick = now
        model.advance(by: elapsed * speed)
        let mains: SecurityLine.State = model.power.mains_V > 180 ? .normal : .alarm
        for (index, line) in lines.lines.enumerated() where line.kind == .mains && lines.states[index] != mains {
            lines.enter(mains, index, at: now, queue)
        }
        sysfs?.show(model)
    }

    private func apply(_ effect: MachineEffect) {
        switch effect {
        case .airSetpoint(let value): model.climate.airSetpoint_C = min(35, max(10, value))
        case .coolantSetpoint(let value): model.climate.coolantSetpoint_C = min(50, max(15, value))
        case .waterSetpoint(let value): model.climate.waterSetpoint_C = min(25, max(5, value))
        case .crac(let runs): model.instructor.cracOff = !runs
        case .chiller(let runs): model.instructor.chillerOff = !runs
        }
    }

    func run() throws(SystemError) {
        defer { sysfs?.stop() }
        try loop.run()
    }

    func stop() { loop.stop() }
    func dropConnections() { for server in tcp { server.dropAll() } }
}
