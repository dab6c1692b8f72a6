internal import Control
internal import Platform
internal import Site

/// The simulated container: 25 devices of 20 points, a condition for every second point, causes and
/// consequences, a feed, a thing that may be written.
struct Plant {
    static let devices = 25
    static let pointsEach = 20
    let site: SitePlan

    init() {
        var points: [PointDefinition] = []
        var conditions: [ConditionPlan] = []
        for device in 0..<Plant.devices {
            for point in 0..<Plant.pointsEach {
                points.append(
                    PointDefinition(
                        name: "device\(device).point\(point)", unit: point == 4 ? .watts : .celsius,
                        interval: .seconds(60)))
            }
            conditions += Plant.conditions(device)
        }
        points.append(PointDefinition(name: "crac.setpoint", unit: .celsius, interval: .seconds(60)))
        site = SitePlan(
            name: "years", title: "years", security: SecurityPlan(points: points),
            control: ControlPlan(
                conditions: conditions,
                postureRules: [PostureRulePlan(alarms: ["device2*.high"], state: .conserve, watts: 3000)],
                feeds: [
                    PowerFeedPlan(
                        tag: "main", meters: ["device0.point4", "device1.point4"], maximumWatts: 12_000,
                        defaultWatts: 10_000)
                ],
                effectiveness: PowerUsageEffectivenessPlan(
                    boundary: "all", totalMeters: ["device0.point4", "device1.point4"], itMeters: ["device1.point4"]),
                writable: [
                    WritablePlan(
                        point: "crac.setpoint", range: 18...27, stepMax: 5, interval: .seconds(60),
                        notWhile: ["device3.*"], safeValue: 22, holdMax: .seconds(600))
                ]))
    }

    private static func conditions(_ device: Int) -> [ConditionPlan] {
        func point(_ n: Int) -> String { "device\(device).point\(n)" }
        let name = "device\(device)"
        return [
            ConditionPlan(
                id: "\(name).high", test: .above(point: point(0), limit: 80, hysteresis: 5), severity: .major,
                subject: point(0), text: "high", raiseAfter: .seconds(10), clearAfter: .seconds(20),
                isLatched: device % 5 == 0, posture: device % 8 == 0 ? .drain : nil),
            ConditionPlan(
                id: "\(name).low", test: .below(point: point(1), limit: 10, hysteresis: 2), severity: .warning,
                subject: point(1), text: "low", raiseAfter: .seconds(5), dependsOn: ["\(name).high"]),
            ConditionPlan(
                id: "\(name).state", test: .states(point: point(2), named: ["1", "2"]), severity: .critical,
                subject: point(2), text: "state", raiseAfter: device % 2 == 0 ? .zero : .seconds(7),
                whenUnknown: device % 3 == 0 ? .raise : .hold, posture: device % 6 == 0 ? .stop : nil),
            ConditionPlan(
                id: "\(name).apart", test: .apart(point: point(0), from: point(3), limit: 40, hysteresis: 4),
                severity: .warning, subject: point(3), text: "apart", raiseAfter: .seconds(30), clearAfter: .seconds(30)
            ),
            ConditionPlan(
                id: "\(name).silent", test: .absent(points: (0..<20).map(point)), severity: .major, subject: name,
                text: "silent", raiseAfter: .seconds(60), clearAfter: .seconds(10)),
            ConditionPlan(
                id: "\(name).two", test: .atLeast(count: 2, of: ["\(name).high", "\(name).low", "\(name).apart"]),
                severity: .critical, subject: name, text: "two at once",
                posture: device % 7 == 0 ? .seal : nil),
            ConditionPlan(
                id: "\(name).rising", test: .movesFasterThan(point: point(5), perMinute: 20, window: .seconds(120)),
                severity: .notice, subject: point(5), text: "rising", clearAfter: .seconds(60)),
        ]
    }
}

/// What the sensors say: wandering values, and devices with habits.
struct World {
    enum Habit { case well, dead, frozen, flapping, lying }

    private var values: [Double]
    private var drift: [Double]
    private var habits: [Habit]
    private var changesAt: [MonotonicTime]
    private var lastRead: MonotonicTime = .distantPast
    private var flip = false
    private let crac: Int

    init(_ plant: Plant) {
        let count = Plant.devices * Plant.pointsEach
        values = (0..<count).map { n in n % Plant.pointsEach == 4 ? 4000 : 40 }
        for device in 0..<Plant.devices { values[device * Plant.pointsEach + 2] = 0 }
        values.append(22)
        crac = count
        drift = Array(repeating: 0, count: count)
        habits = Array(repeating: .well, count: Plant.devices)
        changesAt = Array(repeating: .distantPast, count: Plant.devices)
    }

    mutating func wrote(_ command: WriteCommand) { values[crac] = command.value }

    mutating func happen(_ random: inout SeededRandom, _ now: Moment) {
        flip.toggle()
        lastRead = now.monotonic
        // One device is looked at in each step: over a day all are, many times.
        let device = random.below(Plant.devices)
        if now.monotonic >= changesAt[device] {
            changesAt[device] = now.monotonic + .seconds(60 + Int64(random.below(20_000)))
            let kinds: [Habit] = [.dead, .frozen, .flapping, .lying]
            habits[device] = random.one(in: 3) ? kinds[random.below(4)] : .well
        }
        if habits[device] == .frozen { return }
        for point in 0..<6 {
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

    func sample(_ index: Int, _ now: MonotonicTime) -> Sample {
        if index >= crac { return .good(values[crac], at: lastRead) }
        switch habits[index / Plant.pointsEach] {
        case .well, .frozen: return .good(values[index], at: lastRead)
        case .dead: return Sample(number: values[index], quality: .failed, reason: .timeout, measured: lastRead)
        case .flapping: return .good(values[index] + (flip ? 60 : 0), at: lastRead)
        case .lying: return .good(flip ? .nan : values[index] * 1000, at: lastRead)
        }
    }
}
