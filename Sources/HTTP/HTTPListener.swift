internal import CLinux
internal import Glibc
public import Platform

/// A socket that takes connections; shared by all loops of a server.
public final class HTTPListener: Sendable {
    public let descriptor: FileDescriptor
    public let isUnix: Bool
    public let tls: TLSContext?
    /// Removed when the server stops; nil for a socket that systemd holds.
    let path: String?

    private init(_ descriptor: consuming FileDescriptor, isUnix: Bool, path: String?, tls: TLSContext?) {
        self.descriptor = descriptor
        self.isUnix = isUnix
        self.path = path
        self.tls = tls
    }

    deinit { if let path { _ = unsafe unlink(path) } }

    /// A numeric address; port 0 takes a free one (`port` tells which).
    public static func tcp(_ address: String, port: UInt16, tls: TLSContext? = nil) throws(SystemError) -> HTTPListener
    {
        let raw = try checked(unsafe cl_listen_tcp(address, port, 1024), "listen", "\(address):\(port)")
        return HTTPListener(FileDescriptor(owning: raw), isUnix: false, path: nil, tls: tls)
    }

    public static func unix(_ path: String, mode: UInt32 = 0o660) throws(SystemError) -> HTTPListener {
        let raw = try checked(unsafe cl_listen_unix(path, 1024, mode), "listen", path)
        let isAbstract = path.hasPrefix("@")
        return HTTPListener(FileDescriptor(owning: raw), isUnix: true, path: isAbstract ? nil : path, tls: nil)
    }

    /// A listening socket made by somebody else (socket activation).
    public static func adopted(_ descriptor: consuming FileDescriptor, tls: TLSContext? = nil) throws(SystemError)
        -> HTTPListener
    {
        try descriptor.setNonblocking(true)
        // Only an Internet socket has a port.
        let isUnix = cl_local_port(descriptor.raw) == -EAFNOSUPPORT
        return HTTPListener(descriptor, isUnix: isUnix, path: nil, tls: tls)
    }

    /// The port that was bound; 0 for a Unix socket.
    public var port: UInt16 { UInt16(max(0, min(65_535, cl_local_port(descriptor.raw)))) }
}
