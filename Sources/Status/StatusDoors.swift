internal import Glibc
internal import HTTP
internal import Platform
internal import Site

/// Opens what the plan names; what fails is said, not fatal.
struct StatusDoors {
    var listeners: [HTTPListener] = []
    var doors: [StatusDoor] = []
    var faults: [String] = []
    var addresses: [String] = []
    var tls: TLSContext?

    mutating func adopt(_ passed: [StatusRoom.PassedSocket]) {
        for socket in passed where socket.name == "agent" || socket.name == "page" {
            do throws(SystemError) {
                let listener = try HTTPListener.adopted(FileDescriptor(owning: socket.descriptor))
                add(listener, listener.isUnix ? .socket : .plain, "\(socket.name) (passed by systemd)")
            } catch { faults.append("socket '\(socket.name)' passed by systemd: \(error)") }
        }
    }

    mutating func openSocket(_ path: String?) {
        guard let path, !doors.contains(where: \.isSocket) else { return }
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
                faults.append("address \(plan.text): \(error.reason); \(remedy(error, "status.listen"))")
            }
        }
    }

    private func remedy(_ error: SystemError, _ key: String) -> String {
        switch error.code {
        case EADDRINUSE: "another program has the port: 'ss -ltnp' names it; or change \(key)"
        case EACCES: "ports below 1024 need a privilege: choose another in \(key)"
        case EADDRNOTAVAIL: "this machine has no such address: change \(key)"
        default: "change \(key)"
        }
    }

    /// TLS, with a certificate of our own where the plan names none.
    mutating func openSecure(_ plan: SecurePlan, _ gate: AccessGate, _ stateFolder: String) {
        let certificate = plan.certificatePath(stateFolder: stateFolder)
        let key = plan.keyPath(stateFolder: stateFolder)
        if plan.certificate == nil {
            do throws(SystemError) {
                try OwnCertificate.ensure(certificate: certificate, key: key, names: ownNames(plan.listen))
            } catch {
                faults.append("TLS: \(error); name a certificate in status.secure")
                return
            }
        }
        let context: TLSContext
        do throws(TLSError) {
            let files = TLSContext.Files(
                certificate: certificate, key: key, clientAuthorities: plan.clientAuthorities)
            context = try TLSContext(files)
        } catch {
            faults.append("TLS: \(error); the address stays closed until status.secure is right")
            return
        }
        readUsers(plan, gate)
        tls = context
        for address in plan.listen {
            do throws(SystemError) {
                let listener = try HTTPListener.tcp(address.host, port: address.port, tls: context)
                let text = StatusPlan.Address(host: address.host, port: listener.port).text
                add(listener, .secure(gate), "https://\(text)")
            } catch {
                faults.append("address \(address.text): \(error.reason); \(remedy(error, "status.secure.listen"))")
            }
        }
    }

    private mutating func readUsers(_ plan: SecurePlan, _ gate: AccessGate) {
        if let path = plan.users {
            do throws(UserFile.Fault) { gate.replace(try UserFile.read(path)) } catch { faults.append("\(error)") }
        }
        if !gate.hasUsers, plan.clientAuthorities == nil {
            faults.append("TLS: nobody can log in yet: 'mdc-agent user set NAME' and status.secure.users")
        }
    }

    /// The machine's name, and every address that is not "all of them".
    private func ownNames(_ addresses: [StatusPlan.Address]) -> [String] {
        let host = (try? readFile("/proc/sys/kernel/hostname", limit: 256)).map { bytes in
            String(decoding: bytes.filter { $0 > 32 && $0 < 127 }, as: UTF8.self)
        }
        var names = [host ?? "mdc-agent", "localhost", "127.0.0.1", "::1"]
        for address in addresses where !names.contains(address.host) && !["0.0.0.0", "::"].contains(address.host) {
            names.append(address.host)
        }
        return names
    }

    private mutating func add(_ listener: HTTPListener, _ door: StatusDoor, _ address: String) {
        listeners.append(listener)
        doors.append(door)
        addresses.append(address)
    }
}
