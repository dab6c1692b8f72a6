import Foundation
import Platform
import Profiles
import Site

@testable import Accelerators

let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

/// The plan of a site file whose `accelerators` section is this text (indented by two).
func makePlan(_ section: String, root: String) throws -> AcceleratorsPlan {
    let path = NSTemporaryDirectory() + "mdc-site-" + UUID().uuidString + ".yaml"
    let head = "site: test\naccelerators:\n  root: \(root)\n"
    try (head + section).write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try SiteFile.load(path, hardware: repository + "/Hardware").accelerators
}

/// The room's mind and its readers on one thread, with a clock that the test moves.
final class Workbench {
    let plan: AcceleratorsPlan
    /// Kept as long as the bench: the tree goes with it.
    private let sysfs: FakeSysfs
    let board: Board
    let events: Mailbox<EventDraft>
    let supervisor: Supervisor
    private var samplers: [DeviceSampler]
    private let stations: [Station]
    private var announcer: Announcer
    private(set) var now = Moment(
        monotonic: MonotonicTime(nanoseconds: 1_000_000_000_000), wall: WallTime(milliseconds: 1_800_000_000_000))

    init(_ section: String, _ sysfs: FakeSysfs) throws {
        self.sysfs = sysfs
        let plan = try makePlan(section, root: sysfs.root)
        self.plan = plan
        board = Board(PointTable(plan.points))
        events = try Mailbox(capacity: 100)
        stations = try (0..<plan.expected.count + plan.spares.count).map { try Station(name: "s\($0)") }
        samplers = stations.map {
            DeviceSampler(
                root: plan.root, intervals: plan.intervals, slowRead: plan.slowRead, exchange: $0.exchange)
        }
        supervisor = Supervisor(plan: plan, board: board, stations: stations, now: now)
        announcer = Announcer(events: events)
    }

    /// Lets this many seconds pass, one liveness interval at a time.
    func run(seconds: Int) {
        for _ in 0..<seconds {
            supervisor.rescanIfDue(now)
            for (station, sampler) in zip(stations, samplers) {
                if let order = station.takeOrder() { sampler.assign(order.assignment) }
                _ = sampler.sweep(now: now)
            }
            _ = supervisor.look(now)
            supervisor.announce(&announcer, now)
            now = now.advanced(by: .seconds(1))
        }
    }

    /// Lets time pass without a look at each second of it.
    func skip(seconds: Int64) { now = now.advanced(by: .seconds(seconds)) }

    func reading(_ name: String) -> Reading {
        guard let id = board.points.id(of: name) else { return .neverRead }
        return board.reading(id, at: now.monotonic)
    }

    func number(_ name: String) -> Double? { reading(name).goodNumber }
    func status(_ name: String) -> AcceleratorStatus? { supervisor.status.first { $0.name == name } }
    func health(_ name: String) -> AcceleratorHealth? { status(name)?.health }
    func codes(_ name: String) -> [String] { status(name)?.findings.map(\.code) ?? [] }
}
