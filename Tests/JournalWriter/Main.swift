import Glibc
import Journal
import Platform
import Site
import Synchronization

/// A process that writes a journal until it is killed, and one that kills it: neither is shipped.
///
///     journal-writer write FOLDER            events without end; each acknowledged one as a line on standard output
///     journal-writer days FOLDER MINUTES END EVENTS   as many minutes up to END (epoch ms) in simulated time, with
///                                            the history of the points named on standard input
///     journal-writer kill FOLDER ROUNDS SEED kills a writer ROUNDS times at random moments and checks what is left
@main
enum Main {
    static func main() {
        let words = CommandLine.arguments
        switch (words.dropFirst().first, words.count) {
        case ("write", 3): write(words[2])
        case ("days", 6):
            days(words[2], Int64(words[3]) ?? 0, Int64(words[4]) ?? 0, Int64(words[5]) ?? 0)
        case ("kill", 5):
            exit(KillTest(folder: words[2], rounds: Int(words[3]) ?? 0, seed: UInt64(words[4]) ?? 0).run())
        default:
            print("usage: journal-writer write FOLDER | days FOLDER MINUTES END EVENTS | kill FOLDER ROUNDS SEED")
            exit(64)
        }
    }

    private static func write(_ folder: String) {
        var plan = JournalPlan(folder: folder)
        plan.checkpointEvery = 50
        let acknowledged = Atomic<Int>(0)
        guard
            let room = try? JournalRoom(
                plan: plan, time: SystemTime(),
                committed: { committed in
                    guard committed.isDurable else { exit(3) }
                    var lines = ""
                    for event in committed.events { lines += "\(event.sequence) \(event.id)\n" }
                    let bytes = Array(lines.utf8)
                    _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(1, $0.baseAddress, $0.count) }
                    acknowledged.wrappingAdd(committed.events.count, ordering: .relaxed)
                })
        else { exit(2) }
        guard (try? room.start()) != nil else { exit(2) }
        var sent = 0
        while true {
            // Batches of one and of many, as a quiet and a stormy container would write them.
            let batch = 1 + sent % 37
            let now = SystemTime().now()
            room.append(
                (0..<batch).map { n in
                    EventDraft(
                        time: now, kind: .busChanged, severity: .notice, subject: "bus\(n).unit",
                        text: "number \(sent + n)",
                        evidence: [Evidence("bus\(n).answer", "none")])
                }, memory: Array("{\"sent\":\(sent)}".utf8))
            sent += batch
            while sent - acknowledged.load(ordering: .relaxed) > 500 { usleep(200) }
        }
    }

    /// A clock that the writer moves, a minute at a time.
    private final class MovedTime: TimeSource {
        private let moment: Mutex<Moment>
        init(_ wall: Int64) {
            moment = Mutex(Moment(monotonic: MonotonicTime(nanoseconds: 0), wall: WallTime(milliseconds: wall)))
        }
        func now() -> Moment { moment.withLock { $0 } }
        func pass(_ span: Nanoseconds) { moment.withLock { $0 = $0.advanced(by: span) } }
    }

    private static func days(_ folder: String, _ minutes: Int64, _ end: Int64, _ events: Int64) {
        var names: [String] = []
        while let name = readLine() { names.append(name) }
        let time = MovedTime(end - minutes * 60_000 + 30_000)
        guard
            let room = try? JournalRoom(
                plan: JournalPlan(folder: folder),
                points: PointTable(names.map { PointDefinition(name: $0, unit: .watts) }), time: time),
            (try? room.start()) != nil
        else { exit(2) }
        var made: Int64 = 0
        for minute in 0..<minutes {
            let now = time.now()
            room.record(
                names.indices.map { index in
                    HistorySample(
                        point: PointID(index), wall: now.wall, number: Double((minute * 7 + Int64(index)) % 1000),
                        quality: .good)
                })
            var drafts: [EventDraft] = []
            while made < events * (minute + 1) / minutes {
                drafts.append(
                    EventDraft(
                        time: now, kind: .busChanged, severity: made % 50 == 0 ? .major : .notice, subject: "bus.unit",
                        text: "number \(made) of an outage"))
                made += 1
            }
            let ticket = room.append(drafts)
            while room.durableTicket < ticket { usleep(20) }
            time.pass(.seconds(60))
        }
        room.stop()
    }
}
