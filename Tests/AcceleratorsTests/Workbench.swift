import Foundation
import Platform
import Profiles
import Site

@testable import Accelerators

let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

/// A hardware library of nothing but our layouts: the register maps of other rooms take longer to read
/// than these tests take to run.
let layoutsOnly: String = {
    let folder = NSTemporaryDirectory() + "mdc-layouts-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try? FileManager.default.createSymbolicLink(
        atPath: folder + "/accelerators", withDestinationPath: repository + "/Hardware/accelerators")
    return folder
}()

/// The plan of a site file whose `accelerators` section is this text (indented by two).
func makePlan(_ section: String, root: String) throws -> AcceleratorsPlan {
    try makeSite(section, root: root).accelerators
}

/// The same with the whole site around it.
func makeSite(_ section: String, root: String) throws -> SitePlan {
    let path = NSTemporaryDirectory() + "mdc-site-" + UUID().uuidString + ".yaml"
    let head = "site: test\naccelerators:\n  root: \(root)\n"
    try (head + section).write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try SiteFile.load(path, hardware: layoutsOnly)
}

/// The room on one thread, with a clock that the test moves.
final class Workbench {
    let site: SitePlan
    var plan: AcceleratorsPlan { site.accelerators }
    /// Kept as long as the bench: the tree goes with it.
    private let sysfs: FakeSysfs
    let board: Board
    let events: Mailbox<EventDraft>
    private let rehearsal: AcceleratorRehearsal
    private(set) var now = Moment(
        monotonic: MonotonicTime(nanoseconds: 1_000_000_000_000), wall: WallTime(milliseconds: 1_800_000_000_000))

    convenience init(_ section: String, _ sysfs: FakeSysfs) throws {
        try self.init(try makeSite(section, root: sysfs.root), sysfs)
    }

    /// One card of this layout, without a site file: reading the library takes longer than a minute of a card.
    convenience init(_ layout: AcceleratorLayout, at address: String, _ sysfs: FakeSysfs) throws {
        var plan = AcceleratorsPlan()
        plan.isPresent = true
        plan.root = sysfs.root
        plan.kernelLog = nil
        plan.listensToUevents = false
        plan.layouts = [layout]
        plan.expected = [ExpectedAccelerator(name: "npu0", layout: layout, address: address)]
        plan.definePoints(generic: nil)
        try self.init(SitePlan(name: "test", title: "test", accelerators: plan), sysfs)
    }

    private init(_ site: SitePlan, _ sysfs: FakeSysfs) throws {
        self.sysfs = sysfs
        self.site = site
        board = Board(PointTable(site.points))
        events = try Mailbox(capacity: 100)
        rehearsal = try AcceleratorRehearsal(plan: site.accelerators, board: board, events: events, now: now)
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
