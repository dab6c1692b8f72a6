internal import COpenSSL
internal import Platform
internal import Site

/// SHA-256 with its context made once: the chain costs a third of a microsecond per event.
@safe final class Digest {
    private let context: OpaquePointer?
    private let algorithm: OpaquePointer?

    init() {
        unsafe context = EVP_MD_CTX_new()
        unsafe algorithm = EVP_MD_fetch(nil, "SHA256", nil)
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
        unsafe EVP_MD_free(algorithm)
    }

    /// Writes the 32 bytes into `out`, which keeps its memory.
    func hash(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) {
        var length: UInt32 = 0
        let done = unsafe out.withUnsafeMutableBufferPointer { target in
            unsafe EVP_DigestInit_ex2(context, algorithm, nil) == 1
                && EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
                && EVP_DigestFinal_ex(context, target.baseAddress, &length) == 1
        }
        precondition(done && length == 32, "OpenSSL has no SHA-256")
    }
}

/// An event as one run of bytes: what is hashed and what is bound to the insert are the same memory.
///
/// hash = SHA-256(previous hash, sequence, wall ms, boot ns, severity, then kind, subject, text, evidence,
/// actor; each text with its length before it, the actor's length -1 where there is none). Numbers are
/// little-endian, 64 bits, lengths 32 bits.
struct EventRow {
    private(set) var bytes: [UInt8] = []
    /// kind, subject, text, evidence, actor
    private(set) var fields: [Range<Int>] = []
    private(set) var hasActor = false
    private(set) var sequence: UInt64 = 0
    private(set) var wall: Int64 = 0
    private(set) var boot: Int64 = 0
    private(set) var severity: UInt8 = 0
    var hash = [UInt8](repeating: 0, count: 32)

    init() {
        bytes.reserveCapacity(1024)
        fields.reserveCapacity(5)
    }

    mutating func fill(
        previous: [UInt8], sequence: UInt64, wall: Int64, boot: Int64, severity: UInt8, kind: String, subject: String,
        text: String, evidence: [Evidence], actor: String?
    ) {
        bytes.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
        (self.sequence, self.wall, self.boot, self.severity) = (sequence, wall, boot, severity)
        bytes.append(contentsOf: previous)
        put(sequence)
        put(UInt64(bitPattern: wall))
        put(UInt64(bitPattern: boot))
        bytes.append(severity)
        put(kind)
        put(subject)
        put(text)
        putEvidence(evidence)
        hasActor = actor != nil
        if let actor {
            put(actor)
        } else {
            put(length: UInt32.max)
            fields.append(bytes.count..<bytes.count)
        }
    }

    /// As read back from the file, evidence in its stored text.
    mutating func fill(
        previous: [UInt8], sequence: UInt64, wall: Int64, boot: Int64, severity: UInt8, kind: String, subject: String,
        text: String, evidenceText: String, actor: String?
    ) {
        bytes.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
        (self.sequence, self.wall, self.boot, self.severity) = (sequence, wall, boot, severity)
        bytes.append(contentsOf: previous)
        put(sequence)
        put(UInt64(bitPattern: wall))
        put(UInt64(bitPattern: boot))
        bytes.append(severity)
        for field in [kind, subject, text, evidenceText] { put(field) }
        hasActor = actor != nil
        if let actor { put(actor) } else { put(length: UInt32.max) }
    }

    mutating func seal(_ digest: Digest) {
        unsafe bytes.withUnsafeBytes { unsafe digest.hash($0, into: &hash) }
    }

    private mutating func put(_ number: UInt64) {
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> (UInt64(shift) * 8))) }
    }

    private mutating func put(length: UInt32) {
        for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: length >> (UInt32(shift) * 8))) }
    }

    private mutating func put(_ text: String) {
        put(length: UInt32(text.utf8.count))
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        fields.append(start..<bytes.count)
    }

    /// [["name","value"],...]
    private mutating func putEvidence(_ evidence: [Evidence]) {
        let lengthAt = bytes.count
        put(length: 0)
        let start = bytes.count
        var writer = ByteWriter(capacity: 64 * evidence.count + 2)
        writer.beginArray()
        for fact in evidence {
            writer.beginArray()
            writer.value(fact.name)
            writer.value(fact.value)
            writer.endArray()
        }
        writer.endArray()
        bytes.append(contentsOf: writer.bytes)
        let length = UInt32(bytes.count - start)
        for shift in 0..<4 { bytes[lengthAt + shift] = UInt8(truncatingIfNeeded: length >> (UInt32(shift) * 8)) }
        fields.append(start..<bytes.count)
    }

    static func evidence(_ text: String) -> [Evidence] {
        guard let json = try? JSON.parse(Array(text.utf8)) else { return [] }
        return (json.array ?? []).compactMap { pair in
            guard let parts = pair.array, parts.count == 2, let name = parts[0].string, let value = parts[1].string
            else { return nil }
            return Evidence(name, value)
        }
    }

    /// What receivers drop duplicates by: half of the hash.
    var id: String { hexText(hash[..<16]) }
}

/// Where the chain has got to.
struct ChainHead: Equatable, Sendable {
    var sequence: UInt64 = 0
    var hash = [UInt8](repeating: 0, count: 32)
}
