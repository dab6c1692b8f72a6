import Glibc
import Journal
import Platform
import Site
import Synchronization

/// A process that writes a journal until it is killed, and one that kills it: neither is shipped.
///
///     journal-writer write FOLDER            events without end; each acknowledged one as a line on standard output
///     journal-writer kill FOLDER ROUNDS SEED kills a writer ROUNDS times at random moments and checks what is left
@main
enum Main {
    static func main() {
        let words = CommandLine.arguments
        switch (words.dropFirst().first, words.count) {
        case ("write", 3): write(words[2])
        case ("kill", 5):
            exit(KillTest(folder: words[2], rounds: Int(words[3]) ?? 0, seed: UInt64(words[4]) ?? 0).run())
        default:
            print("usage: journal-writer write FOLDER | kill FOLDER ROUNDS SEED")
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
}
