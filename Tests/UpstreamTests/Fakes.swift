import Platform
import Site
import Synchronization

@testable import Upstream

/// A clock that tests move.
final class HandTime: TimeSource {
    private let moment: Mutex<Moment>
    init(_ wall: Int64 = 1_790_000_000_000) {
        moment = Mutex(
            Moment(monotonic: MonotonicTime(nanoseconds: 1_000_000_000), wall: WallTime(milliseconds: wall)))
    }
    func now() -> Moment { moment.withLock { $0 } }
    func pass(_ span: Nanoseconds) { moment.withLock { $0 = $0.advanced(by: span) } }
}

/// A journal in memory.
final class FakeFeed: EventFeed {
    private struct State {
        var events: [Event] = []
        var cursor: UInt64?
        var moves: [UInt64] = []
    }
    private let state = Mutex(State())

    func append(_ severity: Severity = .info, at wall: WallTime, text: String = "something happened") {
        state.withLock { state in
            let number = (state.events.last?.sequence ?? 0) + 1
            state.events.append(
                Event(
                    sequence: number, id: "id-\(number)", wall: wall, kind: .alarmRaised, severity: severity,
                    subject: "ups1.status", text: text, evidence: [Evidence("ups1.status", "on-battery")], actor: nil))
        }
    }
    func keep(_ cursor: UInt64) { state.withLock { $0.cursor = cursor } }
    var moves: [UInt64] { state.withLock { $0.moves } }

    var lastSequence: UInt64 { state.withLock { $0.events.last?.sequence ?? 0 } }
    var cursor: UInt64? { state.withLock { $0.cursor } }
    func events(after sequence: UInt64, limit: Int) -> [Event] {
        // Numbers run from 1 without gaps here.
        state.withLock { Array($0.events.dropFirst(Int(sequence)).prefix(limit)) }
    }
    func moveCursor(to sequence: UInt64) {
        state.withLock {
            $0.cursor = sequence
            $0.moves.append(sequence)
        }
    }
    func sequence(before time: WallTime) -> UInt64 {
        state.withLock { $0.events.last { $0.wall < time }?.sequence ?? 0 }
    }
}

/// Takes messages, or refuses them.
final class RecordingSink: MessageSink {
    var messages: [OutgoingMessage] = []
    var canTake = true
    /// Refuses after so many.
    var room = Int.max

    func publish(_ message: OutgoingMessage) -> Int32? {
        guard canTake, room > 0 else { return nil }
        room -= 1
        messages.append(message)
        return Int32(messages.count)
    }

    var topics: [String] { messages.map(\.topic) }
    func texts(_ part: String) -> [String] {
        messages.filter { $0.topic.contains(part) }.map { String(decoding: $0.payload, as: UTF8.self) }
    }
    /// The last message's number, for acknowledging.
    var numbers: [Int32] { messages.indices.map { Int32($0 + 1) } }
}

func exchangePoint(
    _ name: String, _ objectType: String? = nil, _ pointType: String = "", unit: Unit = .none, states: [String] = [],
    area: [String] = [], phase: String? = nil, interval: Nanoseconds = .zero
) -> PointDefinition {
    PointDefinition(
        name: name, kind: states.isEmpty ? .number : .state(states.enumerated().map { StateText(code: $0, text: $1) }),
        unit: unit, interval: interval,
        exchange: objectType.map {
            ExchangeMapping(objectType: $0, pointType: pointType, processArea: area, phase: phase)
        })
}
