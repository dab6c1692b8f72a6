public import Platform

/// Where a body should land.
@safe public enum BodyPlace {
    /// The connection's own buffer (`HTTPLimits.bufferedBodyBytes`).
    case buffer
    /// The service's memory, received into it directly. It belongs to the server until `handle` or
    /// `clientGone` is called, one of which always follows. Its size is the limit of a chunked body.
    case memory(UnsafeMutableRawBufferPointer)
    /// Several stretches of the service's memory, filled one after the other: those that it added to
    /// `exchange.landing`. `handle` gets the first as its body.
    case landing
    /// The service has answered already: the body is dropped.
    case answered
}

/// Who answers requests. All calls come on a loop's thread and must not wait for anything.
public protocol HTTPService: AnyObject, Sendable {
    /// Only for a request that has a body. `exchange.contentLength` is nil for a chunked one.
    func bodyPlace(for exchange: Exchange) -> BodyPlace

    /// The request is whole. Answer now, or keep `exchange.responder` and answer later from any thread.
    /// `body` stays until the answer; the head only until this returns.
    func handle(_ exchange: Exchange, body: UnsafeRawBufferPointer)

    /// The client went away, or was too slow, before it had its answer (or while it had a stream open).
    /// An answer given later is refused and lends nothing.
    func clientGone(_ exchange: Exchange)
}

/// Somebody who works on a loop's own thread: descriptors of its own in the loop's epoll, and a look
/// after every turn. A server with a guest has one loop.
public protocol LoopGuest: AnyObject, Sendable {
    /// The loop has started; everything else is called on the same thread.
    func seated(_ seat: LoopSeat)
    /// A descriptor that the guest watches has something.
    func ready(_ descriptor: Int32, hangup: Bool)
    /// After each turn of the loop; returns when the guest wants the next one at the latest. `isQuiet`:
    /// nothing had come, from clients or for the guest.
    func turned(_ now: MonotonicTime, isQuiet: Bool) -> MonotonicTime
    /// The loop has nothing to do. True: something is expected so soon that it looks again instead of
    /// sleeping. False: whatever comes for the guest makes one of its descriptors ready.
    func staysAwake() -> Bool
    /// False: clients wait in the listening sockets. Asked every turn until it is true.
    var isOpen: Bool { get }
    /// No new client is let in from now on; the loop ends when what is under way is finished.
    func stopping()
    /// Work is under way that no connection stands for.
    var isBusy: Bool { get }
    /// The loop ends; nothing is called after this.
    func leaving()
}

extension HTTPService {
    public func bodyPlace(for exchange: Exchange) -> BodyPlace { .buffer }
    public func clientGone(_ exchange: Exchange) {}
}
