import Foundation
import Platform
import Site
import Testing

@testable import Upstream

/// Keys made by the openssl command, as a foreign hand would make them.
struct KeyPair {
    let folder: URL
    let signer: SigningKey
    let jwks: String

    init(_ kind: String, keyID: String) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-key-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let pem = folder.appendingPathComponent("key.pem").path
        let options =
            kind == "EC"
            ? ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
            : ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        _ = try run(["openssl", "genpkey"] + options + ["-out", pem])
        signer = try SigningKey.load(pem, keyID: keyID)
        let der = folder.appendingPathComponent("key.der").path
        _ = try run(["openssl", "pkey", "-in", pem, "-pubout", "-outform", "DER", "-out", der])
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: der)))
        func text(_ part: some Collection<UInt8>) -> String {
            String(decoding: Base64URL.encode(Array(part)), as: UTF8.self)
        }
        if kind == "EC" {
            let point = bytes.suffix(64)
            jwks = """
                {"keys":[{"kty":"EC","crv":"P-256","kid":"\(keyID)","use":"sig","alg":"ES256",
                "x":"\(text(point.prefix(32)))","y":"\(text(point.suffix(32)))"}]}
                """
        } else {
            // 2048 bits: the modulus is the 256 bytes before INTEGER 65537.
            let modulus = bytes.dropLast(5).suffix(256)
            jwks = """
                {"keys":[{"kty":"RSA","kid":"\(keyID)","alg":"RS256","n":"\(text(modulus))","e":"AQAB"}]}
                """
        }
        try jwks.write(to: folder.appendingPathComponent("keys.json"), atomically: true, encoding: .utf8)
    }

    var path: String { folder.appendingPathComponent("keys.json").path }
    var pem: String { folder.appendingPathComponent("key.pem").path }
}

private let command = """
    {"targets":[{"interval":{"end_time":"2027-01-01T00:00:00Z"},"feed_tags":["main-a"],\
    "load_constraint":{"value":120,"unit":"kilowatt"},"strategy":{"best_effort":true}}]}
    """

private struct Desk {
    let time = HandTime(1_790_000_000_000)
    let isv: KeyPair
    let gate: FlexGate
    let folder: URL

    init(_ kind: String = "EC", window: ReplayWindow = ReplayWindow(path: nil)) throws {
        isv = try KeyPair(kind, keyID: "isv-1")
        folder = isv.folder
        gate = FlexGate(
            plan: FlexPlan(
                agent: "mdc7", keyFile: "", keyID: "",
                callers: [.init(role: .isv, name: "acme", keySetFile: isv.path)]),
            window: window)
    }

    func message(
        _ data: String, id: String = "7c9e6679-7425-40de-944b-e07fc1f90ae7", source: String = "//grid/v1/isv/acme",
        time: String? = nil, topic: String = "grid/v1/isv/acme/loadtarget/set"
    ) -> IncomingMessage {
        let text = """
            {"specversion":"1.0.2","id":"\(id)","source":"\(source)","type":"grid.loadtarget.set.v1",
            "time":"\(time ?? self.time.now().wall.rfc3339)","datacontenttype":"application/json",
            "subject":"loadtarget","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "correlationid":"1b4e28ba-2fa1-41d2-883f-0016d3cca427","data":\(data)}
            """
        return IncomingMessage(topic: topic, payload: Array(text.utf8))
    }

    func signed(_ payload: String = command) throws -> String {
        "\"" + (try #require(isv.signer.sign(Array(payload.utf8)))) + "\""
    }

    func refusal(_ message: IncomingMessage) -> String? {
        if case .refused(let why, _) = gate.judge(message, at: time.now()) { return why }
        return nil
    }
}

@Suite struct FlexGateTests {
    @Test(arguments: ["EC", "RSA"]) func `a signed command of a known caller passes, in watts`(kind: String) throws {
        let desk = try Desk(kind)
        let verdict = desk.gate.judge(desk.message(try desk.signed()), at: desk.time.now())
        guard case .loadTargets(let targets, let actor, let correlation, let trace) = verdict else {
            Issue.record("\(String(describing: verdict))")
            return
        }
        #expect(targets.count == 1)
        #expect(targets[0].watts == 120_000)
        #expect(targets[0].feeds == ["main-a"])
        #expect(targets[0].isBestEffort)
        #expect(targets[0].end?.rfc3339 == "2027-01-01T00:00:00.000Z")
        #expect(actor == "upstream:isv-acme")
        #expect(correlation == "1b4e28ba-2fa1-41d2-883f-0016d3cca427")
        #expect(trace.parent.contains("0af7651916cd43dd8448eb211c80319c"))
    }

