internal import COpenSSL
internal import Glibc

/// What became of one attempt to move bytes.
enum Transfer: Equatable {
    case moved(Int)
    case blocked
    case closed
}

/// TLS on one connection. The plain path never comes here.
@safe final class TLSSession {
    private let ssl: OpaquePointer
    /// One TLS record: head and small body leave in one, not in three.
    private static let recordBytes = 16_384

    init(_ ssl: OpaquePointer) { unsafe self.ssl = unsafe ssl }
    deinit { unsafe SSL_free(ssl) }

    func handshake() -> Transfer {
        ERR_clear_error()
        return outcome(unsafe SSL_accept(ssl))
    }

    func read(into memory: UnsafeMutableRawPointer, _ count: Int) -> Transfer {
        ERR_clear_error()
        return outcome(unsafe SSL_read(ssl, memory, Int32(clamping: count)))
    }

    func write(_ parts: UnsafePointer<iovec>, _ count: Int) -> Transfer {
        unsafe withUnsafeTemporaryAllocation(byteCount: TLSSession.recordBytes, alignment: 16) { record in
            var filled = 0
            for index in 0..<count where filled < record.count {
                let part = unsafe parts[index]
                let taken = unsafe min(part.iov_len, record.count - filled)
                if let source = unsafe part.iov_base, let place = record.baseAddress {
                    unsafe (place + filled).copyMemory(from: source, byteCount: taken)
                }
                filled += taken
            }
            ERR_clear_error()
            return outcome(unsafe SSL_write(ssl, record.baseAddress, Int32(filled)))
        }
    }

    /// Tells the client that nothing follows; the answer to it is not waited for.
    func shutdown() {
        ERR_clear_error()
        _ = unsafe SSL_shutdown(ssl)
    }

    /// Common name of a client certificate that an authority of ours vouches for.
    var clientName: String? {
        guard let certificate = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        defer { unsafe X509_free(certificate) }
        guard unsafe SSL_get_verify_result(ssl) == Int(X509_V_OK) else { return nil }
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let base = buffer.baseAddress,
                unsafe X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, base, 256) > 0
            else { return nil }
            return unsafe String(cString: base)
        }
    }

    private func outcome(_ result: Int32) -> Transfer {
        if result > 0 { return .moved(Int(result)) }
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .blocked
        default: return .closed
        }
    }
}
