import Foundation
import Glibc
import Platform
import Site
import Testing

@testable import Accelerators
@testable import Inference
@testable import Profiles
@testable import Simulator
@testable import Upstream

/// Every parser of bytes that others wrote, beside those of HTTP and Modbus, which are fuzzed in their rooms over
/// sockets and wires.
@Suite struct FuzzTests {
    struct Wrong: Error, CustomStringConvertible { let description: String }

    // MARK: - The kernel's

    @Test func `sysfs: any text is a finite number, a known state or malformed`() throws {
        let states = [
            AcceleratorAttribute.State(value: "1", code: 1, text: "alive", health: .ok, action: .observe),
            AcceleratorAttribute.State(value: "in reset", code: 2, text: "reset", health: .failed, action: .reset),
        ]
        let parsers: [AcceleratorAttribute.Parser] = [
            .integer, .leadingNumber, .text, .state, .keyed("TOTAL_ERR_COR"), .sumExcept(["AXI Doorbell done"]), .mean,
            .largest, .column(1), .column(3), .starred, .isFilled, .answersOnBus,
        ]
        let ready = parsers.map { parser in
            AttributeParser(
                AcceleratorAttribute(point: "x", source: .file("x"), parser: parser, scale: 0.001, states: states),
                version: [1, 0])
        }
        try Fuzz("sysfs").run { bytes in
            for parser in ready {
                if case .number(let number) = parser.parse(bytes.span), !number.isFinite {
                    throw Wrong(description: "\(number) is no number")
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            _ = VersionRange.numbers(text)
            _ = VersionRange(text)
            _ = isPCIAddress(text)
            _ = Accelerators.matches(text, pattern: "rngd!npu*mgmt")
        }
    }

    @Test func `kernel log: any record is read to its end, and no line stalls the patterns`() throws {
        let layouts = HardwareLibrary.load(Fuzz.repository + "/Hardware", FaultCollector()).accelerators
        var patterns: [AcceleratorLayout.LogPattern] = []
        for pattern in layouts.flatMap(\.kernelLog) where !patterns.contains(pattern) { patterns.append(pattern) }
        let matchers = patterns.map(LogPatternMatcher.init)
        let path = NSTemporaryDirectory() + "mdc-fuzz-kmsg-\(getpid()).log"
        try Data().write(to: URL(fileURLWithPath: path))
        defer { unsafe unlink(path) }
        var log = try KernelLog(path)
        let file = try #require(FileHandle(forWritingAtPath: path))
        try Fuzz("kmsg", rounds: 1000).run { bytes in
            try file.truncate(atOffset: 0)
            try file.write(contentsOf: bytes)
            lseek(log.descriptor.raw, 0, SEEK_SET)
            log.readNew { line in for matcher in matchers { _ = matcher.match(line) } }
        }
    }

    @Test func `hot-plug messages: any datagram is heard or let pass`() throws {
        var ends: [Int32] = [-1, -1]
        let made = unsafe socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends)
        try #require(made == 0)
        var uevents = Uevents(FileDescriptor(owning: ends[0]))
        let kernel = FileDescriptor(owning: ends[1])
        try Fuzz("uevent").run { bytes in
            // The corpus is text: a line there is a field here.
            let message = bytes.map { $0 == 10 ? 0 : $0 }
            _ = unsafe message.withUnsafeBytes { unsafe send(kernel.raw, $0.baseAddress, min($0.count, 60_000), 0) }
            _ = uevents.drain()
        }
    }

    // MARK: - People's

    @Test func `YAML: every file is read, or refused with a position`() throws {
        try Fuzz("yaml").run { bytes in
            let faults = FaultCollector()
            let node = YAMLReader.read(bytes, file: "fuzz.yaml", faults)
            if node == nil, faults.faults.isEmpty { throw Wrong(description: "refused without a word") }
            for fault in faults.faults where fault.position.line < 1 || fault.position.column < 1 {
                throw Wrong(description: "a fault at \(fault.position)")
            }
        }
    }

    /// A profile of every kind, bent: its shape reads it or says what is wrong.
    @Test(arguments: ["equipment", "accelerators", "wiring", "sites", "model"])
    func `profiles: what YAML accepts, the shapes accept or refuse`(_ kind: String) throws {
        let hardware = Fuzz.repository + "/Hardware"
        let library = HardwareLibrary.load(hardware, FaultCollector())
        let folder = hardware + "/" + kind
        let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
            .filter { $0.hasSuffix(".yaml") }.map { folder + "/" + $0 }
        try Fuzz(kind == "model" ? "model" : "yaml", more: files, rounds: 250).run { bytes in
            let faults = FaultCollector()
            guard let node = YAMLReader.read(bytes, file: "fuzz.yaml", faults) else { return }
            switch kind {
            case "equipment": _ = Shape.equipment(name: "fuzz").read(node, faults)
            case "accelerators": _ = Shape.acceleratorLayout("fuzz").read(node, faults)
            case "wiring": _ = Shape.wiring("fuzz").read(node, faults)
            case "model": _ = Shape.model.read(node, faults)
            default:
                if let plan = Shape.site(library).read(node, faults) { faults.check(whole: plan) }
            }
        }
    }

    // MARK: - Upstream's and clients'

    @Test func `JSON: what is accepted is written out and read back the same`() throws {
        try Fuzz("json").run { bytes in
            guard let tree = try? JSON.parse(bytes) else { return }
            var writer = ByteWriter()
            writer.value(json: tree)
            guard try JSON.parse(writer.bytes) == tree else { throw Wrong(description: "reads back otherwise") }
            _ = try? LaneMessage.decode(bytes)
            _ = try? EnginePlan.decode(bytes)
        }
    }

    @Test func `signed commands: any bytes are a refusal, never a crash and never a valid signature`() throws {
        let keys = try KeySet(json: [UInt8](try Data(contentsOf: URL(fileURLWithPath: Fuzz.corpus + "/jws/keys.json"))))
        try Fuzz("jws").run { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            if let signed = try? SignedText(text), (try? signed.check(keys)) != nil {
                throw Wrong(description: "a signature that nobody made is valid")
            }
            _ = try? KeySet(json: bytes)
            if let decoded = Base64URL.decode(bytes), Base64URL.encode(decoded) != bytes {
                throw Wrong(description: "two texts for one content")
            }
        }
    }

    @Test func `command envelopes: any bytes are read or refused`() throws {
        try Fuzz("envelope").run { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            _ = try? FlexEnvelope(bytes)
            _ = WallTime(rfc3339: text)
            _ = TraceContext.isWellFormed(text)
            _ = UUIDText.isWellFormed(text)
        }
    }

    @Test func `an instructor's words are understood or refused`() throws {
        try Fuzz("instructor").run { bytes in _ = try? Command.parse(String(decoding: bytes, as: UTF8.self)) }
    }
}
