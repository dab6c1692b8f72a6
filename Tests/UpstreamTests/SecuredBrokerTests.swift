import Foundation
import Platform
import Site
import Testing

@testable import Upstream

/// Certificates of a little authority, made by the openssl command.
private struct Authority {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-ca-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=test authority", "-keyout", path("ca.key"), "-out", path("ca.pem"),
        ])
    }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    func issue(_ name: String, address: String? = nil) throws {
        try openssl([
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)", "-keyout",
            path("\(name).key"), "-out", path("\(name).csr"),
        ])
        let extensions = address.map { "subjectAltName=IP:\($0)\n" } ?? "keyUsage=digitalSignature\n"
        try extensions.write(toFile: path("\(name).ext"), atomically: true, encoding: .utf8)
        try openssl([
            "x509", "-req", "-in", path("\(name).csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
            "-CAcreateserial", "-days", "2", "-extfile", path("\(name).ext"), "-out", path("\(name).pem"),
        ])
    }

    private func openssl(_ arguments: [String]) throws {
        let (code, output) = try run(["openssl"] + arguments)
        if code != 0 { throw Failure(text: output) }
    }

    struct Failure: Error { let text: String }
}

private func room(_ broker: BrokerPlan) throws -> UpstreamRoom {
    try UpstreamRoom(
        site: "mdc7", plan: UpstreamPlan(brokers: [broker]), board: Board(PointTable([])), time: SystemTime(),
        events: Mailbox(capacity: 100), feed: FakeFeed(), requests: Mailbox(capacity: 10))
}

private func eventually(_ check: () -> Bool) -> Bool {
    let deadline = SystemTime.monotonic + .seconds(30)
    while SystemTime.monotonic < deadline {
        if check() { return true }
        usleep(20_000)
    }
    return check()
}

@Suite(.serialized, .enabled(if: LiveBroker.isInstalled(.mosquitto), "mosquitto is not installed"))
struct SecuredBrokerTests {
    @Test func `broker and container prove to each other who they are, and a stranger's broker is refused`() throws {
        let authority = try Authority(), stranger = try Authority()
        try authority.issue("broker", address: "127.0.0.1")
        try authority.issue("mdc7")
        let broker = try LiveBroker(
            .mosquitto,
            extra: """
                cafile \(authority.path("ca.pem"))
                certfile \(authority.path("broker.pem"))
                keyfile \(authority.path("broker.key"))
                require_certificate true
                user root
                """)
        try broker.start()
        func plan(_ authorityFile: String, _ named: Bool) -> BrokerPlan {
            BrokerPlan(
                host: "127.0.0.1", port: broker.port,
                tls: TLSPlan(
                    authorityFile: authorityFile, certificateFile: named ? authority.path("mdc7.pem") : nil,
                    keyFile: named ? authority.path("mdc7.key") : nil))
        }
        let known = try room(plan(authority.path("ca.pem"), true))
        try known.start()
        #expect(eventually { known.status.value.isConnected }, "\(String(describing: known.status.value))")
        known.stop()
        for wrong in [plan(stranger.path("ca.pem"), true), plan(authority.path("ca.pem"), false)] {
            let refused = try room(wrong)
            try refused.start()
            #expect(eventually { refused.status.value.lastError != nil })
            if wrong.tls?.authorityFile != authority.path("ca.pem") {
                // Why, in words that say which file to look at.
                let why = refused.status.value.lastError
                #expect(why?.contains("certificate verify failed") == true, "\(why ?? "")")
            }
            #expect(!refused.status.value.isConnected)
            refused.stop()
        }
    }

    @Test func `password and token come from files that are read at every connection`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mdc-secret-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let passwords = folder.appendingPathComponent("passwords").path
        _ = try run(["mosquitto_passwd", "-c", "-b", passwords, "oauthtoken", "the-token"])
        _ = try run(["mosquitto_passwd", "-b", passwords, "mdc7", "the-password"])
        _ = try run(["chmod", "644", passwords])
        let broker = try LiveBroker(.mosquitto, extra: "password_file \(passwords)\nuser root", anonymous: false)
        try broker.start()
        let secret = folder.appendingPathComponent("secret").path
        try "an old one\n".write(toFile: secret, atomically: true, encoding: .utf8)
        var plan = BrokerPlan(host: "127.0.0.1", port: broker.port, tokenFile: secret)
        let token = try room(plan)
        try token.start()
        #expect(eventually { token.status.value.lastError?.contains("refused") == true })
        try "the-token\n".write(toFile: secret, atomically: true, encoding: .utf8)
        #expect(eventually { token.status.value.isConnected })
        token.stop()
        plan = BrokerPlan(host: "127.0.0.1", port: broker.port, user: "mdc7", passwordFile: secret)
        try "the-password".write(toFile: secret, atomically: true, encoding: .utf8)
        let password = try room(plan)
        try password.start()
        #expect(eventually { password.status.value.isConnected })
        password.stop()
    }

    @Test func `a secret that cannot be read is named, with the reason`() throws {
        let refused = try room(BrokerPlan(host: "127.0.0.1", port: 1, tokenFile: "/nonexistent/token"))
        try refused.start()
        #expect(eventually { refused.status.value.lastError?.contains("/nonexistent/token cannot be read") == true })
        refused.stop()
    }
}