    @Test func `an unsigned command is refused, although the schema admits it`() throws {
        let desk = try Desk()
        #expect(desk.refusal(desk.message(command))?.contains("not signed") == true)
    }

    @Test func `a signature by another key, or over other data, is refused`() throws {
        let desk = try Desk(), stranger = try KeyPair("EC", keyID: "isv-1")
        let forged = "\"" + (try #require(stranger.signer.sign(Array(command.utf8)))) + "\""
        #expect(desk.refusal(desk.message(forged)) == "the signature is wrong")
        var parts = try desk.signed().split(separator: ".").map(String.init)
        parts[1] = String(
            decoding: Base64URL.encode(Array(command.replacingOccurrences(of: "120", with: "999").utf8)),
            as: UTF8.self)
        #expect(desk.refusal(desk.message(parts.joined(separator: "."))) == "the signature is wrong")
    }

    @Test func `the algorithm comes from our key set, never from the header`() throws {
        let desk = try Desk()
        for header in [
            #"{"alg":"none","kid":"isv-1"}"#, #"{"alg":"HS256","kid":"isv-1"}"#, #"{"alg":"RS256","kid":"isv-1"}"#,
        ] {
            var parts = try desk.signed().split(separator: ".").map(String.init)
            parts[0] = "\"" + String(decoding: Base64URL.encode(Array(header.utf8)), as: UTF8.self)
            #expect(desk.refusal(desk.message(parts.joined(separator: ".")))?.contains("is for ES256") == true)
        }
    }

    @Test func `a replay in a fresh envelope is refused, also with the other half of the signature`() throws {
        let desk = try Desk()
        let data = try desk.signed()
        _ = desk.gate.judge(desk.message(data), at: desk.time.now())
        let again = desk.message(data, id: "11111111-2222-4333-8444-555555555555")
        #expect(desk.refusal(again)?.contains("replay") == true)
        // (r, n - s) verifies as well as (r, s): it must not pass for a new command.
        let parts = data.dropFirst().dropLast().split(separator: ".").map(String.init)
        var signature = try #require(Base64URL.decode(Array(parts[2].utf8)))
        let order: [UInt8] = [
            0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD,
            0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
        ]
        var borrow = 0
        for index in stride(from: 31, through: 0, by: -1) {
            let difference = Int(order[index]) - Int(signature[32 + index]) - borrow
            signature[32 + index] = UInt8(truncatingIfNeeded: difference)
            borrow = difference < 0 ? 1 : 0
        }
        let twisted = "\"\(parts[0]).\(parts[1])." + String(decoding: Base64URL.encode(signature), as: UTF8.self) + "\""
        #expect(
            desk.refusal(desk.message(twisted, id: "11111111-2222-4333-8444-555555555556"))?.contains("replay") == true)
    }

    @Test func `the broker's own repetition of a command is not an attack`() throws {
        let desk = try Desk()
        let message = desk.message(try desk.signed())
        _ = desk.gate.judge(message, at: desk.time.now())
        #expect(desk.gate.judge(message, at: desk.time.now()) == .repetition)
    }

    @Test func `a restart does not open the door to a replay`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-window-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("flex-accepted").path
        let first = ReplayWindow(path: path)
        first.insert([1, 2, 3])
        #expect(first.trouble == nil)
        #expect(ReplayWindow(path: path).contains([1, 2, 3]))
        #expect(!ReplayWindow(path: path).contains([1, 2, 4]))
    }

