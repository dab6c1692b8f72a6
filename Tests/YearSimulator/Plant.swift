internal import Platform
internal import Site

/// The simulated container: 25 devices of 20 points with seven conditions each, causes and consequences,
/// five zones, a feed, a lane, a thing that may be written.
struct Plant {
    static let devices = 25
    static let pointsEach = 20
    static let setpoint = "crac.setpoint"
    let site: SitePlan

    init() {
        var points: [PointDefinition] = []
        var conditions: [ConditionPlan] = []
        for device in 0..<Plant.devices {
            for point in 0..<Plant.pointsEach {
                points.append(
                    PointDefinition(
                        name: "device\(device).point\(point)", unit: point == 4 ? .watts : .celsius,
                        // A device is asked every few minutes; one that hangs is stale after an hour.
                        interval: .seconds(1200)))
            }
            conditions += Plant.conditions(device)
        }
        points.append(PointDefinition(name: Plant.setpoint, unit: .celsius, interval: .seconds(1200)))
        site = SitePlan(
            name: "years", title: "years",
            security: SecurityPlan(zones: Plant.zones, points: points + SecurityPlan.points(of: Plant.zones)),
            control: Plant.control(conditions))
    }

    private static func control(_ conditions: [ConditionPlan]) -> ControlPlan {
        ControlPlan(
            conditions: conditions,
            postureRules: [PostureRulePlan(alarms: ["device2*.high"], state: .conserve, watts: 3000)],
            feeds: [
                PowerFeedPlan(
                    tag: "main", meters: ["device0.point4", "device1.point4"], maximumWatts: 12_000,
                    defaultWatts: 10_000)
            ],
            effectiveness: PowerUsageEffectivenessPlan(
                boundary: "all", totalMeters: ["device0.point4", "device1.point4"], itMeters: ["device1.point4"]),
            lanes: [LaneEnergyPlan(model: "m", accelerator: "npu0", meters: ["device1.point4"])],
            writable: [
                WritablePlan(
                    point: setpoint, range: 18...27, stepMax: 5, interval: .seconds(60),
                    notWhile: ["device3.*"], safeValue: 22, holdMax: .seconds(600))
            ])
    }

    static let zones: [ZonePlan] = [
        zone("front", .door, 0, entry: 30), zone("rear", .door, 1), zone("motion", .motion, 2, entry: 30),
        zone("smoke", .smoke, 3), zone("mains", .mains, 4),
    ]

    private static func zone(_ name: String, _ kind: ZoneKind, _ line: Int, entry: Int64 = 0) -> ZonePlan {
        ZonePlan(name: name, title: name, kind: kind, line: line, entryDelay: .seconds(entry))
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
