import Foundation
import Platform
import Testing

/// One way to throw foreign bytes at a parser: samples from the corpus as they are, then bent by a seed. A few
/// thousand each time the tests run; `MDC_FUZZ_SECONDS=60` goes on for a minute each, `MDC_FUZZ_SEED` with
/// another seed. A parser that crashes takes the test with it: what it was given last lies in `lastInput`, and
/// becomes a file of the corpus.
struct Fuzz {
    private let name: String
    private let samples: [[UInt8]]
    private let rounds: Int

    private static let environment = ProcessInfo.processInfo.environment
    private static let seconds = environment["MDC_FUZZ_SECONDS"].flatMap(Double.init)
    private static let seed = environment["MDC_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    /// More than any of these parsers takes in one piece.
    private static let inputMax = 1 << 20

    /// `folder`: below Tests/FuzzTests/Corpus. `more`: samples that lie elsewhere in the repository.
    init(_ folder: String, more paths: [String] = [], rounds: Int = 3000) throws {
        name = folder
        self.rounds = rounds
        let place = Self.corpus + "/" + folder
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place))?.sorted() ?? []
        samples = try (names.map { place + "/" + $0 } + paths).map { path in
            [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        }
        try #require(!samples.isEmpty, "no samples in \(place)")
    }

    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    static let repository = tests.deletingLastPathComponent().deletingLastPathComponent().path
    static let corpus = tests.appendingPathComponent("Corpus").path

    /// Calls `body` with each input. What it throws or does not hold is told with the input.
    func run(_ body: ([UInt8]) throws -> Void) throws {
        let trace = try LastInput(name, Self.inputMax)
        for sample in samples { try one(sample, trace, body) }
        var random = FuzzRandom(state: Self.seed)
        let end = SystemTime.monotonic + Nanoseconds(seconds: Self.seconds ?? 0)
        var round = 0
        while round < rounds || SystemTime.monotonic < end {
            round += 1
            try one(bent(&random), trace, body)
        }
        trace.close()
    }

    private func one(_ input: [UInt8], _ trace: LastInput, _ body: ([UInt8]) throws -> Void) throws {
        trace.keep(input)
        do { try body(input) } catch {
            Issue.record("\(name): \(error) for \(String(decoding: input.prefix(400), as: UTF8.self).debugDescription)")
            throw error
        }
    }

    // MARK: - Bending

    private static let nasty: [[UInt8]] =
        [
            "", "0", "-1", "99999999999999999999999999", "-9223372036854775808", "1e999", "0x", "0xffffffffffffffff",
            "nan",
            "\0", "\u{FEFF}", "\r\n", "\\u0000", "\\ud800", "\"", "'", "{", "}", "[", "]", ":", ",", "&a", "*a", "<<",
            "!!", "..",
            "/", "%", "#", "~", "|", ">", "\t", "é", "문", "🔥",
        ].map { Array($0.utf8) } + [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0x80]]

    private func bent(_ random: inout FuzzRandom) -> [UInt8] {
        var bytes = samples[random.below(samples.count)]
        for _ in 0...random.below(8) {
            let at = random.below(bytes.count + 1)
            let span = at..<min(bytes.count, at + 1 + random.below(random.below(4) == 0 ? 200 : 8))
            switch random.below(9) {
            case 0: if at < bytes.count { bytes[at] ^= UInt8(1 << random.below(8)) }
            case 1: if at < bytes.count { bytes[at] = UInt8(random.below(256)) }
            case 2: if !span.isEmpty { bytes.removeSubrange(span) }
            case 3: bytes.insert(contentsOf: bytes[span.isEmpty ? 0..<0 : span], at: at)
            case 4: bytes.insert(contentsOf: Self.nasty[random.below(Self.nasty.count)], at: at)
            case 5: if !span.isEmpty { bytes.replaceSubrange(span, with: Self.nasty[random.below(Self.nasty.count)]) }
            case 6: bytes.removeSubrange(at...)
            case 7: bytes.insert(contentsOf: piece(of: samples[random.below(samples.count)], &random), at: at)
            default:
                // Deep nesting, long words, long numbers.
                let unit = span.isEmpty ? [UInt8(random.below(256))] : Array(bytes[span])
                for _ in 0..<random.below(200) { bytes.insert(contentsOf: unit, at: at) }
            }
        }
        return bytes.count > Self.inputMax ? Array(bytes[..<Self.inputMax]) : bytes
    }

    private func piece(of bytes: [UInt8], _ random: inout FuzzRandom) -> ArraySlice<UInt8> {
        let start = random.below(bytes.count + 1)
        return bytes[start..<min(bytes.count, start + random.below(60))]
    }
}

/// SplitMix64: the same seed bends alike on every machine.
struct FuzzRandom {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }
}

/// A file in memory that outlives the process: what was given last is in it when a parser has crashed.
@safe private final class LastInput {
    private let path: String
    private let memory: UnsafeMutableRawBufferPointer

    init(_ name: String, _ byteCountMax: Int) throws {
        path = NSTemporaryDirectory() + "mdc-fuzz-\(name)-\(getpid())"
        let file = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        try #require(file >= 0)
        defer { Glibc.close(file) }
        try #require(ftruncate(file, byteCountMax + 8) == 0)
        let start = unsafe mmap(nil, byteCountMax + 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        unsafe memory = UnsafeMutableRawBufferPointer(start: start, count: byteCountMax + 8)
    }

    /// Its length in the first eight bytes, then itself.
    func keep(_ input: [UInt8]) {
        unsafe memory.storeBytes(of: UInt64(input.count), as: UInt64.self)
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[8...]).copyBytes(from: input)
    }

    func close() {
        unsafe munmap(memory.baseAddress, memory.count)
        unsafe unlink(path)
    }
}
