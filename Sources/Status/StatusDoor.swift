internal import HTTP
internal import Site

/// One listener and what may be done through it.
enum StatusDoor: Sendable {
    /// The kernel says who calls; the socket's mode has said who may.
    case socket
    /// Anyone who reaches it may read.
    case plain

    func actor(_ exchange: Exchange) -> Actor? {
        switch self {
        case .plain: return nil
        case .socket:
            guard let user = exchange.peer.userID else { return nil }
            return Actor("\(user == 0 ? "root" : "uid-\(user)")@console", user == 0 ? .engineer : .technician)
        }
    }
}
