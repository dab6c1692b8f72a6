internal import CLinux
internal import COpenSSL
internal import Glibc
internal import Platform

/// A self-signed certificate for a container that nobody has given one yet, and the fingerprint by
/// which a technician knows it.
public enum OwnCertificate {
    /// Makes the pair unless both files are there already.
    static func ensure(certificate: String, key: String, names: [String]) throws(SystemError) {
        var status = stat()
        if unsafe stat(certificate, &status) == 0, unsafe stat(key, &status) == 0 { return }
        guard let pair = make(names) else { throw SystemError("make a certificate", certificate, code: EIO) }
        try replaceFile(key, pair.key, mode: 0o600)
        try replaceFile(certificate, pair.certificate)
    }

    /// P-256, ten years: an island that nobody visits must not lock itself out.
    private static func make(_ names: [String]) -> (certificate: [UInt8], key: [UInt8])? {
        guard let maker = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { return nil }
        defer { unsafe EVP_PKEY_CTX_free(maker) }
        var made: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(maker) == 1,
            unsafe EVP_PKEY_CTX_set_ec_paramgen_curve_nid(maker, NID_X9_62_prime256v1) == 1,
            unsafe EVP_PKEY_keygen(maker, &made) == 1, let key = unsafe made
        else { return nil }
        defer { unsafe EVP_PKEY_free(key) }
        guard let certificate = unsafe X509_new() else { return nil }
        defer { unsafe X509_free(certificate) }
        guard unsafe fill(certificate, key, names), unsafe X509_sign(certificate, key, EVP_sha256()) > 0 else {
            return nil
        }
        let certificateText = unsafe pem { unsafe PEM_write_bio_X509($0, certificate) }
        let keyText = unsafe pem { unsafe PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
        guard let certificateText, let keyText else { return nil }
        return (certificateText, keyText)
    }

    private static func fill(_ certificate: OpaquePointer, _ key: OpaquePointer, _ names: [String]) -> Bool {
        var serial: UInt64 = 0
        _ = unsafe cl_getrandom(&serial, 8)
        guard unsafe X509_set_version(certificate, 2) == 1,
            unsafe ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1,
            unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), -86_400) != nil,
            unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), 3650 * 86_400) != nil,
            unsafe X509_set_pubkey(certificate, key) == 1, let name = unsafe X509_get_subject_name(certificate),
            let common = names.first
        else { return false }
        // MBSTRING_UTF8 is a macro: 0x1000.
        let letters = Array(common.utf8)
        guard
            unsafe X509_NAME_add_entry_by_txt(name, "CN", 0x1000, letters, Int32(letters.count), -1, 0) == 1,
            unsafe X509_set_issuer_name(certificate, name) == 1
        else { return false }
        let alternatives = names.map { isAddress($0) ? "IP:\($0)" : "DNS:\($0)" }.joined(separator: ",")
        return unsafe extend(certificate, NID_subject_alt_name, alternatives)
            && extend(certificate, NID_basic_constraints, "critical,CA:FALSE")
            && extend(certificate, NID_ext_key_usage, "serverAuth")
    }

    private static func isAddress(_ text: String) -> Bool {
        text.contains(":") || text.allSatisfy { $0.isNumber || $0 == "." }
    }

    private static func extend(_ certificate: OpaquePointer, _ kind: Int32, _ value: String) -> Bool {
        guard let made = unsafe X509V3_EXT_conf_nid(nil, nil, kind, value) else { return false }
        defer { unsafe X509_EXTENSION_free(made) }
        return unsafe X509_add_ext(certificate, made, -1) == 1
    }

    private static func pem(_ write: (OpaquePointer) -> Int32) -> [UInt8]? {
        guard let memory = unsafe BIO_new(BIO_s_mem()) else { return nil }
        defer { unsafe BIO_free(memory) }
        guard unsafe write(memory) == 1 else { return nil }
        var out = [UInt8](repeating: 0, count: 16_384)
        let got = unsafe BIO_read(memory, &out, Int32(out.count))
        return got > 0 ? Array(out[..<Int(got)]) : nil
    }

    /// SHA-256 of the certificate in a PEM file, as browsers show it: "AB:CD:...".
    public static func fingerprint(_ path: String) -> String? {
        guard let bytes = try? readFile(path, limit: 1 << 18),
            let memory = unsafe BIO_new_mem_buf(bytes, Int32(bytes.count))
        else { return nil }
        defer { unsafe BIO_free(memory) }
        guard let certificate = unsafe PEM_read_bio_X509(memory, nil, nil, nil) else { return nil }
        defer { unsafe X509_free(certificate) }
        var digest = [UInt8](repeating: 0, count: 64)
        var count: UInt32 = 0
        guard unsafe X509_digest(certificate, EVP_sha256(), &digest, &count) == 1 else { return nil }
        return digest[..<Int(count)].map { hexText([$0]).uppercased() }.joined(separator: ":")
    }
}
