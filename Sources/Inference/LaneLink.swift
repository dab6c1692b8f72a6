internal import CLinux
internal import Glibc
internal import Platform
internal import Site

/// The serving thread's end of one lane: the control socket, the channel, and the process or thread
/// behind them.
final class LaneLink {
    let channel: LaneChannel
    /// Finished jobs that were taken.
    var reaped: UInt32 = 0
    private let channelMemory: MappedMemory
    private let controlEnd: FileDescriptor
    private let signalDescriptor: FileDescriptor
    private let channelDescriptor: FileDescriptor
    private var child: Child

    private enum Child {
        case process(pid: Int32)
        case thread(OwnerThread)
        case none
    }

    enum Received {
        case nothing
        case closed
        case message([UInt8])
    }

    var control: Int32 { controlEnd.raw }
    var signal: Int32 { signalDescriptor.raw }

    init(_ plan: EnginePlan, _ settings: LaneSettings) throws(SystemError) {
        channelDescriptor = FileDescriptor(
            owning: try checked(unsafe cl_memfd("mdc-inference-lane", false), "memfd_create"))
        try checked(ftruncate(channelDescriptor.raw, LaneChannel.byteCount) == -1 ? -errno : 0, "make lane channel")
        try checked(cl_memfd_seal_size(channelDescriptor.raw), "seal lane channel")
        channelMemory = try MappedMemory(
            descriptor: channelDescriptor.raw, byteCount: LaneChannel.byteCount, access: .readWrite, populate: true)
        channel = LaneChannel(unsafe Memory(channelMemory.bytes))
        channel.prepare()
        signalDescriptor = FileDescriptor(owning: try checked(cl_eventfd(0), "eventfd"))
        var ends: [Int32] = [-1, -1]
        try checked(unsafe ends.withUnsafeMutableBufferPointer { unsafe cl_socketpair($0.baseAddress) }, "socketpair")
        controlEnd = FileDescriptor(owning: ends[0])
        let theirs = FileDescriptor(owning: ends[1])
        child = .none
        let bytes = plan.encoded
        try checked(
            unsafe bytes.withUnsafeBytes { unsafe cl_send(controlEnd.raw, $0.baseAddress, $0.count, 0) },
            "send the lane its plan")
        switch settings.isolation {
        case .process: child = .process(pid: try spawn(theirs.raw, settings))
        case .none: child = .thread(try startThread(theirs.release(), settings))
        }
        try controlEnd.setNonblocking(true)
    }

    private func spawn(_ theirs: Int32, _ settings: LaneSettings) throws(SystemError) -> Int32 {
        let words: [String] = [settings.executable, "lane", String(settings.lookAgain.count)]
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
        let given = [theirs, settings.pool, channelDescriptor.raw, signalDescriptor.raw]
        return try checked(
            unsafe arguments.withUnsafeMutableBufferPointer { arguments in
                unsafe cl_spawn(settings.executable, arguments.baseAddress, given, Int32(given.count))
            }, "start lane process", settings.executable)
    }

    private func startThread(_ theirs: Int32, _ settings: LaneSettings) throws(SystemError) -> OwnerThread {
        // Copies of its own: a thread that hangs outlives this link, and must not ring a stranger's bell.
        let signal = try checked(fcntl(signalDescriptor.raw, F_DUPFD_CLOEXEC, 3), "dup")
        let channel = try checked(fcntl(channelDescriptor.raw, F_DUPFD_CLOEXEC, 3), "dup")
        let given = LaneRunner.Descriptors(control: theirs, pool: settings.pool, channel: channel, signal: signal)
        let lookAgain = settings.lookAgain
        // Vendors' runtimes recurse: their usual 8 MiB.
        return try OwnerThread("lane", stackBytes: 8 << 20) {
            defer {
                close(theirs)
                close(signal)
                close(channel)
            }
            do {
                let runner = try LaneRunner(given, lookAgain: lookAgain)
                _ = runner.run()
            } catch { Log.write(.fault, "lane", "\(error)") }
        }
    }

    func receive() -> Received {
        var bytes = [UInt8](repeating: 0, count: LaneRunner.messageBytesMax)
        let got = unsafe bytes.withUnsafeMutableBytes {
            unsafe cl_recv(controlEnd.raw, $0.baseAddress, $0.count, 0)
        }
        if got == -Int(EAGAIN) { return .nothing }
        return got > 0 ? .message(Array(bytes[..<got])) : .closed
    }

    /// Why a lane that closed its socket is gone, in words.
    func endReason() -> String {
        guard case .process(let pid) = child else { return "the lane's thread ended" }
        var status: Int32 = 0
        // The socket closes a moment before the process can be collected.
        for _ in 0..<200 {
            if unsafe cl_reap(pid, &status) == pid {
                child = .none
                let signal = status & 0x7F
                return signal == 0
                    ? "its process ended with code \(status >> 8 & 0xFF)" : "its process died of signal \(signal)"
            }
            usleep(1000)
        }
        return "its process closed its socket"
    }

    /// Politely: it is idle, and may finish in its own time. Otherwise it is killed.
    func end(politely: Bool) {
        channel.stop()
        switch child {
        case .process(let pid):
            var status: Int32 = 0
            if politely {
                for _ in 0..<100 {
                    if unsafe cl_reap(pid, &status) == pid { child = .none; return }
                    usleep(1000)
                }
            }
            kill(pid, SIGKILL)
            for _ in 0..<1000 where unsafe cl_reap(pid, &status) == 0 { usleep(1000) }
        case .thread(let thread):
            // A thread cannot be killed: one that hangs is left behind ('isolation: none' says so).
            if politely { thread.join() }
        case .none: break
        }
        child = .none
    }
}
