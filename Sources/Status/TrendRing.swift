internal import Platform
internal import Site
import Synchronization

/// The last hour of every number at a glance: 120 samples, 30 s apart, four bytes each. Finer and longer
/// histories are the Journal's.
final class TrendRing: Sendable {
    static let samples = 120
    static let step = Nanoseconds.seconds(30)

    private struct State {
        /// Point by point, `samples` of each; NaN where there was no good number.
        var values: [Float] = []
        var points = 0
        var next = 0
        var filled = 0
        var last = MonotonicTime.distantPast
        var lastWall = WallTime(milliseconds: 0)
    }

    private let state = Mutex(State())

    /// Takes a sample when one is due.
    func look(_ snapshot: SiteSnapshot, at now: MonotonicTime) {
        state.withLock { state in
            if state.points != snapshot.readings.count {
                state = State()
                state.points = snapshot.readings.count
                state.values = Array(repeating: .nan, count: state.points * TrendRing.samples)
            } else if now - state.last < TrendRing.step {
                return
            }
            for (index, reading) in snapshot.readings.enumerated() {
                state.values[index * TrendRing.samples + state.next] = reading.goodNumber.map { Float($0) } ?? .nan
            }
            state.next = (state.next + 1) % TrendRing.samples
            state.filled = min(TrendRing.samples, state.filled + 1)
            state.last = now
            state.lastWall = snapshot.time.wall
        }
    }

    /// `/v1/trends`: oldest sample first; null where there was no good number. States and texts have none.
    func write(_ table: PointTable, matching filter: NameFilter?, into writer: inout ByteWriter) {
        state.withLock { state in
            writer.beginObject()
            writer.field("step_ms", TrendRing.step.wholeMilliseconds)
            writer.field("last", state.lastWall.milliseconds)
            writer.beginArray("points")
            for (index, point) in table.definitions.enumerated() where index < state.points && point.kind == .number {
                if let filter, !filter.matches(point.name) { continue }
                writer.beginObject()
                writer.field("name", point.name)
                writer.beginArray("values")
                for age in (0..<state.filled).reversed() {
                    let at = (state.next - 1 - age + TrendRing.samples) % TrendRing.samples
                    writer.value(Double(state.values[index * TrendRing.samples + at]))
                }
                writer.endArray()
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
            writer.append("\n")
        }
    }
}
