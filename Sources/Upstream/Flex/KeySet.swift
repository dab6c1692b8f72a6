internal import COpenSSL
internal import Platform

/// The public keys of one caller (a JSON Web Key Set, RFC 7517). Keys that we cannot use are left out.
struct KeySet {
    private let keys: [String: VerificationKey]

    struct Unreadable: Error { let text: String }

    init(json: [UInt8]) throws(Unreadable) {
        let document: JSON
        do throws(JSON.Fault) { document = try JSON.parse(json, depthMax: 8) } catch {
            throw Unreadable(text: error.description)
        }
        guard let list = document["keys"]?.array else { throw Unreadable(text: "no list 'keys'") }
        var keys: [String: VerificationKey] = [:]
        for item in list {
            guard let id = item["kid"]?.string, let key = VerificationKey(jwk: item) else { continue }
            // Two keys of one name: nobody could say which one counts.
            if keys[id] != nil { throw Unreadable(text: "two keys are named '\(id)'") }
            keys[id] = key
        }
        if keys.isEmpty { throw Unreadable(text: "no usable key: expected 'kid' and a P-256 or RSA key") }
        self.keys = keys
    }

    static func load(_ path: String) throws(Unreadable) -> KeySet {
        let json: [UInt8]
        do throws(SystemError) { json = try readFile(path, limit: 256 << 10) } catch {
            throw Unreadable(text: "\(path) cannot be read: \(error.reason)")
        }
        do throws(Unreadable) { return try KeySet(json: json) } catch {
            throw Unreadable(text: "\(path): \(error.text)")
        }
    }

    subscript(id: String) -> VerificationKey? { keys[id] }
}

/// One public key and the one algorithm that it is for.
@safe final class VerificationKey {
    let algorithm: SignatureAlgorithm
    private let key: OpaquePointer

    /// Nil where the key is not one of ours to use: another curve, too short, for encryption, malformed.
    init?(jwk: JSON) {
        if let use = jwk["use"]?.string, use != "sig" { return nil }
        let der: [UInt8]?
        switch jwk["kty"]?.string {
        case "EC" where jwk["crv"]?.string == "P-256": der = VerificationKey.ellipticDER(jwk)
        case "RSA": der = VerificationKey.rsaDER(jwk)
        default: der = nil
        }
        guard let der else { return nil }
        let read = unsafe der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var at = buffer.baseAddress
            return unsafe d2i_PUBKEY(nil, &at, buffer.count)
        }
        guard let key = unsafe read else { return nil }
        guard let algorithm = unsafe SignatureAlgorithm(of: key) else {
            unsafe EVP_PKEY_free(key)
            return nil
        }
        if let named = jwk["alg"]?.string, named != algorithm.rawValue {
            unsafe EVP_PKEY_free(key)
            return nil
        }
        unsafe self.key = key
        self.algorithm = algorithm
    }

    deinit { unsafe EVP_PKEY_free(key) }

    func verifies(_ input: [UInt8], _ signature: [UInt8]) -> Bool {
        guard let raw = algorithm == .es256 ? SignatureAlgorithm.der(fromJOSE: signature) : signature,
            let context = unsafe EVP_MD_CTX_new()
        else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        return unsafe EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key) == 1
            && EVP_DigestVerify(context, raw, raw.count, input, input.count) == 1
    }

    // MARK: - SubjectPublicKeyInfo, which OpenSSL reads and checks

    private static func ellipticDER(_ jwk: JSON) -> [UInt8]? {
        guard let x = bytes(jwk["x"]), let y = bytes(jwk["y"]), x.count == 32, y.count == 32 else { return nil }
        // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { 04 x y } } (RFC 5480)
        let prefix: [UInt8] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
            0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
        ]
        return prefix + x + y
    }

    private static func rsaDER(_ jwk: JSON) -> [UInt8]? {
        guard let n = bytes(jwk["n"]), let e = bytes(jwk["e"]), !n.isEmpty, !e.isEmpty, n.count <= 1024, e.count <= 8
        else { return nil }
        let numbers = wrapped(0x30, wrapped(0x02, positive(n)) + wrapped(0x02, positive(e)))
        // rsaEncryption with NULL parameters (RFC 8017, appendix A.1)
        let kind: [UInt8] = [
            0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
        ]
        return wrapped(0x30, kind + wrapped(0x03, [0] + numbers))
    }

    private static func bytes(_ text: JSON?) -> [UInt8]? { text?.string.flatMap { Base64URL.decode(Array($0.utf8)) } }

    private static func positive(_ bytes: [UInt8]) -> [UInt8] {
        let trimmed = Array(bytes.drop { $0 == 0 })
        return (trimmed.first ?? 0x80) & 0x80 != 0 ? [0] + trimmed : trimmed
    }

    private static func wrapped(_ tag: UInt8, _ body: [UInt8]) -> [UInt8] {
        if body.count < 128 { return [tag, UInt8(body.count)] + body }
        if body.count < 256 { return [tag, 0x81, UInt8(body.count)] + body }
        return [tag, 0x82, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
    }
}
