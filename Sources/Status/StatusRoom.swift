internal import CLinux
internal import Glibc
public import HTTP
public import Platform
public import Site
import Synchronization

/// The room's front: made by the Agent, fed by the control loop.
public final class StatusRoom: Sendable {
    /// A listening socket passed by systemd: "agent" (Unix) or "page" (loopback).
    public struct PassedSocket: Sendable {
        public let name: String
        public let descriptor: Int32
        public init(name: String, descriptor: Int32) {
            self.name = name
            self.descriptor = descriptor
        }
    }

    private let service: StatusService
    private let server: HTTPServer
    /// What could not be opened, and what to do about it. The rest runs.
    public let faults: [String]
    public let addresses: [String]

    /// `socketPath` is opened unless systemd passed the socket "agent"; nil: no socket of our own.
    public init(
        plan: StatusPlan, socketPath: String?, passed: [PassedSocket] = [], events: (any EventSource)? = nil,
        actions: [String: StatusAction] = [:]
    ) throws(SystemError) {
        var opening = StatusDoors()
        opening.adopt(passed)
        opening.openSocket(socketPath)
        opening.openPlain(plan.listen)
        faults = opening.faults
        addresses = opening.addresses
        service = try StatusService(
            events: events, actions: actions, doors: opening.doors, watchersMax: max(4, plan.connectionsMax / 2))
        var limits = HTTPLimits()
        limits.connectionsMax = plan.connectionsMax
        limits.connectionsPerAddressMax = max(8, plan.connectionsMax / 2)
        limits.bodyBytes = 64 << 10
        limits.bufferedBodyBytes = 64 << 10
        server = try HTTPServer(name: "status", listeners: opening.listeners, service: service, limits: limits)
        let server = server
        service.counts.withLock { $0 = { server.counts } }
    }

    /// Cheap: a copy of references. Rendering happens on the status thread, when somebody asks. Published
    /// at every change, and at least every few seconds so that `time` shows that the agent lives.
    public func publish(_ snapshot: SiteSnapshot) { service.publish(snapshot) }

    public func start() throws(SystemError) {
        for fault in faults { Log.write(.warning, "status", fault) }
        try service.live.start()
        try server.start()
    }

    public func stop() {
        service.live.stop()
        server.stop()
        service.counts.withLock { $0 = nil }
    }

    public var heartbeats: [Heartbeat] { server.heartbeats + [service.live.heartbeat] }
    public var counts: HTTPCounts { server.counts }
    public var listeners: [HTTPListener] { server.listeners }
}

/// Opens what the plan names; what fails is said, not fatal.
struct StatusDoors {
    var listeners: [HTTPListener] = []
    var doors: [StatusDoor] = []
    var faults: [String] = []
    var addresses: [String] = []

    mutating func adopt(_ passed: [StatusRoom.PassedSocket]) {
        for socket in passed where socket.name == "agent" || socket.name == "page" {
            do throws(SystemError) {
                let listener = try HTTPListener.adopted(FileDescriptor(owning: socket.descriptor))
                add(listener, listener.isUnix ? .socket : .plain, "\(socket.name) (passed by systemd)")
            } catch { faults.append("socket '\(socket.name)' passed by systemd: \(error)") }
        }
    }

    mutating func openSocket(_ path: String?) {
        guard let path, !doors.contains(.socket) else { return }
        do throws(SystemError) {
            add(try HTTPListener.unix(path), .socket, path)
        } catch {
            let remedy =
                error.code == EADDRINUSE
                ? "another agent answers on it: stop that one" : "check the folder's owner and mode"
            faults.append("socket \(path): \(error.reason); \(remedy)")
        }
    }

    mutating func openPlain(_ plans: [StatusPlan.Address]) {
        let ports = listeners.map(\.port)
        for plan in plans where plan.port == 0 || !ports.contains(plan.port) {
            do throws(SystemError) {
                let listener = try HTTPListener.tcp(plan.host, port: plan.port)
                add(listener, .plain, "http://\(StatusPlan.Address(host: plan.host, port: listener.port).text)")
            } catch {
                let remedy =
                    switch error.code {
                    case EADDRINUSE: "another program has the port: 'ss -ltnp' names it; or change status.listen"
                    case EACCES: "ports below 1024 need a privilege: choose another in status.listen"
                    case EADDRNOTAVAIL: "this machine has no such address: change status.listen"
                    default: "change status.listen"
                    }
                faults.append("address \(plan.text): \(error.reason); \(remedy)")
            }
        }
    }

    private mutating func add(_ listener: HTTPListener, _ door: StatusDoor, _ address: String) {
        listeners.append(listener)
        doors.append(door)
        addresses.append(address)
    }
}

func randomHex(_ count: Int) -> String {
    var bytes = [UInt8](repeating: 0, count: count)
    _ = unsafe bytes.withUnsafeMutableBytes { unsafe cl_getrandom($0.baseAddress, $0.count) }
    return hexText(bytes)
}
