internal import CLinux
public import Platform
public import Site

/// The make-believe container's lines, from its Unix socket: text lines `line NAME LEVEL NANOSECONDS`,
/// first one for each line, then one for each edge. While nobody answers, every line is in fault.
public final class SimulatedSource: LineSource {
    private let socketPath: String
    private let names: [String: Int]
    private let time: any TimeSource
    private var loop: EventLoop?
    private weak var listener: (any LineListener)?
    private var connection: FileDescriptor?
    private var waiting: [UInt8] = []
    private var lastFault: LineFault?
    public private(set) var nextDeadline: MonotonicTime?

    static let retryDelay = Nanoseconds.milliseconds(500)
    /// A line of the protocol is under 100 bytes: more without a newline is not it.
    static let lineBytesMax = 1024

    public init(socketPath: String, _ plan: [LinePlan], time: any TimeSource) {
        self.socketPath = socketPath
        self.time = time
        names = Dictionary(plan.enumerated().map { ($1.name, $0) }) { first, _ in first }
    }

    public func start(on loop: EventLoop, telling listener: any LineListener) {
        self.loop = loop
        self.listener = listener
        connect()
    }

    public func tick(_ now: MonotonicTime) {
        if let due = nextDeadline, due <= now { connect() }
    }

    public func stop() {
        if let raw = connection?.raw { loop?.remove(raw) }
        connection = nil
    }

    private func connect() {
        guard let loop else { return }
        nextDeadline = nil
        do throws(SystemError) {
            let socket = FileDescriptor(
                owning: try checked(unsafe cl_connect_unix(socketPath), "connect", socketPath))
            try socket.setNonblocking(true)
            try loop.add(socket.raw, .readable) { [weak self] _ in self?.readable() }
            connection = consume socket
            waiting.removeAll(keepingCapacity: true)
        } catch { lose(LineFault(.notConnected, error.description)) }
    }

    private func lose(_ fault: LineFault) {
        stop()
        nextDeadline = time.now().monotonic + SimulatedSource.retryDelay
        if lastFault == fault { return }
        lastFault = fault
        for line in names.values.sorted() { listener?.lineFailed(line, fault) }
    }

    private func readable() {
        guard let raw = connection?.raw else { return }
        var chunk = [UInt8](repeating: 0, count: 4096)
        let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_recv(raw, $0.baseAddress, $0.count, 0) }
        if got == -11 /* EAGAIN */ { return }
        if got <= 0 { return lose(LineFault(.notConnected, "the simulator went away")) }
        waiting += chunk[..<got]
        while let newline = waiting.firstIndex(of: 10) {
            let isUnderstood = take(waiting[..<newline])
            waiting.removeSubrange(...newline)
            if !isUnderstood { return lose(LineFault(.malformedReply, socketPath)) }
        }
        if waiting.count > SimulatedSource.lineBytesMax { lose(LineFault(.malformedReply, socketPath)) }
    }

    /// False when it is not a line of the protocol; a line that the plan does not name is passed over.
    private func take(_ bytes: ArraySlice<UInt8>) -> Bool {
        let words = bytes.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        // A line's name may hold blanks: the level and the time are the last two words.
        guard words.count >= 4, words[0] == "line", let nanoseconds = Int64(words[words.count - 1]),
            ["0", "1"].contains(words[words.count - 2])
        else { return false }
        lastFault = nil
        guard let line = names[words[1..<words.count - 2].joined(separator: " ")] else { return true }
        listener?.lineMoved(
            line, isHigh: words[words.count - 2] == "1", isSettled: false, at: MonotonicTime(nanoseconds: nanoseconds))
        return true
    }
}
