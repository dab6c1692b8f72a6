internal import HTTP
internal import Site

/// One listener and what may be done through it.
enum StatusDoor: Sendable {
    /// The kernel says who calls; the socket's mode has said who may.
    case socket
    /// Anyone who reaches it may read, nobody may change anything.
    case plain
    /// TLS: by client certificate or password, except what a probe must reach.
    case secure(AccessGate)

    enum Entry {
        case reader
        case actor(Actor)
        case refused(status: Int, text: String, wait: Int?)
    }

    var isSocket: Bool { if case .socket = self { true } else { false } }

    var gate: AccessGate? { if case .secure(let gate) = self { gate } else { nil } }

    func entry(_ exchange: Exchange) -> Entry {
        switch self {
        case .plain: return .reader
        case .socket:
            guard let user = exchange.peer.userID else { return .reader }
            return .actor(
                Actor(user == 0 ? "root@console" : "uid-\(user)@console", user == 0 ? .engineer : .technician))
        case .secure(let gate):
            guard gate.admits(exchange.peer) else {
                return .refused(status: 429, text: "too many requests from this address", wait: 1)
            }
            if let token = exchange.field("x-auth-token"), let actor = gate.session(token.string) {
                return .actor(actor)
            }
            if let name = exchange.peer.certificateName { return .actor(gate.certificate(name)) }
            guard let authorization = exchange.field("authorization") else {
                return .refused(
                    status: 401, text: "who are you? Basic authentication or a client certificate", wait: nil)
            }
            switch gate.basic(authorization, from: exchange.peer) {
            case .known(let actor): return .actor(actor)
            case .nobody, .wrong: return .refused(status: 401, text: "wrong name or password", wait: nil)
            case .later(let seconds):
                return .refused(status: 429, text: "too many attempts; wait \(seconds) s", wait: seconds)
            }
        }
    }
}
