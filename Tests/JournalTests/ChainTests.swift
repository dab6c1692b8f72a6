import CSQLite
import Foundation
import Platform
import Site
import Testing

@testable import Journal

/// A hand that changes the file behind the agent's back.
private func tamper(_ folder: TemporaryFolder, _ sql: String) throws {
    let database = try Database(folder.file, .readWrite)
    try database.run(sql)
}

private func filled(_ count: Int, key: [UInt8]? = nil) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let room = try makeRoom(folder, Told(), { $0.checkpointEvery = 10 }, key: key)
    try room.start()
    room.append((0..<count).map { draft("event \($0)") })
    room.stop()
    return folder
}

/// An Ed25519 private key in PEM form: the fixed head of its PKCS #8 coding, then 32 bytes that anyone may know.
private let signingKey: [UInt8] = {
    let head: [UInt8] = [0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20]
    let text = Data(head + Array(1...32)).base64EncodedString()
    let title = "PRIVATE KEY"
    return Array("-----BEGIN \(title)-----\n\(text)\n-----END \(title)-----\n".utf8)
}()

@Suite struct ChainTests {
    @Test func `an untouched journal is whole`() throws {
        let folder = try filled(35)
        let report = JournalVerifier.verify(folder: folder.path)
        #expect(report.isWhole && report.findings.isEmpty)
        #expect(report.events == 35 && report.first == 1 && report.last == 35 && report.checkpoints > 0)
    }

    @Test(arguments: [
        "UPDATE events SET text='nothing happened' WHERE sequence=7", "UPDATE events SET wall=wall+1 WHERE sequence=7",
        "UPDATE events SET actor=NULL WHERE sequence=7", "UPDATE events SET severity=4 WHERE sequence=7",
        "UPDATE events SET evidence='[]' WHERE sequence=7", "UPDATE events SET kind='alarm.cleared' WHERE sequence=7",
    ])
    func `whatever is changed in an event is found at that event`(sql: String) throws {
        let folder = try filled(20)
        try tamper(folder, sql)
        #expect(JournalVerifier.verify(folder: folder.path).findings == [.changed(sequence: 7)])
    }

    @Test func `an event taken out is a gap, and one with a hash made to fit breaks the next`() throws {
        let folder = try filled(20)
        try tamper(folder, "DELETE FROM events WHERE sequence=7")
        #expect(JournalVerifier.verify(folder: folder.path).findings == [.gap(from: 7, to: 7)])
        let other = try filled(20)
        try tamper(other, "UPDATE events SET text='x', hash=randomblob(32) WHERE sequence=7")
        #expect(JournalVerifier.verify(folder: other.path).findings.contains(.changed(sequence: 8)))
    }

    @Test func `a tail cut off is found by the head beside the file`() throws {
        let folder = try filled(20)
        try tamper(folder, "DELETE FROM events WHERE sequence>15; DELETE FROM checkpoints")
        #expect(JournalVerifier.verify(folder: folder.path).findings == [.cut(last: 15, written: 20)])
    }

    @Test func `the whole chain calculated anew does not fit the signed checkpoints`() throws {
        let folder = try filled(30, key: signingKey)
        let signer = try #require(ChainSigner(pem: signingKey))
        let verifier = try #require(ChainVerifier(publicPEM: Array(signer.publicKeyPEM.utf8)))
        let before = JournalVerifier.verify(folder: folder.path, key: verifier)
        #expect(before.findings.isEmpty && before.signedCheckpoints > 0)
        // Somebody with the file, the format and time, but without the key.
        let forged = try TemporaryFolder()
        let room = try makeRoom(forged, Told(), { $0.checkpointEvery = 10 })
        try room.start()
        room.append((0..<30).map { draft("forged \($0)") })
        room.stop()
        try tamper(
            folder,
            "ATTACH '\(forged.file)' AS forged; DELETE FROM events; INSERT INTO events SELECT * FROM forged.events")
        #expect(!JournalVerifier.verify(folder: folder.path, key: verifier).isWhole)
        // ... and with forged checkpoints that carry the old signatures.
        try tamper(
            folder,
            "UPDATE checkpoints SET hash=(SELECT hash FROM events WHERE events.sequence=checkpoints.sequence)")
        let report = JournalVerifier.verify(folder: folder.path, key: verifier)
        #expect(report.findings.contains { if case .signature = $0 { true } else { false } })
    }

    @Test func `the oldest give way to the size limit and the rest is still a chain`() throws {
        let folder = try TemporaryFolder()
        let store = try EventStore(folder.file, continuing: ChainHead())
        let digest = Digest()
        var head = ChainHead()
        try store.transaction { () throws(StorageFault) in
            var row = EventRow()
            for n in 1...5000 {
                row.fill(previous: head.hash, sequence: UInt64(n), draft(String(repeating: "x", count: 100)))
                row.seal(digest)
                head = ChainHead(sequence: UInt64(n), hash: row.hash)
                try store.add(row)
            }
        }
        let pruned = try store.prune(to: 400_000)
        #expect(pruned > 0 && pruned < 5000)
        #expect(try store.byteCount() <= 400_000)
        let report = JournalVerifier.verify(folder: folder.path)
        #expect(report.isWhole && report.events == 5000 - pruned && report.pruned == UInt64(pruned))
    }
}
