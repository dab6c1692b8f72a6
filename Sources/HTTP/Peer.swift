internal import CLinux
internal import Platform

/// Who is at the other end of a connection, as far as the kernel or TLS vouches for it.
public struct Peer: Equatable, Sendable {
    public enum Way: Equatable, Sendable {
        /// The kernel's word (SO_PEERCRED), taken at connect.
        case unix(pid: UInt32, uid: UInt32, gid: UInt32)
        /// IPv4 as ::ffff:a.b.c.d, two words in network order.
        case tcp(high: UInt64, low: UInt64)
    }

    public var way: Way
    public private(set) var port: UInt16 = 0
    /// Index of the listener it came in by, in the order given to the server.
    public var listener: Int
    public var isEncrypted = false
    /// Common name of a client certificate that was verified.
    public var certificateName: String?

    public init(way: Way, listener: Int) {
        self.way = way
        self.listener = listener
    }

    public var userID: UInt32? { if case .unix(_, let uid, _) = way { uid } else { nil } }

    public var isLoopback: Bool {
        guard case .tcp(let high, let low) = way else { return false }
        return high == 0 && (low == 1 || low >> 24 == 0xFFFF_7F)
    }

    /// "127.0.0.1", "2001:db8:0:0:0:0:0:1", "uid 1000".
    public var text: String {
        switch way {
        case .unix(_, let uid, _): return "uid \(uid)"
        case .tcp(let high, let low):
            if high == 0, low >> 32 == 0xFFFF {
                return (0..<4).map { String(low >> UInt64(24 - 8 * $0) & 255) }.joined(separator: ".")
            }
            return (0..<8).map { index in
                let word = index < 4 ? high : low
                return String(word >> UInt64(48 - 16 * (index % 4)) & 0xFFFF, radix: 16)
            }.joined(separator: ":")
        }
    }

    static func of(_ descriptor: Int32, isUnix: Bool, listener: Int) -> Peer {
        if isUnix {
            var pid: UInt32 = 0
            // Nobody: what a caller without credentials is taken for.
            var uid: UInt32 = 65_534
            var gid: UInt32 = 65_534
            _ = unsafe cl_peer_credentials(descriptor, &pid, &uid, &gid)
            return Peer(way: .unix(pid: pid, uid: uid, gid: gid), listener: listener)
        }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var port: UInt16 = 0
        _ = unsafe cl_peer_address(descriptor, &high, &low, &port)
        var peer = Peer(way: .tcp(high: high, low: low), listener: listener)
        peer.port = port
        return peer
    }
}
