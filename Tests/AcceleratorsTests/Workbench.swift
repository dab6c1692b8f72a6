import Foundation
import Platform
import Profiles
import Site

@testable import Accelerators

let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

/// A hardware library of nothing but our layouts: the register maps of other rooms take longer to read
/// than these tests take to run.
private let layoutsOnly: String = {
    let folder = NSTemporaryDirectory() + "mdc-layouts-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try? FileManager.default.createSymbolicLink(
        atPath: folder + "/accelerators", withDestinationPath: repository + "/Hardware/accelerators")
    return folder
}()

/// The plan of a site file whose `accelerators` section is this text (indented by two).
func makePlan(_ section: String, root: String) throws -> AcceleratorsPlan {
    let path = NSTemporaryDirectory() + "mdc-site-" + UUID().uuidString + ".yaml"
    let head = "site: test\naccelerators:\n  root: \(root)\n"
    try (head + section).write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try SiteFile.load(path, hardware: layoutsOnly).accelerators
}

/// The room on one thread, with a clock that the test moves.
final class Workbench {
    let plan: AcceleratorsPlan
    /// Kept as long as the bench: the tree goes with it.
    private let sysfs: FakeSysfs
    let board: Board
    let events: Mailbox<EventDraft>
    private let rehearsal: AcceleratorRehearsal
    private(set) var now = Moment(
        monotonic: MonotonicTime(nanoseconds: 1_000_000_000_000), wall: WallTime(milliseconds: 1_800_000_000_000))

    init(_ section: String, _ sysfs: FakeSysfs) throws {
        self.sysfs = sysfs
        plan = try makePlan(section, root: sysfs.root)
        board = Board(PointTable(plan.points))
        events = try Mailbox(capacity: 100)
        rehearsal = try AcceleratorRehearsal(plan: plan, board: board, events: events, now: now)
    }

    var supervisor: Supervisor { rehearsal.supervisor }

    /// Lets this many seconds pass, with a look at each of them.
    func run(seconds: Int) {
        for _ in 0..<seconds {
            rehearsal.step(now)
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
