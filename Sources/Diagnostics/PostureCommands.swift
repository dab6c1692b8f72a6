internal import Glibc
internal import Platform
internal import Site

/// `posture`: the shared page itself, as the inference plane reads it; no answer of the agent is needed.
enum PostureCommands {
    static let all = [posture]

    /// As long as the inference plane believes a page that nobody refreshes (three of the agent's beats).
    private static let staleAfter = Nanoseconds.milliseconds(1500)

    static let posture = Command(
        "posture", summary: "What the container allows its inference, and why",
        discussion: """
            Reads the page in RUN-DIR/posture that the inference plane reads. Exit 0: normal, 1: conserve or
            drain, 2: stop or seal, 69: nobody refreshes the page, so the inference plane keeps to its safe posture.
            """
    ) { invocation in
        let path = invocation.runFolder + "/posture"
        let page: Posture?
        do throws(SystemError) { page = try read(path) } catch {
            let isMissing = error.code == ENOENT
            invocation.console.trouble(
                "posture: \(error)", remedy: isMissing ? AgentClient.Fault.notRunning(socket: "").remedy : nil)
            return isMissing ? .agentNotRunning : .noPermission
        }
        guard let page else {
            invocation.console.trouble(
                "posture: nobody refreshes \(path): the inference plane keeps to its safe posture",
                remedy: AgentClient.Fault.notRunning(socket: "").remedy)
            return .agentNotRunning
        }
        if invocation.wantsJSON {
            invocation.console.json { write(page, &$0) }
        } else {
            show(page, invocation.console)
        }
        switch page.state {
        case .normal: return .healthy
        case .conserve, .drain: return .finding
        case .stop, .seal: return .fault
        }
    }

    private static func read(_ path: String) throws(SystemError) -> Posture? {
        let file = try FileDescriptor.open(path, O_RDONLY | O_CLOEXEC)
        var found = stat()
        // A page that is shorter than a page was never written; mapped, it would kill the reader.
        guard unsafe fstat(file.raw, &found) == 0, found.st_size >= PosturePage.byteCount else { return nil }
        let memory = try MappedMemory(descriptor: file.raw, byteCount: PosturePage.byteCount, access: .readOnly)
        return unsafe PosturePage(at: memory.start).posture(at: SystemTime.monotonic, staleAfter: staleAfter)
    }

    private static func show(_ page: Posture, _ console: Console) {
        let watts = page.watts.map { " (\(Int($0)) W)" } ?? ""
        let ink: Console.Ink = page.state == .normal ? .good : page.state >= .stop ? .bad : .attention
        console.line("\(console.inked(page.state.text + watts, ink)): \(page.reason)")
        console.line("since \(page.since.rfc3339)")
        if !page.drainedAccelerators.isEmpty {
            console.line("draining: " + page.drainedAccelerators.joined(separator: ", "))
        }
    }

    private static func write(_ page: Posture, _ writer: inout ByteWriter) {
        writer.beginObject()
        writer.field("state", page.state.text)
        writer.field("reason", page.reason)
        writer.field("since", page.since.milliseconds)
        writer.field("watts", page.watts)
        writer.beginArray("drained")
        for name in page.drainedAccelerators { writer.value(name) }
        writer.endArray()
        writer.endObject()
    }
}
