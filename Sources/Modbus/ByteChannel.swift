internal import Platform
internal import Site

/// Bytes to and from a bus and the waiting in between: sockets, serial lines, and make-believe in tests.
/// Used by the bus's owner thread alone.
protocol ByteChannel: AnyObject {
    var isOpen: Bool { get }
    /// What tells that bytes have come; -1 where there is no such thing.
    var descriptor: Int32 { get }
    func open() throws(ChannelFault)
    func close()
    func send(_ bytes: [UInt8]) throws(ChannelFault)
    /// Appends what arrives to `buffer`; returns as soon as something did, or at `deadline` with 0.
    func receive(into buffer: inout ReceiveBuffer, until deadline: MonotonicTime) throws(ChannelFault) -> Int
    /// The same without waiting.
    func receiveNow(into buffer: inout ReceiveBuffer) throws(ChannelFault) -> Int
    /// Lets time pass with nothing to do: a gap the machine asked for.
    func pause(until deadline: MonotonicTime)
}

/// Why there is no way to the bus.
enum ChannelFault: Error, Equatable {
    case nameNotFound(String)
    case refused(String)
    case timedOut(String)
    case noPermission(String)
    /// The device or the connection is gone: its words.
    case lost(String)

    var reason: Reason {
        switch self {
        case .nameNotFound: .nameNotFound
        case .refused: .connectionRefused
        case .timedOut, .lost: .notConnected
        case .noPermission: .noPermission
        }
    }

    /// What was wrong, where, and what to do.
    var text: String {
        switch self {
        case .nameNotFound(let host): "\(host): no address found for this name; use the numeric address, or mend DNS"
        case .refused(let address):
            "\(address): connection refused; is Modbus/TCP switched on, and not in use by another?"
        case .timedOut(let address): "\(address): does not answer; check power, cable and address"
        case .noPermission(let device):
            "\(device): no permission; the agent's user must be in the group that owns it (dialout)"
        case .lost(let words): words
        }
    }
}
