import Foundation
import Glibc
import HTTP
import Platform
import Site
import Synchronization
import Testing

@testable import Status

@Suite struct AccessTests {
    final class Clock: Sendable {
        let now = Mutex(MonotonicTime(nanoseconds: 1_000_000_000))
        func advance(_ span: Nanoseconds) { now.withLock { $0 = $0 + span } }
    }

    static func peer(_ last: UInt64) -> Peer { Peer(way: .tcp(high: 0, low: 0xFFFF_0A00_0000 | last), listener: 0) }

    static func gate(_ clock: Clock) -> AccessGate {
        let gate = AccessGate { clock.now.withLock { $0 } }
        gate.replace(
            UserFile(users: [
                .init(name: "kim", authority: .technician, password: PasswordHash.make("right")),
                .init(name: "card", authority: .engineer, password: nil),
            ]))
        return gate
    }

    @Test func `a hash is its password's alone and survives being written down`() throws {
        let hash = try #require(PasswordHash.make("correct horse"))
        #expect(hash.matches("correct horse"))
        #expect(!hash.matches("correct horsf"))
        #expect(PasswordHash(text: hash.text) == hash)
        #expect(PasswordHash.make("correct horse") != hash)
        #expect(PasswordHash(text: "scrypt$40$8$1$00112233445566778899$00") == nil)
    }

    @Test func `scrypt is RFC 7914's`() throws {
        // Section 12: password "pleaseletmein", salt "SodiumChloride", N 16384, r 8, p 1; the first 32 bytes.
        let salt = Array("SodiumChloride".utf8).map { String(format: "%02x", $0) }.joined()
        let hash = "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        let known = try #require(PasswordHash(text: "scrypt$14$8$1$\(salt)$\(hash)"))
        #expect(known.matches("pleaseletmein"))
    }

    @Test func `the right password is let in, and remembered without another slow check`() {
        let clock = Clock()
        let gate = Self.gate(clock)
        let kim = AccessGate.Verdict.known(Actor("kim@tls", .technician))
        for _ in 0..<100 { #expect(gate.check("kim", "right", from: Self.peer(1)) == kim) }
        gate.replace(UserFile())
        clock.advance(.seconds(1))
        #expect(gate.check("kim", "right", from: Self.peer(1)) == .wrong)
    }

    @Test func `five wrong passwords lock their address out, longer each time, and nobody else`() {
        let clock = Clock()
        let gate = Self.gate(clock)
        for _ in 0..<5 {
            #expect(gate.check("kim", "wrong", from: Self.peer(1)) == .wrong)
            clock.advance(.seconds(1))
        }
        #expect(gate.check("kim", "right", from: Self.peer(1)) == .later(29))
        #expect(gate.check("kim", "right", from: Self.peer(2)) == .known(Actor("kim@tls", .technician)))
        clock.advance(.seconds(30))
        #expect(gate.check("kim", "wrong", from: Self.peer(1)) == .wrong)
        #expect(gate.check("kim", "right", from: Self.peer(1)) == .later(60))
    }

    @Test func `checks are so slow that only two a second are made`() {
        let clock = Clock()
        let gate = Self.gate(clock)
        #expect(gate.check("kim", "a", from: Self.peer(1)) == .wrong)
        #expect(gate.check("kim", "b", from: Self.peer(2)) == .wrong)
        #expect(gate.check("kim", "c", from: Self.peer(3)) == .later(1))
        clock.advance(.seconds(1))
        #expect(gate.check("kim", "right", from: Self.peer(3)) == .known(Actor("kim@tls", .technician)))
    }

    @Test func `who has no password cannot come with one`() {
        let gate = Self.gate(Clock())
        #expect(gate.check("card", "", from: Self.peer(1)) == .wrong)
        #expect(gate.certificate("card") == Actor("card@tls", .engineer))
        #expect(gate.certificate("stranger") == Actor("stranger@tls", .viewer))
    }

    @Test func `the table of addresses does not grow with them`() {
        var table = SourceTable()
        for index in 0..<10_000 {
            table.failed(Self.peer(UInt64(index)), at: MonotonicTime(nanoseconds: Int64(index)))
        }
        #expect(table.count <= SourceTable.sourcesMax)
    }

    @Test func `an address has a burst of requests and then a rate`() {
        var table = SourceTable()
        var now = MonotonicTime(nanoseconds: 1)
        var admitted = 0
        for _ in 0..<1000 where table.admit(Self.peer(1), at: now) { admitted += 1 }
        #expect(admitted == 300)
        now = now + .seconds(1)
        admitted = 0
        for _ in 0..<1000 where table.admit(Self.peer(1), at: now) { admitted += 1 }
        #expect((99...101).contains(admitted))
        let other = table.admit(Self.peer(2), at: now)
        #expect(other)
    }

    @Test(arguments: [
        ("kim technician", "expected NAME"), ("kim boss -", "not one of"), ("k/m viewer -", "no name"),
        ("kim viewer scrypt$1", "not one that"), ("kim viewer -\nkim viewer -", "twice"),
        ("kim upstream -", "not one of"),
    ]) func `a faulty line is named with its place`(text: String, fault: String) {
        #expect {
            try UserFile.parse("# comment\n" + text, "users")
        } throws: { error in
            "\(error)".hasPrefix("users:") && "\(error)".contains(fault)
        }
    }

