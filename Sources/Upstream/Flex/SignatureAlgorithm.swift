internal import COpenSSL

/// The two signatures of DSX Flex. Which one counts is a property of our key, never of a header.
enum SignatureAlgorithm: String {
    case es256 = "ES256"
    case rs256 = "RS256"

    /// By the kind of a key: P-256, or RSA of at least 2048 bits (RFC 7518, section 3.3). Nil: not usable.
    init?(of key: OpaquePointer) {
        switch unsafe EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_RSA where unsafe EVP_PKEY_get_bits(key) >= 2048: self = .rs256
        case EVP_PKEY_EC where unsafe EVP_PKEY_get_bits(key) == 256 && SignatureAlgorithm.isP256(key): self = .es256
        default: return nil
        }
    }

    private static func isP256(_ key: OpaquePointer) -> Bool {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { name in
            guard let base = name.baseAddress else { return false }
            var length = 0
            return unsafe EVP_PKEY_get_group_name(key, base, 32, &length) == 1
                && String(cString: base) == "prime256v1"
        }
    }

    /// An ECDSA signature as JOSE writes it (r and s, 32 bytes each) from OpenSSL's DER, and back.
    static func jose(fromDER der: [UInt8]) -> [UInt8]? {
        unsafe der.withUnsafeBufferPointer { buffer -> [UInt8]? in
            var at = buffer.baseAddress
            guard let signature = unsafe d2i_ECDSA_SIG(nil, &at, buffer.count) else { return nil }
            defer { unsafe ECDSA_SIG_free(signature) }
            var out = [UInt8](repeating: 0, count: 64)
            let fits = unsafe out.withUnsafeMutableBufferPointer { out in
                guard let base = out.baseAddress else { return false }
                return unsafe BN_bn2binpad(ECDSA_SIG_get0_r(signature), base, 32) == 32
                    && BN_bn2binpad(ECDSA_SIG_get0_s(signature), base + 32, 32) == 32
            }
            return fits ? out : nil
        }
    }

    static func der(fromJOSE jose: [UInt8]) -> [UInt8]? {
        guard jose.count == 64 else { return nil }
        func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
            var bytes = Array(bytes.drop { $0 == 0 })
            if bytes.isEmpty || bytes[0] & 0x80 != 0 { bytes.insert(0, at: 0) }
            return [0x02, UInt8(bytes.count)] + bytes
        }
        let body = integer(jose[0..<32]) + integer(jose[32..<64])
        return [0x30, UInt8(body.count)] + body
    }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    _ = unsafe SHA256(bytes, bytes.count, &digest)
    return digest
}
