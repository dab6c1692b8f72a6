internal import COpenSSL
internal import Platform
import Synchronization

/// A TLS fault in OpenSSL's words: what was tried, on which file, and why not.
public struct TLSError: Error, Equatable, CustomStringConvertible {
    public let operation: String
    public let reason: String
    public var description: String { "\(operation): \(reason)" }

    static func last(_ operation: String) -> TLSError {
        let code = ERR_get_error()
        ERR_clear_error()
        let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer -> String in
            guard let base = buffer.baseAddress else { return "" }
            unsafe ERR_error_string_n(code, base, 256)
            return unsafe String(cString: base)
        }
        // "error:0A080009:SSL routines::PEM lib" - the last part is the one for people.
        let reason = code == 0 ? "unknown reason" : text.split(separator: ":").last.map(String.init) ?? text
        return TLSError(operation: operation, reason: reason)
    }
}

/// Certificate, key and who may be a client. Connections that exist keep what they began with;
/// `reload` changes it for those that come.
@safe public final class TLSContext: @unchecked Sendable {
    public struct Files: Equatable, Sendable {
        public var certificate: String
        public var key: String
        /// Certificates of authorities whose clients are recognised; nil: clients are not asked.
        public var clientAuthorities: String?
        public init(certificate: String, key: String, clientAuthorities: String? = nil) {
            self.certificate = certificate
            self.key = key
            self.clientAuthorities = clientAuthorities
        }
    }

    public let files: Files
    private let current: Mutex<Holder>

    /// Frees its SSL_CTX with the last user (OpenSSL counts references; a session holds one).
    @safe private final class Holder: @unchecked Sendable {
        let context: OpaquePointer
        init(_ context: OpaquePointer) { unsafe self.context = unsafe context }
        deinit { unsafe SSL_CTX_free(context) }
    }

    public init(_ files: Files) throws(TLSError) {
        self.files = files
        current = Mutex(try TLSContext.load(files))
    }

    /// Reads the files again; on any fault the old certificate stays in use.
    public func reload() throws(TLSError) {
        let fresh = try TLSContext.load(files)
        current.withLock { $0 = fresh }
    }

    private static func load(_ files: Files) throws(TLSError) -> Holder {
        ERR_clear_error()
        guard let raw = unsafe SSL_CTX_new(TLS_server_method()) else { throw TLSError.last("make a TLS context") }
        let holder = unsafe Holder(raw)
        let context = unsafe holder.context
        // The setters below are macros over SSL_CTX_ctrl, which Swift does not import.
        _ = unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        // SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
        _ = unsafe SSL_CTX_ctrl(context, SSL_CTRL_MODE, 0x1 | 0x2 | 0x10, nil)
        // A record's header and body in one read of the socket instead of two.
        _ = unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_READ_AHEAD, 1, nil)
        // SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION
        _ = unsafe SSL_CTX_set_options(context, 1 << 30 | 1 << 22 | 1 << 17)
        guard unsafe SSL_CTX_use_certificate_chain_file(context, files.certificate) == 1 else {
            throw TLSError.last("read certificate \(files.certificate)")
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(context, files.key, SSL_FILETYPE_PEM) == 1 else {
            throw TLSError.last("read key \(files.key)")
        }
        guard unsafe SSL_CTX_check_private_key(context) == 1 else {
            throw TLSError.last("match key \(files.key) to certificate \(files.certificate)")
        }
        if let authorities = files.clientAuthorities {
            guard unsafe SSL_CTX_load_verify_locations(context, authorities, nil) == 1 else {
                throw TLSError.last("read client authorities \(authorities)")
            }
            unsafe SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(authorities))
            // A client without a certificate may still come with a password.
            unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
            // Sessions are resumed only within one context of the same meaning.
            let name: [UInt8] = Array("mdc".utf8)
            _ = unsafe SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
        }
        return holder
    }

    func session(_ descriptor: Int32) -> TLSSession? {
        let raw = unsafe current.withLock { unsafe SSL_new($0.context) }
        guard let raw = unsafe raw else { return nil }
        guard unsafe SSL_set_fd(raw, descriptor) == 1 else {
            unsafe SSL_free(raw)
            return nil
        }
        return unsafe TLSSession(raw)
    }
}
