internal import Diagnostics
internal import Glibc
internal import HTTP
internal import Inference
internal import Platform
internal import Profiles
internal import Site

/// `mdc-agent serve`: the inference plane, under the posture that the site plane publishes.
struct InferenceDaemon {
    private let invocation: Invocation
    private let manager = ServiceManager()
    /// In the service manager's descriptor store.
    private static let poolName = "pool"

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run() -> ExitCode {
        let plan: SitePlan
        do throws(SiteFile.Refused) {
            plan = try SiteFile.load(
                invocation.sitePath, hardware: invocation.hardwareFolder, runFolder: invocation.runFolder)
        } catch {
            for fault in error.faults { Log.write(.fault, "site file", fault.description) }
            return error.exitCode(invocation.sitePath)
        }
        if !plan.inference.isEnabled {
            Log.write(.notice, "inference", "the site file has no inference section: there is nothing to serve")
            manager.ready("nothing to serve: the site file has no inference section")
        }
        do throws(SystemError) {
            if plan.inference.isEnabled { try serve(plan.inference) } else { try rest() }
            return .healthy
        } catch {
            let remedy = error.code == EADDRINUSE ? "; another program has it: ss -ltnp names it" : ""
            Log.write(.fault, "inference", "\(error)\(remedy)")
            return error.code == EACCES || error.code == EPERM ? .noPermission : .internalFault
        }
    }

    /// Ending would only have the service manager start this process again. Who comes to the sockets that it holds
    /// is told why nobody serves there.
    private func rest() throws(SystemError) {
        let signals = try Signals()
        var doors: [HTTPListener] = []
        for (name, descriptor) in ServiceManager.passedDescriptors() {
            let owned = FileDescriptor(owning: descriptor)
            if name != "ring", name != InferenceDaemon.poolName { doors.append(try HTTPListener.adopted(owned)) }
        }
        let server = try HTTPServer(name: "resting", listeners: doors, service: NothingServed())
        try server.start()
        defer { server.stop() }
        let loop = try EventLoop()
        var wishes: [Signals.Wish] = []
        let descriptor = signals.descriptor.raw
        try loop.add(descriptor, .readable) { _ in wishes += Signals.take(descriptor) }
        while !wishes.contains(.stop) {
            manager.feedWatchdog()
            try loop.turn(timeout_ms: 5000)
        }
    }

    private final class NothingServed: HTTPService {
        func handle(_ exchange: Exchange, body: UnsafeRawBufferPointer) {
            exchange.responder.refuse(
                503, "nothing is served here: the site file had no inference section when mdc-inference started")
        }
    }

    private func serve(_ plan: InferencePlan) throws(SystemError) {
        let signals = try Signals()
        let page = try PosturePageView(invocation.runFolder + "/posture")
        let loaded = try Wakeup()
        var surroundings = InferenceServer.Surroundings()
        surroundings.onReady = { loaded.signal() }
        for (name, descriptor) in ServiceManager.passedDescriptors() {
            switch name {
            case InferenceDaemon.poolName: surroundings.pool = descriptor
            case "ring": surroundings.ringListener = descriptor
            default: surroundings.listeners.append(try HTTPListener.adopted(FileDescriptor(owning: descriptor)))
            }
        }
        let server = try InferenceServer(
            plan: plan, posture: page.page, time: SystemTime(), readPlan: InferenceDaemon.readModelPlan,
            surroundings: surroundings)
        for copied in [surroundings.pool, surroundings.ringListener].compactMap({ $0 }) { close(copied) }
        if let pool = server.poolToKeep { manager.keep(pool, as: InferenceDaemon.poolName) }
        let watch = Watch(server.heartbeats, manager)
        let loop = try EventLoop()
        let timer = try TimerDescriptor()
        var wishes: [Signals.Wish] = []
        let signalDescriptor = signals.descriptor.raw
        try loop.add(signalDescriptor, .readable) { _ in wishes += Signals.take(signalDescriptor) }
        try loop.add(timer.descriptor.raw, .readable) { _ in }
        try loop.add(loaded.descriptor.raw, .readable) { [self] _ in
            loaded.drain()
            // What reading the site and the models needed: before anybody is sent here.
            giveBackIdleMemory()
            tellReady(plan)
        }
        try server.start()
        while !wishes.contains(.stop) {
            page.refresh()
            _ = watch.look(SystemTime.monotonic)
            timer.arm(at: SystemTime.monotonic + .seconds(1))
            try loop.turn()
            timer.drain()
        }
        manager.stopping()
        server.stop()
    }

    private func tellReady(_ plan: InferencePlan) {
        manager.ready("serving on \(plan.listen.joined(separator: ", ")) and \(plan.socketPath)")
        if Log.isUnderSystemd { return }
        let console = Console(isJSON: false)
        for address in plan.listen { console.line("inference   http://\(address)/v2") }
        console.line("inference   \(plan.socketPath)")
        console.line("ready")
    }

    private static func readModelPlan(_ path: String) -> Result<ModelPlan, ModelPlanFault> {
        do throws(ModelFile.Refused) { return .success(try ModelFile.load(path)) } catch {
            return .failure(ModelPlanFault(error.faults.map(\.description).joined(separator: "; ")))
        }
    }
}
