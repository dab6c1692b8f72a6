internal import COpenSSL
internal import Platform

/// The chain's head at some moment, signed where the machine has a key.
struct Checkpoint: Equatable, Sendable {
    var sequence: UInt64
    var wall: Int64
    var hash: [UInt8]
    var signature: [UInt8]?
    /// The first 16 hexadecimal digits of the SHA-256 of the public key: which key signed.
    var key: String?

    /// What is signed.
    var message: [UInt8] { Array("mdc-agent journal v1 \(sequence) \(wall) \(hexText(hash))".utf8) }
}

/// Signs with an Ed25519 private key in PEM form, as systemd hands it over (LoadCredential=journal-key:...).
@safe final class ChainSigner {
    let key: String
    let publicKeyPEM: String
    private let pair: OpaquePointer

    /// Nil with a reason when the text is no such key.
    init?(pem: [UInt8]) {
        let read = unsafe pem.withUnsafeBytes { bytes -> OpaquePointer? in
            guard let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
            defer { unsafe BIO_free(source) }
            return unsafe PEM_read_bio_PrivateKey(source, nil, nil, nil)
        }
        guard let pair = unsafe read else { return nil }
        guard unsafe EVP_PKEY_get_id(pair) == EVP_PKEY_ED25519 else {
            unsafe EVP_PKEY_free(pair)
            return nil
        }
        unsafe self.pair = pair
        publicKeyPEM = unsafe ChainVerifier.publicPEM(pair)
        key = unsafe ChainVerifier.keyName(pair)
    }

    deinit { unsafe EVP_PKEY_free(pair) }

    func sign(_ checkpoint: Checkpoint) -> Checkpoint {
        var signed = checkpoint
        var signature = [UInt8](repeating: 0, count: 64)
        var length = 64
        guard let context = unsafe EVP_MD_CTX_new() else { return checkpoint }
        defer { unsafe EVP_MD_CTX_free(context) }
        let message = checkpoint.message
        let isReady = unsafe EVP_DigestSignInit(context, nil, nil, nil, pair) == 1
        let done = unsafe isReady && EVP_DigestSign(context, &signature, &length, message, message.count) == 1
        guard done, length == 64 else { return checkpoint }
        signed.signature = signature
        signed.key = key
        return signed
    }
}

/// Checks signatures with the public key alone.
@safe public final class ChainVerifier {
    public let key: String
    private let publicKey: OpaquePointer

    public init?(publicPEM: [UInt8]) {
        let read = unsafe publicPEM.withUnsafeBytes { bytes -> OpaquePointer? in
            guard let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
            defer { unsafe BIO_free(source) }
            return unsafe PEM_read_bio_PUBKEY(source, nil, nil, nil)
        }
        guard let publicKey = unsafe read else { return nil }
        unsafe self.publicKey = publicKey
        key = unsafe ChainVerifier.keyName(publicKey)
    }

    deinit { unsafe EVP_PKEY_free(publicKey) }

    func accepts(_ checkpoint: Checkpoint) -> Bool {
        guard let signature = checkpoint.signature, let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        let message = checkpoint.message
        return unsafe EVP_DigestVerifyInit(context, nil, nil, nil, publicKey) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }

    static func publicPEM(_ key: OpaquePointer) -> String {
        guard let target = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(target) }
        guard unsafe PEM_write_bio_PUBKEY(target, key) == 1 else { return "" }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = unsafe BIO_read(target, &bytes, 1024)
        return count > 0 ? String(decoding: bytes[..<Int(count)], as: UTF8.self) : ""
    }

    static func keyName(_ key: OpaquePointer) -> String {
        var raw = [UInt8](repeating: 0, count: 32)
        var length = 32
        guard unsafe EVP_PKEY_get_raw_public_key(key, &raw, &length) == 1 else { return "" }
        var hash = [UInt8](repeating: 0, count: 32)
        let digest = Digest()
        unsafe raw.withUnsafeBytes { unsafe digest.hash($0, into: &hash) }
        return hexText(hash[..<8])
    }
}
