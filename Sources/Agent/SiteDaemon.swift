internal import Diagnostics
internal import Glibc
internal import Platform
internal import Profiles
internal import Site

/// `mdc-agent run`: reads the site file, keeps a `SitePlane` running, reads the file again when told to.
struct SiteDaemon {
    private let invocation: Invocation
    private let manager = ServiceManager()

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run() -> ExitCode {
        let plan: SitePlan
        do throws(SiteFile.Refused) { plan = try load() } catch {
            for fault in error.faults { Log.write(.fault, "site file", fault.description) }
            Log.write(
                .fault, "site file",
                "\(error.faults.count) faults: not started. mdc-agent check --site \(invocation.sitePath) shows them again"
            )
            return error.exitCode(invocation.sitePath)
        }
        do throws(SystemError) {
            try keepRunning(plan)
            return .healthy
        } catch {
            Log.write(.fault, "agent", "\(error)")
            return error.code == EACCES || error.code == EPERM ? .noPermission : .internalFault
        }
    }

    private func load() throws(SiteFile.Refused) -> SitePlan {
        try SiteFile.load(
            invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder)
    }

    private func keepRunning(_ first: SitePlan) throws(SystemError) {
        // Before any thread, so that every thread leaves the signals to the loop.
        let signals = try Signals()
        let doors = PassedDoors(ServiceManager.passedDescriptors())
        try makeFolder(invocation.runFolder)
        let page = try PosturePageFile(writing: invocation.runFolder + "/posture")
        var plan = first
        var memory: [UInt8]?
        while true {
            let plane = try SitePlane(
                plan, runFolder: invocation.runFolder, page: page, doors: doors, manager: manager, memory: memory,
                reload: load)
            let ending = try plane.run(signals)
            memory = plane.memory
            guard case .reload(let next) = ending else { return }
            plan = next
        }
    }
}

extension SiteFile.Refused {
    /// Nothing to read is another matter than something wrong in it.
    func exitCode(_ path: String) -> ExitCode {
        faults.contains { $0.position.file == path && $0.isMissingFile } ? .noInput : .badConfiguration
    }
}
