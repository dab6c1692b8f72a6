internal import Platform
internal import Site

/// Tells the bus what the Board says: metadata first, values on change and on a cadence. It keeps no
/// queue: a point is due or not, and what goes out is its reading at that moment.
struct PointPublisher {
    private struct Told {
        var version: UInt64 = .max
        var number = Double.nan
        var isGood = false
        var at = MonotonicTime.distantPast
        var isDue = true
    }

    private let map: ExchangeMap
    private let board: Board
    private let cadence: CadencePlan
    private var told: [Told]
    private var valueCursor = 0
    private var dueCount: Int
    private var metadataCursor = 0
    private var metadataDueAt = MonotonicTime.distantPast
    private var writer = ByteWriter(capacity: 128)
    private(set) var valuesSent: UInt64 = 0

    init(map: ExchangeMap, board: Board, cadence: CadencePlan) {
        self.map = map
        self.board = board
        self.cadence = cadence
        told = Array(repeating: Told(), count: map.points.count)
        dueCount = map.points.count
    }

    /// Everything is told again: nobody knows what the broker still has.
    mutating func connected(at now: MonotonicTime) {
        metadataCursor = 0
        metadataDueAt = now + cadence.metadata
        for index in told.indices { told[index].isDue = true }
        dueCount = told.count
    }

    var isIdle: Bool { dueCount == 0 && metadataCursor >= map.points.count }

    /// Looks for what changed and for what was not told for too long.
    mutating func scan(at now: Moment) {
        if now.monotonic >= metadataDueAt {
            metadataCursor = 0
            metadataDueAt = now.monotonic + cadence.metadata
        }
        for (index, point) in map.points.enumerated() where !told[index].isDue {
            if isDue(point, told[index], at: now.monotonic) {
                told[index].isDue = true
                dueCount += 1
            }
        }
    }

    private func isDue(_ point: ExchangePoint, _ last: Told, at now: MonotonicTime) -> Bool {
        if now - last.at >= cadence.values { return true }
        // An unchanged slot can still have become stale; a slot that was not good stays so until written.
        if board.version(point.id) == last.version, !last.isGood { return false }
        let reading = board.reading(point.id, at: now)
        if reading.isGood != last.isGood { return true }
        guard case .number(let number) = reading.value else { return false }
        if number == last.number { return false }
        return last.number.isNaN || (number - last.number).magnitude > point.deadband
    }

    // MARK: - Sending

    /// The next leak or isolation that is due; true when one went out.
    mutating func sendCritical(to sink: some MessageSink, at now: Moment) -> Int? {
        guard dueCount > 0 else { return nil }
        for (index, point) in map.points.enumerated() where point.isCritical && told[index].isDue {
            return send(index, to: sink, at: now)
        }
        return nil
    }

    /// The next metadata that is due: how many bytes it took, nil when there is none or no room.
    mutating func sendMetadata(to sink: some MessageSink) -> Int? {
        guard metadataCursor < map.points.count else { return nil }
        let point = map.points[metadataCursor]
        let message = OutgoingMessage(topic: point.metadataTopic, payload: point.metadata, retain: true)
        guard sink.publish(message) != nil else { return nil }
        metadataCursor += 1
        return message.byteCount
    }

    /// The next value that is due, in turn, so that no point waits for ever behind busy ones.
    mutating func sendValue(to sink: some MessageSink, at now: Moment) -> Int? {
        guard dueCount > 0 else { return nil }
        for _ in told.indices {
            let index = valueCursor
            valueCursor = (valueCursor + 1) % told.count
            if told[index].isDue { return send(index, to: sink, at: now) }
        }
        return nil
    }

    private mutating func send(_ index: Int, to sink: some MessageSink, at now: Moment) -> Int? {
        let point = map.points[index]
        let version = board.version(point.id)
        let reading = board.reading(point.id, at: now.monotonic)
        let message = OutgoingMessage(
            topic: point.valueTopic, payload: render(reading, factor: point.factor, at: now),
            qos: point.isCritical ? 1 : 0)
        guard sink.publish(message) != nil else { return nil }
        var number = Double.nan
        if case .number(let value) = reading.value { number = value }
        told[index] = Told(
            version: version, number: number, isGood: reading.isGood, at: now.monotonic, isDue: false)
        dueCount -= 1
        valuesSent += 1
        return message.byteCount
    }

    /// The last measurement with its own time; quality says whether it may be trusted.
    private mutating func render(_ reading: Reading, factor: Double, at now: Moment) -> [UInt8] {
        writer.clear()
        writer.beginObject()
        writer.key("value")
        var isTrusted = reading.isGood
        if case .number(let number) = reading.value, number.isFinite {
            // A converted number is cut at a millionth: 23.400000000000002 helps nobody.
            writer.value(factor == 1 ? number : (number * factor * 1e6).rounded() / 1e6)
        } else {
            writer.null()
            isTrusted = false
        }
        writer.field("timestamp", (reading.measured?.wall ?? now.wall).milliseconds)
        writer.field("quality", isTrusted ? 1 : 0)
        writer.endObject()
        return writer.bytes
    }
}
