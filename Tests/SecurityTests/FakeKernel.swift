import Platform
import Security
import Site

/// The kernel's half of a line request as linux/drivers/gpio/gpiolib-cdev.c does it: one queue of fixed
/// length for all lines, numbered edges, and of a full queue the oldest is dropped.
final class FakeKernel: LineRequest {
    private(set) var bits: UInt64
    private var queue: [LineEdge] = []
    private var head = 0
    private var sequence: UInt32 = 0
    private(set) var dropped: UInt64 = 0
    let capacity: Int
    var isGone = false

    init(capacity: Int = 1024, bits: UInt64 = 0) {
        self.capacity = capacity
        self.bits = bits
    }

    func toggle(_ line: Int, at time: MonotonicTime) {
        bits ^= 1 << UInt64(line)
        sequence &+= 1
        if queue.count - head == capacity {
            head += 1
            dropped += 1
        }
        queue.append(
            LineEdge(index: line, isHigh: bits >> UInt64(line) & 1 == 1, time: time, sequence: sequence))
    }

    /// Two edges whose numbers came the wrong way: the second line's thread ran before the first's.
    func overtake(_ first: Int, _ second: Int, at time: MonotonicTime) {
        toggle(first, at: time)
        toggle(second, at: time)
        queue.swapAt(queue.count - 1, queue.count - 2)
    }

    /// Two interrupts before the thread ran: two edges with the second's number.
    func crowd(_ line: Int, at time: MonotonicTime) {
        toggle(line, at: time)
        toggle(line, at: time)
        let edge = queue[queue.count - 2]
        queue[queue.count - 2] = LineEdge(
            index: edge.index, isHigh: edge.isHigh, time: edge.time, sequence: edge.sequence &+ 1)
    }

    /// Interrupts that the kernel ran together: they are numbered, and no edge of them is queued.
    func swallow(_ line: Int, _ count: Int) {
        if count % 2 == 1 { bits ^= 1 << UInt64(line) }
        sequence &+= UInt32(count)
    }

    func readEdges(into edges: inout [LineEdge]) throws(SystemError) {
        edges.removeAll(keepingCapacity: true)
        if isGone { throw SystemError("read", code: 19) }
        let taken = queue[head...].prefix(64)
        edges.append(contentsOf: taken)
        head += taken.count
        if head == queue.count {
            queue.removeAll(keepingCapacity: true)
            head = 0
        }
    }

    func levels() throws(SystemError) -> UInt64 {
        if isGone { throw SystemError("levels", code: 19) }
        return bits
    }
}

/// A clock that a test moves.
final class HandClock: TimeSource, @unchecked Sendable {
    private(set) var milliseconds: Int64 = 1_000
    func pass(_ span: Nanoseconds) { milliseconds += span.wholeMilliseconds }
    func now() -> Moment {
        Moment(
            monotonic: MonotonicTime(nanoseconds: milliseconds * 1_000_000),
            wall: WallTime(milliseconds: 1_700_000_000_000 + milliseconds))
    }
}

/// A seeded generator (splitmix64), so that a failure can be run again.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A plan of zones as a site file would give it; contacts to ground, normally closed: low is normal.
func plan(
    _ zones: [ZonePlan], lines: Int? = nil, debounce: Nanoseconds = .zero, source: LineSourcePlan = .gpio
) -> SecurityPlan {
    let count = lines ?? zones.map { max($0.line, $0.complement ?? 0) + 1 }.max() ?? 0
    return SecurityPlan(
        source: source,
        lines: (0..<count).map {
            LinePlan(address: .name("L\($0)"), bias: .asIs, debounce: debounce, writtenAt: "site.yaml:\($0 + 1):1")
        }, zones: zones, points: SecurityPlan.points(of: zones))
}

func door(
    _ name: String = "door", line: Int = 0, complement: Int? = nil, swinger: SwingerPlan = .usual
) -> ZonePlan {
    ZonePlan(name: name, title: "Door \(name)", kind: .door, line: line, complement: complement, swinger: swinger)
}

let neverQuiet = SwingerPlan(count: .max, window: .seconds(600), rest: .seconds(300))
