internal import CLinux
internal import CSystemd
internal import Glibc
internal import Platform

/// systemd as the agent's keeper: readiness, watchdog, passed sockets. Outside
/// systemd every call does nothing.
struct ServiceManager: Sendable {
    /// Half the period in which systemd wants to hear from us; nil without a watchdog.
    let watchdogInterval: Nanoseconds?

    init() {
        var microseconds: UInt64 = 0
        let isWatched = unsafe sd_watchdog_enabled(0, &microseconds) > 0
        watchdogInterval = isWatched ? .microseconds(Int64(microseconds / 2)) : nil
    }

    func ready(_ status: String) { notify("READY=1\nSTATUS=\(status)") }
    func status(_ status: String) { notify("STATUS=\(status)") }
    func feedWatchdog() { notify("WATCHDOG=1") }
    func stopping() { notify("STOPPING=1\nSTATUS=stopping") }
    func reloading(at now: MonotonicTime) {
        notify("RELOADING=1\nMONOTONIC_USEC=\(now.nanoseconds / 1000)\nSTATUS=reading the site file again")
    }

    /// Keeps a descriptor over a restart, in place of the one of that name that it may have. It is never
    /// polled: memory does not hang up.
    func keep(_ descriptor: Int32, as name: String) {
        notify("FDSTOREREMOVE=1\nFDNAME=\(name)")
        var descriptor = descriptor
        let sent = unsafe sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=\(name)\nFDPOLL=0", &descriptor, 1)
        if sent < 0 { Log.write(.warning, "systemd", "'\(name)' is not kept over a restart: errno \(-sent)") }
    }

    private func notify(_ state: String) { _ = unsafe sd_notify(0, state) }

    /// The descriptors systemd passed, by the name its socket unit gave them. Asked once:
    /// the environment is cleared so that child processes do not take them for their own.
    static func passedDescriptors() -> [(name: String, descriptor: Int32)] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = unsafe sd_listen_fds_with_names(1, &names)
        guard count > 0, let names = unsafe names else { return [] }
        defer { unsafe free(names) }
        return (0..<Int(count)).map { index in
            let name = unsafe names[index].map { unsafe String(cString: $0) } ?? ""
            unsafe free(names[index])
            return (name, Int32(SD_LISTEN_FDS_START) + Int32(index))
        }
    }
}
