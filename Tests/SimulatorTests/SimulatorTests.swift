import CLinux
import Foundation
import Platform
import Site
import Synchronization
import Testing

@testable import Simulator

/// A simulation on a thread of its own, in a folder of its own, on ports that the kernel chose.
final class RunningSimulation: Sendable {
    let runFolder: String
    let addresses: [(kind: String, address: String)]
    private let thread: OwnerThread

    init(_ plan: SitePlan, seed: UInt64 = 1, chaos: Double = 0) throws {
        let folder = "/tmp/mdc-sim-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let known = Mutex<([(kind: String, address: String)], String?)?>(nil)
        let shared = Shared(known)
        thread = try OwnerThread("simulation") {
            var options = Options(site: "", hardware: "", runFolder: folder)
            options.seed = seed
            options.chaos = chaos
            do throws(SystemError) {
                try Folder.make(folder)
                let simulation = try Simulation(options, plan)
                shared.value.withLock { $0 = (simulation.addresses.map { ($0.kind, $0.address) }, nil) }
                try simulation.run()
            } catch { shared.value.withLock { $0 = ([], error.description) } }
        }
        runFolder = folder
        while shared.value.withLock({ $0 == nil }) { usleep(2000) }
        let result = shared.value.withLock { $0 }
        addresses = result?.0 ?? []
        if let problem = result?.1 { Issue.record("simulation: \(problem)") }
    }

    private final class Shared: Sendable {
        let value: Mutex<([(kind: String, address: String)], String?)?>
        init(_ value: consuming Mutex<([(kind: String, address: String)], String?)?>) { self.value = value }
    }

    /// The ports of the TCP buses, in the plan's order.
    var ports: [Int] {
        addresses.filter { $0.kind.hasSuffix("tcp") }.compactMap {
            $0.address.split(separator: ":").last.flatMap { Int($0) }
        }
    }

    var port: Int { ports.first ?? 0 }

    @discardableResult
    func tell(_ text: String) -> String {
        converse(runFolder + "/sim.sock", text, until: { $0.hasSuffix("ok\n") || $0.contains("error: ") })
    }

    func stop() {
        tell("quit")
        thread.join()
        try? FileManager.default.removeItem(atPath: runFolder)
    }
}

/// Says a line to a Unix socket and reads until `isEnough`, for 5 s at most.
func converse(_ path: String, _ text: String?, until isEnough: (String) -> Bool) -> String {
    let raw = unsafe cl_connect_unix(path)
    guard raw >= 0 else { return "" }
    let socket = FileDescriptor(owning: raw)
    if let text {
        let bytes = Array((text + "\n").utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe cl_send(socket.raw, $0.baseAddress, $0.count, 0) }
    }
    var timeout = timeval(tv_sec: 5, tv_usec: 0)
    unsafe setsockopt(socket.raw, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var heard: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while !isEnough(String(decoding: heard, as: UTF8.self)) {
        let got = unsafe chunk.withUnsafeMutableBytes { unsafe cl_recv(socket.raw, $0.baseAddress, $0.count, 0) }
        if got <= 0 { break }
        heard += chunk[..<got]
    }
    return String(decoding: heard, as: UTF8.self)
}
