/// The addresses on which the agent answers, and who may ask.
public struct StatusPlan: Sendable {
    public struct Address: Equatable, Sendable {
        /// Numeric, IPv4 or IPv6.
        public var host: String
        public var port: UInt16
        public init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }
        public var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// Plain and read-only. Loopback until somebody decides otherwise.
    public var listen: [Address]
    public var secure: SecurePlan?
    /// Each costs some 40 kB once a client has used it.
    public var connectionsMax: Int
    /// The points that this section puts on the Board.
    public var points: [PointDefinition]

    public init(
        listen: [Address] = [Address(host: "127.0.0.1", port: 9750)], secure: SecurePlan? = nil,
        connectionsMax: Int = 256, points: [PointDefinition] = []
    ) {
        self.listen = listen
        self.secure = secure
        self.connectionsMax = connectionsMax
        self.points = points
    }
}

/// What is answered over TLS, to whom.
public struct SecurePlan: Equatable, Sendable {
    public var listen: [StatusPlan.Address]
    /// PEM files; both nil: a self-signed pair is made in the state folder at first start.
    public var certificate: String?
    public var key: String?
    public var clientAuthorities: String?
    /// File of users with scrypt-hashed passwords, mode 0600 or a systemd credential.
    public var users: String?

    public init(
        listen: [StatusPlan.Address], certificate: String? = nil, key: String? = nil,
        clientAuthorities: String? = nil, users: String? = nil
    ) {
        self.listen = listen
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
        self.users = users
    }

    /// Ours, where the site file names none.
    public func certificatePath(stateFolder: String) -> String { certificate ?? stateFolder + "/tls-certificate.pem" }
    public func keyPath(stateFolder: String) -> String { key ?? stateFolder + "/tls-key.pem" }
}
