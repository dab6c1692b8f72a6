import Platform
import Site
import Synchronization
import Testing

private func moment(_ seconds: Int64) -> Moment {
    Moment(monotonic: MonotonicTime(nanoseconds: seconds * 1_000_000_000), wall: WallTime(milliseconds: seconds * 1000))
}

private let table = PointTable([
    PointDefinition(name: "ups1.battery.charge", unit: .percent, interval: .seconds(1)),
    PointDefinition(name: "ups1.model", kind: .text),
    PointDefinition(
        name: "door1", kind: .state([StateText(code: 0, text: "closed"), StateText(code: 1, text: "open")])),
])

@Suite struct BoardTests {
    @Test func `a point that was never read has no value and says so`() {
        let board = Board(table)
        #expect(board.reading(PointID(0), at: moment(5).monotonic) == .neverRead)
    }

    @Test func `a good reading turns stale after three intervals and keeps its time`() {
        let board = Board(table)
        board.publish(PointID(0), 87.5, at: moment(10))
        #expect(board.reading(PointID(0), at: moment(13).monotonic).quality == .good)
        let late = board.reading(PointID(0), at: moment(14).monotonic)
        #expect(late.quality == .stale)
        #expect(late.value == .number(87.5))
        #expect(late.measured == moment(10))
    }

    @Test func `a failure keeps the last measurement but never shows it as current`() {
        let board = Board(table)
        board.publish(PointID(0), 87.5, at: moment(10))
        board.publish(PointID(0), .failed, .timeout, detail: 3)
        let reading = board.reading(PointID(0), at: moment(10).monotonic)
        #expect(reading.shown == nil)
        #expect(reading.measured == moment(10))
        #expect(reading.reason == .timeout && reading.detail == 3)
    }

    @Test func `text is kept whole up to its limit and cut at a character beyond it`() {
        let board = Board(table)
        board.publish(PointID(1), text: "Smart-UPS 한국 3000", at: moment(1))
        #expect(board.reading(PointID(1), at: moment(1).monotonic).value == .text("Smart-UPS 한국 3000"))
        board.publish(PointID(1), text: String(repeating: "한", count: 30), at: moment(1))
        #expect(board.reading(PointID(1), at: moment(1).monotonic).value == .text(String(repeating: "한", count: 18)))
    }

    @Test func `only what changed is reported, once, and wakes the control loop`() throws {
        let wakeup = try Wakeup()
        let board = Board(table, wakeup: wakeup)
        var changed: [PointID] = []
        board.publish(PointID(0), 1, at: moment(1))
        board.publish(PointID(2), 0, at: moment(1))
        board.takeChanges { changed.append($0) }
        #expect(changed == [PointID(0), PointID(2)])
        changed = []
        board.publish(PointID(0), 1, at: moment(2))  // the same value, only newer
        board.takeChanges { changed.append($0) }
        #expect(changed.isEmpty)
        board.publish(PointID(0), .failed, .timeout)
        board.takeChanges { changed.append($0) }
        #expect(changed == [PointID(0)])
    }

    @Test func `readers never see half of a write`() throws {
        let board = Board(table)
        let shared = Shared(board: board)
        let owner = try OwnerThread("owner") {
            var n: Int64 = 0
            while !shared.stop.load(ordering: .relaxed) {
                n += 1
                // Value, wall and monotonic time say the same number: a torn read would disagree.
                shared.board.publish(PointID(0), Double(n), at: moment(n))
            }
        }
        var seen = 0
        for _ in 0..<200_000 {
            let reading = board.reading(PointID(0), at: .distantPast)
            guard case .number(let number) = reading.value, let measured = reading.measured else { continue }
            seen += 1
            #expect(measured == moment(Int64(number)))
        }
        shared.stop.store(true, ordering: .relaxed)
        owner.join()
        #expect(seen > 0)
    }
}

private final class Shared: Sendable {
    let board: Board
    let stop = Atomic<Bool>(false)
    init(board: Board) { self.board = board }
}