    @Test func `an old command, one whose interval is over and one on a foreign topic are refused`() throws {
        let desk = try Desk()
        #expect(
            desk.refusal(desk.message(try desk.signed(), time: "2026-09-21T00:00:00Z"))?.contains("s from ours") == true
        )
        let over = command.replacingOccurrences(of: "2027-01-01", with: "2026-01-01")
        #expect(desk.refusal(desk.message(try desk.signed(over)))?.contains("interval ended") == true)
        #expect(
            desk.refusal(desk.message(try desk.signed(), source: "//grid/v1/isv/other"))?.contains("source") == true)
        #expect(
            desk.gate.judge(desk.message("1", topic: "grid/v1/isv/other/loadtarget/set"), at: desk.time.now()) == nil)
    }

    @Test func `malformed data is refused with its fault, whatever it is`() throws {
        let desk = try Desk()
        for bad in [
            "{}", #"{"targets":[]}"#, #"{"targets":[{"interval":{}}]}"#, #"{"targets":[{"load_constraint":null}]}"#,
            #"{"targets":[{"interval":{},"load_constraint":{"value":-1,"unit":"watt"}}]}"#,
            #"{"targets":[{"interval":{},"load_constraint":{"value":1,"unit":"horse"}}]}"#,
            #"{"targets":[{"interval":{"start_time":"soon"},"load_constraint":null}]}"#, "[", "\"x\"",
        ] { #expect(desk.refusal(desk.message(try desk.signed(bad))) != nil, "\(bad)") }
        var random = SplitMix64(seed: 7)
        let good = desk.message(try desk.signed()).payload
        for _ in 0..<2000 {
            var bytes = good
            for _ in 0...(random.next() % 3) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() & 255)
            }
            if bytes == good { continue }
            _ = desk.gate.judge(
                IncomingMessage(topic: "grid/v1/isv/acme/loadtarget/set", payload: bytes), at: desk.time.now())
        }
    }
}

@Suite struct FlexVoiceTests {
    private func feed(_ watts: Double) -> PowerFeedStatus {
        let target = PowerTarget(
            id: "1b4e28ba-2fa1-41d2-883f-0016d3cca427", feeds: ["main-a"], start: WallTime(milliseconds: 0), end: nil,
            watts: watts, actor: "upstream:isv-acme")
        return PowerFeedStatus(
            tag: "main-a", minimumWatts: 0, maximumWatts: 200_000, defaultWatts: 180_000, targets: [target],
            activeTarget: target, allowedWatts: watts, calculatedWatts: watts, measuredWatts: watts * 1.3,
            isRamping: true, lastTransition: .startRampDown, eventStart: WallTime(milliseconds: 5))
    }

