internal import COpenSSL
internal import Platform

/// Our private key: signs what we say.
@safe final class SigningKey {
    struct Unusable: Error { let text: String }

    let keyID: String
    let algorithm: SignatureAlgorithm
    private let key: OpaquePointer
    private let header: [UInt8]

    /// `pem`: an unencrypted private key, P-256 or RSA.
    init(pem: [UInt8], keyID: String) throws(Unusable) {
        let read = unsafe pem.withUnsafeBytes { bytes -> OpaquePointer? in
            guard let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
            defer { unsafe BIO_free(source) }
            // A password callback of our own that knows none: OpenSSL would ask on the terminal.
            return unsafe PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in 0 }, nil)
        }
        guard let key = unsafe read else {
            throw Unusable(text: "no private key in PEM form without a password")
        }
        guard let algorithm = unsafe SignatureAlgorithm(of: key) else {
            unsafe EVP_PKEY_free(key)
            throw Unusable(text: "neither a P-256 key nor an RSA key of 2048 bits or more")
        }
        unsafe self.key = key
        self.algorithm = algorithm
        self.keyID = keyID
        var writer = ByteWriter(capacity: 96)
        writer.beginObject()
        writer.field("alg", algorithm.rawValue)
        writer.field("kid", keyID)
        writer.endObject()
        header = Base64URL.encode(writer.bytes)
    }

    deinit { unsafe EVP_PKEY_free(key) }

    static func load(_ path: String, keyID: String) throws(Unusable) -> SigningKey {
        let pem: [UInt8]
        do throws(SystemError) { pem = try readFile(path, limit: 64 << 10) } catch {
            throw Unusable(text: "\(path) cannot be read: \(error.reason)")
        }
        do throws(Unusable) { return try SigningKey(pem: pem, keyID: keyID) } catch {
            throw Unusable(text: "\(path): \(error.text)")
        }
    }

    /// The JWS compact form of a payload.
    func sign(_ payload: [UInt8]) -> String? {
        let input = header + [UInt8(ascii: ".")] + Base64URL.encode(payload)
        guard let signature = signature(of: input) else { return nil }
        return String(decoding: input + [UInt8(ascii: ".")] + Base64URL.encode(signature), as: UTF8.self)
    }

    private func signature(of input: [UInt8]) -> [UInt8]? {
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        defer { unsafe EVP_MD_CTX_free(context) }
        var length = unsafe Int(EVP_PKEY_get_size(key))
        var out = [UInt8](repeating: 0, count: length)
        guard unsafe EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1,
            unsafe EVP_DigestSign(context, &out, &length, input, input.count) == 1
        else { return nil }
        out.removeLast(out.count - length)
        return algorithm == .es256 ? SignatureAlgorithm.jose(fromDER: out) : out
    }
}
