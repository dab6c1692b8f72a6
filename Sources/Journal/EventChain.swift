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
    private var evidenceText = ByteWriter(capacity: 512)

    init() {
        bytes.reserveCapacity(1024)
        fields.reserveCapacity(5)
    }

    mutating func fill(previous: [UInt8], sequence: UInt64, _ draft: borrowing EventDraft) {
        begin(
            previous, sequence, draft.time.wall.milliseconds, draft.time.monotonic.nanoseconds, draft.severity.rawValue)
        put(draft.kind.rawValue)
        put(draft.subject)
        put(draft.text)
        // [["name","value"],...]
        evidenceText.clear()
        evidenceText.beginArray()
        for fact in draft.evidence {
            evidenceText.beginArray()
            evidenceText.value(fact.name)
            evidenceText.value(fact.value)
            evidenceText.endArray()
        }
        evidenceText.endArray()
        unsafe evidenceText.bytes.withUnsafeBufferPointer { unsafe put(bytes: $0) }
        put(actor: draft.actor)
    }

    /// As read back from the file, evidence in its stored text.
    mutating func fill(
        previous: [UInt8], sequence: UInt64, wall: Int64, boot: Int64, severity: UInt8, kind: String, subject: String,
        text: String, evidenceText: String, actor: String?
    ) {
        begin(previous, sequence, wall, boot, severity)
        put(kind)
        put(subject)
        put(text)
        put(evidenceText)
        put(actor: actor)
    }

    private mutating func begin(
        _ previous: [UInt8], _ sequence: UInt64, _ wall: Int64, _ boot: Int64, _ severity: UInt8
    ) {
        bytes.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
        (self.sequence, self.wall, self.boot, self.severity) = (sequence, wall, boot, severity)
        bytes.append(contentsOf: previous)
        put(number: sequence)
        put(number: wall)
        put(number: boot)
        bytes.append(severity)
    }

    mutating func seal(_ digest: Digest) {
        unsafe bytes.withUnsafeBytes { unsafe digest.hash($0, into: &hash) }
    }

    private mutating func put(number: some FixedWidthInteger) {
        unsafe withUnsafeBytes(of: number.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    private mutating func put(_ text: String) {
        let isDone: Void? = unsafe text.utf8.withContiguousStorageIfAvailable { unsafe put(bytes: $0) }
        if isDone == nil { unsafe Array(text.utf8).withUnsafeBufferPointer { unsafe put(bytes: $0) } }
    }

    private mutating func put(bytes text: UnsafeBufferPointer<UInt8>) {
        put(number: UInt32(text.count))
        let start = bytes.count
        unsafe bytes.append(contentsOf: text)
        fields.append(start..<bytes.count)
    }

    private mutating func put(actor: String?) {
        hasActor = actor != nil
        if let actor { return put(actor) }
        put(number: UInt32.max)
        fields.append(bytes.count..<bytes.count)
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
    static let idBytes = 16
}

/// Where the chain has got to.
struct ChainHead: Equatable, Sendable {
    var sequence: UInt64 = 0
    var hash = [UInt8](repeating: 0, count: 32)
}
