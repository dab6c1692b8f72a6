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
    private let gate: AccessGate
    private let secure: SecurePlan?
    private let tls: TLSContext?
    /// What could not be opened, and what to do about it. The rest runs.
    public let faults: [String]
    public let addresses: [String]
    /// SHA-256 of the certificate on the TLS address, for the technician to compare.
    public var fingerprint: String? { service.fingerprint.value }

    /// `socketPath` is opened unless systemd passed the socket "agent"; nil: no socket of our own.
    /// A certificate that the plan does not name is made in `stateFolder`.
    public init(
        plan: StatusPlan, layout: SiteLayout = SiteLayout(), socketPath: String?, stateFolder: String,
        passed: [PassedSocket] = [], events: (any EventSource)? = nil, actions: [String: StatusAction] = [:]
    ) throws(SystemError) {
        var opening = StatusDoors()
        opening.adopt(passed)
        opening.openSocket(socketPath)
        opening.openPlain(plan.listen)
        gate = AccessGate()
        secure = plan.secure
        if let secure = plan.secure { opening.openSecure(secure, gate, stateFolder) }
        faults = opening.faults
        addresses = opening.addresses
        tls = opening.tls
        service = try StatusService(
            events: events.map { SharedEvents($0) }, actions: actions, doors: opening.doors, machines: layout,
            uuid: StatusRoom.serviceID(stateFolder), stateFolder: stateFolder, usersPath: plan.secure?.users,
            watchersMax: max(4, plan.connectionsMax / 2))
        service.fingerprint.publish(opening.tls.flatMap { OwnCertificate.fingerprint($0.files.certificate) })
        var limits = HTTPLimits()
        limits.connectionsMax = plan.connectionsMax
        limits.connectionsPerAddressMax = max(8, plan.connectionsMax / 2)
        limits.bodyBytes = 64 << 10
        limits.bufferedBodyBytes = 64 << 10
        // Who asks at the moment of a reload is answered; short, because the control loop waits for it.
        limits.partingTime = .milliseconds(100)
        server = try HTTPServer(name: "status", listeners: opening.listeners, service: service, limits: limits)
        let server = server
        service.counts.withLock { $0 = { server.counts } }
    }

    /// A name for this container's Redfish service that no other has: from the machine's own id.
    private static func serviceID(_ stateFolder: String) -> String {
        let machine = (try? readFile("/etc/machine-id", limit: 128)) ?? Array(stateFolder.utf8)
        // Hashed with a word of ours: the machine-id itself stays in the machine (machine-id(5)).
        var digest = Array(sha256(Array("mdc-agent redfish".utf8) + machine).prefix(16))
        digest[6] = digest[6] & 0x0F | 0x40
        digest[8] = digest[8] & 0x3F | 0x80
        let hex = Array(hexText(digest))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(hex[$0]) }.joined(separator: "-")
    }

    /// Reads certificate, key and users again; what is faulty stays as it was and is returned in words.
    public func reload() -> [String] {
        var faults: [String] = []
        if let tls {
            do throws(TLSError) {
                try tls.reload()
                service.fingerprint.publish(OwnCertificate.fingerprint(tls.files.certificate))
            } catch { faults.append("\(error); the old one stays in use") }
        }
        if let path = secure?.users {
            do throws(UserFile.Fault) { gate.replace(try UserFile.read(path)) } catch {
                faults.append("\(error); the old list stays in use")
            }
        }
        return faults
    }

    /// Cheap: a copy of references. Rendering happens on the status thread, when somebody asks. Published
    /// at every change, and at least every few seconds so that `time` shows that the agent lives.
    public func publish(_ snapshot: SiteSnapshot) { service.publish(snapshot) }

    /// Somebody follows the readings as they change.
    public var isWatched: Bool { service.live.isWatched }

    public func start() throws(SystemError) {
        for fault in faults { Log.write(.warning, "status", fault) }
        if let fingerprint { Log.write(.notice, "status", "TLS certificate SHA-256 \(fingerprint)") }
        try service.live.start()
        try service.push?.start()
        try server.start()
    }

    public func stop() {
        service.live.stop()
        service.push?.stop()
        server.stop()
        service.counts.withLock { $0 = nil }
    }

    public var heartbeats: [Heartbeat] {
        server.heartbeats + [service.live.heartbeat] + (service.push.map { [$0.heartbeat] } ?? [])
    }
    public var counts: HTTPCounts { server.counts }
    public var listeners: [HTTPListener] { server.listeners }
}

func randomHex(_ count: Int) -> String {
    var bytes = [UInt8](repeating: 0, count: count)
    _ = unsafe bytes.withUnsafeMutableBytes { unsafe cl_getrandom($0.baseAddress, $0.count) }
    return hexText(bytes)
}