    @Test func `a file of users that others may read is refused`() throws {
        let path = NSTemporaryDirectory() + "mdc-users-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = UserFile(users: [.init(name: "kim", authority: .viewer, password: PasswordHash.make("x"))])
        try file.write(path)
        #expect(try UserFile.read(path) == file)
        unsafe chmod(path, 0o640)
        #expect(throws: UserFile.Fault.self) { try UserFile.read(path) }
    }

    @Test func `base64 is read strictly`() {
        #expect(bytes(base64: "a2ltOnJpZ2h0") == Array("kim:right".utf8))
        #expect(bytes(base64: "YQ==") == Array("a".utf8))
        for bad in ["YQ=", "YQ", "Y===", "YQ=a", "Y Q="] { #expect(bytes(base64: bad) == nil, "\(bad)") }
    }

    @Test func `over TLS a stranger is asked who he is, a technician may act, a certificate is made`() throws {
        let folder = NSTemporaryDirectory() + "mdc-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let users = UserFile(users: [
            .init(name: "kim", authority: .technician, password: PasswordHash.make("right")),
            .init(name: "lee", authority: .viewer, password: PasswordHash.make("right")),
        ])
        try users.write(folder + "/users")
        let plan = StatusPlan(
            listen: [],
            secure: SecurePlan(
                listen: [StatusPlan.Address(host: "127.0.0.1", port: 0)], users: folder + "/users"))
        let room = try StatusRoom(
            plan: plan, socketPath: nil, stateFolder: folder,
            actions: ["arm": { call in call.answer { $0.value(call.actor.name) } }])
        #expect(room.faults == [])
        try room.start()
        defer { room.stop() }
        room.publish(Samples.snapshot())
        #expect(room.fingerprint?.count == 95)
        let address = "https://127.0.0.1:\(room.listeners[0].port)"
        let trust = ["--cacert", folder + "/tls-certificate.pem"]
        #expect(try curl(trust + ["-w", "%{http_code}", "-o", "/dev/null", address + "/v1/status"]) == "401")
        #expect(try curl(trust + [address + "/healthz"]) == "{\"status\":\"ok\"}\n")
        #expect(try curl(trust + ["-u", "kim:right", address + "/v1/alarms"]).contains("mains-lost"))
        let act = trust + ["-H", "Content-Type: application/json", "-d", "{}", address + "/v1/actions/arm"]
        #expect(try curl(["-u", "kim:right"] + act) == "\"kim@tls\"")
        #expect(try curl(["-u", "lee:right", "-w", "%{http_code}", "-o", "/dev/null"] + act) == "403")
        let form = trust + ["-u", "kim:right", "-d", "{}", "-w", "%{http_code}", "-o", "/dev/null"]
        #expect(try curl(form + [address + "/v1/actions/arm"]) == "415")
        // The same pair again at the next start, a new one when somebody puts it there.
        let before = try String(contentsOfFile: folder + "/tls-certificate.pem", encoding: .utf8)
        _ = try StatusRoom(plan: plan, socketPath: nil, stateFolder: folder)
        #expect(try String(contentsOfFile: folder + "/tls-certificate.pem", encoding: .utf8) == before)
        #expect(room.reload() == [])
        try "rubbish".write(toFile: folder + "/tls-certificate.pem", atomically: true, encoding: .utf8)
        #expect(room.reload().count == 1)
        try before.write(toFile: folder + "/tls-certificate.pem", atomically: true, encoding: .utf8)
        #expect(try curl(trust + [address + "/healthz"]) == "{\"status\":\"ok\"}\n")
    }

    func curl(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        process.arguments = ["-s", "--max-time", "20"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