    @Test func `states and breaches conform to DSX Flex, signed, and follow the command's trace`() throws {
        let key = try KeyPair("EC", keyID: "mdc7-1")
        let plan = FlexPlan(agent: "mdc7", keyFile: key.pem, keyID: "mdc7-1", callers: [])
        let voice = FlexVoice(plan: plan, site: "mdc7")
        let trace = TraceContext(parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", state: "a=1")
        voice.remember(trace, "1b4e28ba-2fa1-41d2-883f-0016d3cca427")
        let now = HandTime().now()
        let feed = feed(100_000)
        var breach = PowerBreach(
            id: UUIDText.make(), feed: "main-a", state: .active, isCritical: true, detected: now.wall,
            target: feed.targets[0], measuredWatts: 130_000)
        let capture = Capture()
        var messages = [
            voice.powerState([feed], isPeriodic: false, key: key.signer, at: now),
            voice.powerState([feed], isPeriodic: true, key: key.signer, at: now),
            voice.breach(breach, key: key.signer, at: now),
        ]
        breach.state = .escalated
        messages.append(voice.breach(breach, key: key.signer, at: now))
        breach.state = .resolved
        breach.resolved = now.wall
        messages.append(voice.breach(breach, key: key.signer, at: now))
        for message in messages { _ = capture.publish(try #require(message)) }
        let first = try JSON.parse(try #require(messages[0]).payload)
        #expect(first["traceparent"]?.string?.contains("0af7651916cd43dd8448eb211c80319c") == true)
        #expect(first["tracestate"]?.string == "a=1")
        #expect(messages.compactMap { $0?.qos } == [1, 1, 2, 2, 2])
        let signed = try SignedText(try #require(first["data"]?.string))
        try signed.check(try KeySet(json: Array(key.jwks.utf8)))
        guard FileManager.default.fileExists(atPath: validator.path) else { return }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-flex-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(capture.lines).write(to: file)
        let (code, output) = try run(["python3", validator.path, file.path])
        #expect(code == 0, "\(output)")
        #expect(output.contains("5 Flex"))
    }

    @Test func `a transition is told at once, and again only on the cadence`() throws {
        let key = try KeyPair("EC", keyID: "k")
        let plan = FlexPlan(agent: "mdc7", keyFile: key.pem, keyID: "k", callers: [], statusEvery: .seconds(60))
        let desk = FlexDesk(plan: plan, site: "mdc7", stateFolder: nil), time = HandTime()
        var outbox = Outbox(), feeds = [feed(100_000)]
        desk.take(feeds, into: &outbox, at: time.now())
        desk.turn(feeds, into: &outbox, at: time.now())
        #expect(outbox.count == 1)
        feeds[0].lastTransition = .endRampDown
        feeds[0].isRamping = false
        desk.take(feeds, into: &outbox, at: time.now())
        feeds[0].measuredWatts = 1
        desk.take(feeds, into: &outbox, at: time.now())
        desk.turn(feeds, into: &outbox, at: time.now())
        #expect(outbox.count == 2)
        time.pass(.seconds(61))
        desk.turn(feeds, into: &outbox, at: time.now())
        #expect(outbox.count == 3)
    }

    @Test func `a broker that drops us on QoS 2 gets QoS 1, and the message still arrives`() {
        var outbox = Outbox()
        let sink = RecordingSink()
        outbox.add(OutgoingMessage(topic: "breach", payload: [1], qos: 2))
        _ = outbox.sendNext(to: sink)
        outbox.disconnected()
        _ = outbox.sendNext(to: sink)
        #expect(sink.messages.map(\.qos) == [2, 1])
        outbox.acknowledge([2])
        #expect(outbox.count == 0)
    }
}

@Suite struct Base64URLTests {
    @Test func `what is encoded decodes to the same, and there is one text for each content`() {
        var random = SplitMix64(seed: 3)
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8(random.next() & 255) }
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
        #expect(Base64URL.decode(Array("QQ".utf8)) == [0x41])
        for bad in ["QR", "Q", "QQ==", "Q+Q", "Q/Q", "Q Q"] { #expect(Base64URL.decode(Array(bad.utf8)) == nil) }
    }
}

@Suite struct ReplayWindowTests {
    @Test func `a folder that takes nothing is named, and named no more when it does`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-window-\(UUID().uuidString)")
        let window = ReplayWindow(path: folder.appendingPathComponent("flex-accepted").path)
        window.insert([1])
        #expect(window.trouble?.contains("flex-accepted") == true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        window.insert([2])
        #expect(window.trouble == nil)
        // What could not be written then is still known now, and written with the next.
        #expect(window.contains([1]))
        #expect(ReplayWindow(path: folder.appendingPathComponent("flex-accepted").path).contains([1]))
    }

    @Test func `it stays small however many commands come, and keeps the newest`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-window-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("flex-accepted").path
        func digest(_ number: Int) -> [UInt8] { sha256([UInt8(number & 255), UInt8(number >> 8)]) }
        let window = ReplayWindow(path: path)
        let count = ReplayWindow.capacity * 2 + 100
        for number in 0..<count { window.insert(digest(number)) }
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        let bytes = try #require(size)
        #expect(bytes < (ReplayWindow.capacity + 200) * 65)
        let again = ReplayWindow(path: path)
        let oldest: Int = count - ReplayWindow.capacity
        let missing = (oldest..<count).filter { (number: Int) -> Bool in !again.contains(digest(number)) }
        #expect(missing.isEmpty)
        #expect(!again.contains(digest(0)))
    }
}
