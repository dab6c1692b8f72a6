internal import CLinux
internal import Glibc
internal import Platform
internal import Status

/// The listening sockets that systemd opened for us, by the names in the socket units. They stay open
/// over a reload: whoever serves one gets a copy.
struct PassedDoors: Sendable {
    private let byName: [String: Int32]

    init(_ passed: [(name: String, descriptor: Int32)]) {
        byName = Dictionary(passed.map { ($0.name, $0.descriptor) }) { first, _ in first }
    }

    /// Copies for the status room, which owns them.
    func forStatus() -> [StatusRoom.PassedSocket] {
        byName.compactMap { name, descriptor in
            let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
            return copy >= 0 ? StatusRoom.PassedSocket(name: name, descriptor: copy) : nil
        }
    }
}
