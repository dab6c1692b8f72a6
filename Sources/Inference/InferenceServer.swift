internal import CLinux
internal import Glibc
public import HTTP
public import Platform
public import Site

/// The inference plane as one object: what `mdc-agent serve` makes, runs and stops.
public final class InferenceServer: Sendable {
    private let house: InferenceHouse
    private let server: HTTPServer
    /// The pool's memory, where it is new: for a service manager that keeps descriptors over a restart.
    public let poolToKeep: Int32?
    /// Lanes, readiness: published at least every two seconds.
    public let status: Latest<InferenceStatus>

    /// Things that the service manager, or a test, hands over.
    public struct Surroundings: Sendable {
        /// The program whose `lane` command is a lane's life; usually this one.
        public var executable = "/proc/self/exe"
        /// Listening sockets held by systemd, instead of the plan's addresses.
        public var listeners: [HTTPListener] = []
        /// The native clients' listening socket, held by systemd; it is copied.
        public var ringListener: Int32?
        /// The pool of the process before this one, where the service manager kept it; it is copied.
        public var pool: Int32?
        /// Called once, on the serving thread, when every model has loaded (or failed to).
        public var onReady: @Sendable () -> Void = {}
        public init() {}
    }

    /// `posture`: the page that the site plane publishes; it must outlive the server.
    public init(
        plan: InferencePlan, posture: PosturePage, time: any TimeSource, readPlan: @escaping ModelPlanReader,
        surroundings: Surroundings = Surroundings()
    ) throws(SystemError) {
        let status = Latest(InferenceStatus(isReady: false, lanes: []))
        self.status = status
        let pool = try Pool(plan.pool, adopting: surroundings.pool)
        poolToKeep = pool.isAdopted ? nil : pool.descriptor.raw
        house = InferenceHouse(
            plan, pool: pool, posture: posture, executable: surroundings.executable,
            libraries: InferenceServer.libraries(plan), time: time, readPlan: readPlan, status: status,
            onReady: surroundings.onReady)
        if let ringListener = surroundings.ringListener {
            let copy = try checked(fcntl(ringListener, F_DUPFD_CLOEXEC, 3), "dup")
            house.ring = try RingDoor(adopting: FileDescriptor(owning: copy), house)
        } else if let path = plan.ringPath {
            // HTTP clients are served all the same.
            do throws(SystemError) { house.ring = try RingDoor(path, house) } catch {
                Log.write(.warning, "inference", "no native clients: \(error); set 'ring' in the site file")
            }
        }
        var listeners = surroundings.listeners
        if listeners.isEmpty {
            for address in plan.listen { listeners.append(try InferenceServer.listener(address)) }
            if !plan.socketPath.isEmpty { listeners.append(try HTTPListener.unix(plan.socketPath, mode: 0o666)) }
        }
        var limits = HTTPLimits()
        limits.connectionsMax = plan.limits.connectionsMax
        limits.connectionsPerAddressMax = plan.limits.connectionsMax
        limits.bodyBytes = plan.limits.bodyBytesMax
        limits.readsHeadsAlone = true
        // Two seconds less than the unit's TimeoutStopSec.
        limits.stopTime = .seconds(8)
        limits.partingTime = .milliseconds(500)
        limits.answerTime = .seconds(300)
        server = try HTTPServer(
            name: "inference", listeners: listeners, service: HTTPDoor(house), limits: limits, guest: house)
        house.server = server
    }

    /// "127.0.0.1:8000", "[::1]:8000".
    private static func listener(_ address: String) throws(SystemError) -> HTTPListener {
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else {
            throw SystemError("listen", "'\(address)' (expected address:port)", code: EINVAL)
        }
        let host = address[..<colon].filter { $0 != "[" && $0 != "]" }
        return try HTTPListener.tcp(String(host), port: port)
    }

    public func start() throws(SystemError) { try server.start() }

    /// Answers what has arrived (for at most eight seconds), stops every lane, joins every thread.
    public func stop() { server.stop() }

    public var heartbeats: [Heartbeat] { server.heartbeats }
    /// The ports that were bound, in the order of the listeners.
    public var ports: [UInt16] { server.listeners.map(\.port) }
    public var counts: HTTPCounts { server.counts }

    /// Where ONNX Runtime is looked for, best first.
    static func libraries(_ plan: InferencePlan) -> [String] {
        if let library = plan.library { return [library] }
        var places: [String] = []
        if let path = unsafe getenv("MDC_ONNXRUNTIME") { places.append(unsafe String(cString: path)) }
        if let program = programFolder() {
            places.append(program + "/libonnxruntime.so")
            places.append(program + "/../lib/mdc-agent/libonnxruntime.so")
        }
        places.append(".deps/onnxruntime/libonnxruntime.so")
        let usual = [
            "/usr/lib/mdc-agent", "/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
        ]
        for folder in usual {
            places.append(folder + "/libonnxruntime.so")
            // Debian 13 ships the library without the development link.
            let names = (try? namesInFolder(folder)) ?? []
            places += names.filter { $0.hasPrefix("libonnxruntime.so.") }.map { folder + "/" + $0 }
        }
        return places
    }

    private static func programFolder() -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            guard let base = buffer.baseAddress else { return nil }
            let count = unsafe readlink("/proc/self/exe", base, 4095)
            guard count > 0 else { return nil }
            unsafe base[count] = 0
            let path = unsafe String(cString: base)
            return path.lastIndex(of: "/").map { String(path[..<$0]) }
        }
    }
}
