internal import CLinux
internal import Glibc
public import Platform

/// A guest's place on a loop: what it may do there. On the loop's thread only.
public final class LoopSeat {
    /// Bit 62 tells a guest's descriptors from connections (slots are small numbers).
    static let tokenBit = UInt64(1) << 62
    private let epoll: Int32

    init(epoll: Int32) { self.epoll = epoll }

    /// Level-triggered: told again until it is read.
    public func watch(_ descriptor: Int32) throws(SystemError) {
        try checked(
            cl_epoll_control(
                epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, LoopSeat.tokenBit | UInt64(UInt32(descriptor))),
            "epoll_ctl add")
    }

    /// Before the descriptor is closed.
    public func unwatch(_ descriptor: Int32) { _ = cl_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0) }
}
