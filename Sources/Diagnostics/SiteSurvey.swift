internal import CLinux
internal import Glibc
internal import Platform
internal import Security
internal import Site

/// Looks at what a sound site file names: is it there, may we use it? Nothing is changed or asked of a device.
struct SiteSurvey {
    struct Finding {
        let subject: String
        let text: String
        let remedy: String
    }

    private(set) var findings: [Finding] = []

    init(_ plan: SitePlan, _ invocation: Invocation) {
        for bus in plan.modbus.buses { lookAt(bus) }
        for (line, fault) in SecurityCommands.missingLines(ChipCatalogue.read(), plan.security) {
            note(line.writtenAt, "line \(line.name): \(fault.text)", "mdc-agent gpio list shows every line there is")
        }
        lookAtFolder(plan.journal.folder, "journal")
        lookAtFolder(invocation.runFolder, "run folder")
    }

    private mutating func lookAt(_ bus: ModbusBus) {
        switch bus.link {
        case .rtu(let device, _, _):
            if unsafe access(device, F_OK) != 0 {
                note(
                    "bus \(bus.name)", "there is no \(device)",
                    "is the adapter plugged in? ls /dev/serial/by-id names what is")
            } else if unsafe access(device, R_OK | W_OK) != 0 {
                note("bus \(bus.name)", "no permission for \(device)", "the user must be in the group dialout")
            }
        case .tcp(let host, let port), .rtuOverTCP(let host, let port):
            // Names are resolved by the bus itself; a numeric address can be tried at once.
            let result = unsafe cl_connect_tcp(host, UInt16(clamping: port), 1000)
            if result >= 0 {
                close(result)
            } else if result != -EINVAL {
                note(
                    "bus \(bus.name)", "\(host):\(port): \(SystemError.text(of: -result))",
                    "is the machine powered, is the address right? mdc-agent modbus scan \(host) looks for it")
            }
        }
    }

    private mutating func lookAtFolder(_ path: String, _ what: String) {
        if unsafe access(path, F_OK) != 0 {
            note(what, "there is no \(path)", "systemd makes it at start; by hand: mkdir -p \(path)")
        } else if unsafe access(path, W_OK) != 0 {
            note(
                what, "no permission to write to \(path)",
                "run this as the agent's user: sudo -u mdc-agent mdc-agent check")
        }
    }

    private mutating func note(_ subject: String, _ text: String, _ remedy: String) {
        findings.append(Finding(subject: subject, text: text, remedy: remedy))
    }
}
