import Glibc
import Journal
import Platform
import Site

/// kill -9 at random moments: nothing acknowledged is lost, no chain is broken. Prints its seed.
struct KillTest {
    let folder: String
    let rounds: Int
    var seed: UInt64
    private var lastSequence: UInt64 = 0

    init(folder: String, rounds: Int, seed: UInt64) {
        self.folder = folder
        self.rounds = rounds
        self.seed = seed
    }

    func run() -> Int32 {
        var test = self
        var acknowledged = 0
        for round in 0..<rounds {
            do {
                acknowledged += try test.oneRound()
                // The whole chain is read now and then; what this round acknowledged, every time.
                if round % 20 == 19 || round == rounds - 1 { try test.verify() }
            } catch {
                print("seed \(seed), round \(round): \(error)")
                return 1
            }
        }
        print("\(rounds) kills, \(acknowledged) events acknowledged, 0 lost, chain whole (seed \(seed))")
        return 0
    }

    private mutating func random(below limit: UInt64) -> UInt64 {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (seed >> 33) % limit
    }

    private mutating func oneRound() throws -> Int {
        let (pid, output) = try spawn()
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        // The clock starts with the first acknowledgement, or the writer would be killed while it loads;
        // one round in eight it is killed in the middle of opening.
        let waits = random(below: 8) != 0
        let span = Nanoseconds.microseconds(Int64(random(below: 20_000)))
        var deadline = SystemTime.monotonic + span
        var isFirst = true
        while SystemTime.monotonic < deadline || (waits && isFirst) {
            var wait = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            if unsafe poll(&wait, 1, 1) <= 0 { continue }
            let got = unsafe read(output, &chunk, chunk.count)
            if got <= 0 { break }
            text += chunk[..<got]
            if isFirst {
                isFirst = false
                deadline = SystemTime.monotonic + span
            }
        }
        kill(pid, SIGKILL)
        // What it had said before it died counts.
        while true {
            let got = unsafe read(output, &chunk, chunk.count)
            if got <= 0 { break }
            text += chunk[..<got]
        }
        close(output)
        var status: Int32 = 0
        unsafe waitpid(pid, &status, 0)
        guard status & 0x7F == SIGKILL else { throw Failure("the writer ended by itself (status \(status))") }
        return try check(String(decoding: text, as: UTF8.self))
    }

    private mutating func check(_ text: String) throws -> Int {
        // The last line may be cut off: the writer died while it said it.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        guard let first = lines.first, let start = UInt64(first.prefix { $0 != " " }) else { return 0 }
        guard start > lastSequence else { throw Failure("event \(start) was acknowledged after \(lastSequence) was") }
        let stored = try JournalReader(folder: folder).events(.init(since: start - 1), limit: .max)
        var at = 0
        for line in lines {
            guard at < stored.count, line == "\(stored[at].sequence) \(stored[at].id)" else {
                throw Failure("acknowledged '\(line)', the journal has \(stored.dropFirst(at).first?.sequence ?? 0)")
            }
            at += 1
        }
        lastSequence = start + UInt64(lines.count) - 1
        return lines.count
    }

    private func verify() throws {
        let report = JournalVerifier.verify(folder: folder)
        if !report.isWhole { throw Failure(report.findings.map(\.description).joined(separator: "; ")) }
    }

    private func spawn() throws -> (pid: pid_t, output: Int32) {
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw Failure("pipe") }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        unsafe posix_spawn_file_actions_addclose(&actions, ends[0])
        unsafe posix_spawn_file_actions_addclose(&actions, ends[1])
        var pid: pid_t = 0
        let words = ["journal-writer", "write", folder]
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        let result = unsafe posix_spawn(&pid, "/proc/self/exe", &actions, nil, &arguments, environ)
        close(ends[1])
        guard result == 0 else { throw Failure("cannot start a writer: \(SystemError.text(of: result))") }
        return (pid, ends[0])
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ text: String) { description = text }
    }
}
