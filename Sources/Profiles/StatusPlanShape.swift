internal import Site

extension Shape where Value == StatusPlan {
    /// The site file's `status` section.
    static func status(_ library: HardwareLibrary) -> Shape {
        .object("status") { fields in
            let plain = StatusPlan()
            let listen = fields.optional(
                "listen", .list(of: .address, atMost: 16), default: plain.listen,
                "Plain, read-only addresses: 127.0.0.1:9750")
            let secure = fields.optional("secure", .secureStatus, "TLS, with users and client certificates")
            let connectionsMax = fields.optional(
                "connections", .integer(8...10_000), default: plain.connectionsMax, "Clients at one time")
            return StatusPlan(listen: listen, secure: secure, connectionsMax: connectionsMax)
        }
    }
}

extension Shape where Value == SecurePlan {
    static var secureStatus: Shape {
        .object("secure") { fields in
            let listen = fields.optional(
                "listen", .list(of: .address, atLeast: 1, atMost: 16),
                default: [StatusPlan.Address(host: "0.0.0.0", port: 8443)], "Addresses that speak TLS: 0.0.0.0:8443")
            let certificate = fields.optional(
                "certificate", .text, "PEM file of the certificate chain; left out: one is made at first start")
            let key = fields.optional("key", .text, "PEM file of its key")
            let clientAuthorities = fields.optional(
                "client-authorities", .text, "PEM file of authorities whose client certificates are recognised")
            let users = fields.optional("users", .text, "File of users, made by 'mdc-agent user set'")
            if (certificate == nil) != (key == nil) {
                fields.report(
                    certificate == nil ? "key" : "certificate",
                    "'certificate' and 'key' are given together or not at all")
            }
            return SecurePlan(
                listen: listen, certificate: certificate, key: key, clientAuthorities: clientAuthorities, users: users)
        }
    }
}

extension Shape where Value == StatusPlan.Address {
    /// "127.0.0.1:9750", "[::1]:9750".
    static var address: Shape {
        .scalar(
            .string(pattern: "^(\\[[0-9a-fA-F:]+\\]|[0-9.]+):[0-9]{1,5}$"),
            expected: "a numeric address and port such as 127.0.0.1:9750 or [::1]:9750"
        ) { text in
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
                return nil
            }
            var host = text[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = host.dropFirst().dropLast()
                guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" }) else { return nil }
                return StatusPlan.Address(host: String(host), port: port)
            }
            let parts = host.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 4, parts.allSatisfy({ UInt8($0) != nil }) else { return nil }
            return StatusPlan.Address(host: String(host), port: port)
        }
    }
}
