internal import Platform
internal import Site

/// What happens outside the agent: wandering values, devices with habits, doors, smoke. Its devices'
/// threads publish on the Board, as the rooms do.
struct World {
    /// Hung: its thread waits in a device call and says nothing any more, so its readings grow old.
    enum Habit { case well, dead, frozen, flapping, lying, hung }

    private let table: PointTable
    private var values: [Double]
    private var drift: [Double]
    private var habits: [Habit]
    private var changesAt: [MonotonicTime]
    private var flip = false
    /// Nil: its line cannot be read.
    private var zoneStates: [ZoneState?]
    private var activations: [Double]
    private(set) var inferences: UInt64 = 0
    private let setpoint: PointID?

    private static let moving = 6

    init(_ table: PointTable) {
        self.table = table
        let count = Plant.devices * Plant.pointsEach
        values = (0..<count).map { n in n % Plant.pointsEach == 4 ? 4000 : 40 }
        for device in 0..<Plant.devices { values[device * Plant.pointsEach + 2] = 0 }
        values.append(22)
        drift = Array(repeating: 0, count: count)
        habits = Array(repeating: .well, count: Plant.devices)
        changesAt = Array(repeating: .distantPast, count: Plant.devices)
        zoneStates = Plant.zones.map { _ in .normal }
        activations = Plant.zones.map { _ in 0 }
        setpoint = table.id(of: Plant.setpoint)
    }

    mutating func wrote(_ command: WriteCommand) { values[values.count - 1] = command.value }

    /// One device or one zone says something.
    mutating func happen(_ random: inout SeededRandom, _ board: Board, _ now: Moment) {
        inferences += UInt64(random.below(50))
        if random.one(in: 60) { return moveZone(&random, board, now) }
        if random.one(in: 20), let setpoint { board.publish(setpoint, values[values.count - 1], at: now) }
        flip.toggle()
        let device = random.below(Plant.devices)
        if now.monotonic >= changesAt[device] {
            changesAt[device] = now.monotonic + .seconds(60 + Int64(random.below(20_000)))
            let kinds: [Habit] = [.dead, .frozen, .flapping, .lying, .hung]
            habits[device] = random.one(in: 3) ? kinds[random.below(kinds.count)] : .well
        }
        if habits[device] != .frozen { wander(device, &random) }
        say(device, board, now)
    }

    private mutating func wander(_ device: Int, _ random: inout SeededRandom) {
        for point in 0..<World.moving {
            let index = device * Plant.pointsEach + point
            switch point {
            case 2:
                values[index] = random.one(in: 60) ? Double(1 + random.below(2)) : random.one(in: 3) ? 0 : values[index]
            case 4: values[index] = max(500, min(7000, values[index] + Double(random.below(801)) - 400))
            default:
                drift[index] = drift[index] * 0.9 + Double(random.below(201)) / 20 - 5
                values[index] = max(-20, min(120, values[index] + drift[index]))
            }
        }
    }

    private func say(_ device: Int, _ board: Board, _ now: Moment) {
        for point in 0..<Plant.pointsEach {
            let index = device * Plant.pointsEach + point
            let id = PointID(index)
            switch habits[device] {
            case .well, .frozen: board.publish(id, values[index], at: now)
            case .dead: board.publish(id, .failed, .timeout)
            case .flapping: board.publish(id, values[index] + (flip ? 60 : 0), at: now)
            case .lying: board.publish(id, flip ? .nan : values[index] * 1000, at: now)
            case .hung: return
            }
        }
    }

    private mutating func moveZone(_ random: inout SeededRandom, _ board: Board, _ now: Moment) {
        let zone = random.below(zoneStates.count)
        if zoneStates[zone] == .normal {
            zoneStates[zone] = random.one(in: 8) ? nil : .alarm
            if zoneStates[zone] == .alarm { activations[zone] += 1 }
            // Opened and closed again between two looks.
            if random.one(in: 4) { zoneStates[zone] = .normal }
        } else {
            zoneStates[zone] = .normal
        }
        say(zone: zone, board, now)
    }

    private func say(zone: Int, _ board: Board, _ now: Moment) {
        guard let state = table.id(of: Plant.zones[zone].statePoint),
            let count = table.id(of: Plant.zones[zone].activationsPoint)
        else { return }
        if let known = zoneStates[zone] {
            board.publish(state, Double(known.rawValue), at: now)
        } else {
            board.publish(state, .failed, .chipGone)
        }
        board.publish(count, activations[zone], at: now)
    }

    /// The rooms' first round after the agent has started again.
    mutating func firstRound(_ board: Board, _ now: Moment) {
        activations = activations.map { _ in 0 }
        for device in 0..<Plant.devices { say(device, board, now) }
        for zone in Plant.zones.indices { say(zone: zone, board, now) }
        if let setpoint { board.publish(setpoint, values[values.count - 1], at: now) }
    }
}
