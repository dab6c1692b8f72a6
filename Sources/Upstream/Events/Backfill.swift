internal import Journal
internal import Platform
internal import Site

/// Tells afterwards what was measured while no broker was there: a minute at a time, oldest first, behind
/// every event, on a topic of its own, so that an old value never looks live. What is still to be told
/// stands in a file, for a restart in the middle of an outage.
struct Backfill {
    /// Minutes from the first up to, not including, the second. Nil: the outage lasts.
    struct Gap: Equatable {
        var from: Int64
        var to: Int64?
    }

    /// Messages that wait for their acknowledgement: a minute of 500 points has 40 KiB.
    static let inFlightMax = 4
    /// The history writes a minute within some ten seconds of its end.
    static let settledAfter = Nanoseconds.seconds(30)
    static let gapsMax = 64
    /// Minutes without a reading that one look passes over: a week of them is over in half a minute, and no
    /// look takes longer than reading one that is full.
    static let silentMinutesMax = 32

    private let names: [String]
    private let units: [String: String]
    private let site: String
    private let feed: any HistoryFeed
    private var file: StateFile
    private(set) var gaps: [Gap] = []
    private var next: Int64?
    private var inFlight: [(number: Int32, minute: Int64)] = []
    private var writer = ByteWriter(capacity: 65_536)

    init(
        plan: BackfillPlan, site: String, table: PointTable, feed: any HistoryFeed, stateFolder: String?, now: WallTime
    ) {
        let patterns = plan.patterns.map(NamePattern.init)
        let chosen = table.definitions.filter { point in
            point.kind != .text && patterns.contains { $0.matches(point.name) }
        }
        names = chosen.map(\.name)
        units = Dictionary(chosen.map { ($0.name, $0.unit.rawValue) }) { first, _ in first }
        self.site = site
        self.feed = feed
        file = StateFile(stateFolder.map { $0 + "/backfill" })
        load()
        // Until a broker is found this is an outage like any other.
        begin(at: now)
    }

    private static func minute(_ time: WallTime) -> Int64 { time.milliseconds / 60_000 }

    // MARK: - Gaps

    private mutating func begin(at now: WallTime) {
        if gaps.last.map({ $0.to == nil }) ?? false { return }
        gaps.append(Gap(from: Backfill.minute(now), to: nil))
        // Too many pieces: the oldest two become one, and what lies between is told although it was told live.
        if gaps.count > Backfill.gapsMax {
            gaps[0].to = gaps[1].to
            gaps.remove(at: 1)
        }
        save()
    }

    mutating func connected(at now: WallTime) {
        guard let last = gaps.indices.last, gaps[last].to == nil else { return }
        gaps[last].to = Backfill.minute(now) + 1
        // A break within one minute is bridged by the values that are told again at every connection.
        if gaps[last].from + 1 >= Backfill.minute(now) + 1 { gaps.removeLast() }
        save()
    }

    mutating func disconnected(at now: WallTime) {
        if let told = inFlight.first?.minute ?? next, let first = gaps.indices.first {
            gaps[first].from = min(told, gaps[first].to ?? told)
        }
        inFlight.removeAll()
        next = nil
        begin(at: now)
    }

    /// Minutes of past outages that are still to be told.
    var minutesLeft: Int {
        let told = next ?? gaps.first?.from ?? 0
        return gaps.reduce(0) { sum, gap in sum + Int(max(0, (gap.to ?? gap.from) - max(gap.from, told))) }
    }

    // MARK: - Sending

    /// The next minute that has been written: how many bytes it took, nil when there is none or no room.
    mutating func sendNext(to sink: some MessageSink, at now: WallTime) -> Int? {
        var silent = 0
        while inFlight.count < Backfill.inFlightMax, silent < Backfill.silentMinutesMax, let gap = gaps.first,
            let end = gap.to
        {
            let minute = next ?? gap.from
            if minute >= end {
                if !inFlight.isEmpty { return nil }
                gaps.removeFirst()
                next = nil
                save()
                continue
            }
            if (minute + 1) * 60_000 + Backfill.settledAfter.wholeMilliseconds > now.milliseconds { return nil }
            let readings = feed.minute(minute, of: names)
            if readings.isEmpty {
                next = minute + 1
                silent += 1
                continue
            }
            let message = render(minute, readings)
            guard let number = sink.publish(message) else { return nil }
            inFlight.append((number, minute))
            next = minute + 1
            return message.byteCount
        }
        return nil
    }

    mutating func acknowledge(_ numbers: [Int32]) {
        if inFlight.isEmpty || numbers.isEmpty { return }
        inFlight.removeAll { numbers.contains($0.number) }
        guard let first = gaps.indices.first else { return }
        let told = inFlight.first?.minute ?? next ?? gaps[first].from
        // Once in an hour of history is often enough: a crash repeats at most that.
        if told / 60 != gaps[first].from / 60 {
            gaps[first].from = told
            save()
        }
    }

    private mutating func render(_ minute: Int64, _ readings: [HistoryMinute]) -> OutgoingMessage {
        writer.clear()
        writer.beginObject()
        writer.field("specversion", "1.0")
        writer.field("id", "\(site)-backfill-\(minute)")
        writer.field("source", "//mdc/\(site)")
        writer.field("type", "mdc.backfill.v1")
        writer.field("time", WallTime(milliseconds: minute * 60_000).rfc3339)
        writer.field("datacontenttype", "application/json")
        writer.beginObject("data")
        writer.field("from", minute * 60_000)
        writer.field("to", (minute + 1) * 60_000)
        writer.beginObject("points")
        for reading in readings {
            writer.key(string: reading.name)
            writer.beginObject()
            writer.field("minimum", reading.minimum)
            writer.field("mean", reading.mean)
            writer.field("maximum", reading.maximum)
            writer.field("count", reading.count)
            writer.field("unit", units[reading.name])
            writer.endObject()
        }
        writer.endObject()
        writer.endObject()
        writer.endObject()
        return OutgoingMessage(topic: "mdc/v1/\(site)/backfill", payload: writer.bytes, qos: 1)
    }

    // MARK: - The file

    /// Lines of "from to", the last without "to" while the outage lasts.
    private mutating func load() {
        for line in file.read().split(separator: 0x0A) {
            let numbers = line.split(separator: 0x20).map { Int64(String(decoding: $0, as: UTF8.self)) }
            guard let from = numbers.first ?? nil else { continue }
            gaps.append(Gap(from: from, to: numbers.count > 1 ? numbers[1] : nil))
        }
        // Only the last can be open.
        gaps = gaps.enumerated().compactMap { $1.to != nil || $0 == gaps.count - 1 ? $1 : nil }
    }

    private mutating func save() {
        file.write(gaps.map { gap in gap.to.map { "\(gap.from) \($0)\n" } ?? "\(gap.from)\n" }.joined())
    }

    var trouble: String? { file.trouble.map { "what is to be told afterwards cannot be kept: \($0)" } }
}
