internal import Platform

/// A JWS in compact form (RFC 7515), taken apart and then checked against a caller's keys.
struct SignedText {
    struct Refusal: Error, Equatable { let text: String }

    /// The largest command: a hundred targets of 400 bytes, with room.
    static let byteCountMax = 192 << 10

    let keyID: String
    let payload: [UInt8]
    private let namedAlgorithm: String
    private let input: [UInt8]
    private let signature: [UInt8]

    init(_ text: String) throws(Refusal) {
        let bytes = Array(text.utf8)
        if bytes.count > SignedText.byteCountMax { throw Refusal(text: "signed data of \(bytes.count) bytes") }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let headerBytes = Base64URL.decode(parts[0]),
            let payload = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2]), !signature.isEmpty
        else { throw Refusal(text: "data is no JWS in compact form") }
        let header: JSON
        do throws(JSON.Fault) { header = try JSON.parse(headerBytes, depthMax: 4) } catch {
            throw Refusal(text: "the JWS header is no JSON object")
        }
        guard let algorithm = header["alg"]?.string, let keyID = header["kid"]?.string else {
            throw Refusal(text: "the JWS header lacks 'alg' or 'kid'")
        }
        // Extensions that must be understood (RFC 7515, 4.1.11): we understand none.
        if header["crit"] != nil { throw Refusal(text: "the JWS header demands extensions") }
        self.keyID = keyID
        self.payload = payload
        self.signature = signature
        namedAlgorithm = algorithm
        input = Array(parts[0]) + [UInt8(ascii: ".")] + Array(parts[1])
    }

    func check(_ keys: KeySet) throws(Refusal) {
        guard let key = keys[keyID] else { throw Refusal(text: "signed with unknown key '\(keyID)'") }
        if namedAlgorithm != key.algorithm.rawValue {
            throw Refusal(text: "signed with \(namedAlgorithm), but key '\(keyID)' is for \(key.algorithm.rawValue)")
        }
        if !key.verifies(input, signature) { throw Refusal(text: "the signature is wrong") }
    }

    /// What a repetition is known by. Of an ECDSA signature only r: from (r, s) anyone can make (r, n - s),
    /// which also verifies, and would pass for another command.
    var digest: [UInt8] { sha256(input + (signature.count == 64 ? Array(signature[..<32]) : signature)) }
}
