// Simulator: The make-believe container: physics, devices on real wires, faults on demand. It
// must never be linked into the agent.

internal import CLinux
import Glibc
internal import Platform
internal import Profiles
internal import Site

public enum Simulator {
    /// The program: exit codes as in sysexits.h (64 usage, 69 nobody there, 71 system, 78 configuration).
    public static func main(_ arguments: [String]) -> Int32 {
        switch Options.parse(arguments) {
        case .help:
            say(Options.help)
            return 0
        case .wrong(let problem):
            complain(problem)
            return 64
        case .options(let options):
            if let words = options.tell { return tell(words, options) }
            return serve(options)
        }
    }

    private static func serve(_ options: Options) -> Int32 {
        let plan: SitePlan
        do throws(SiteFile.Refused) {
            plan = try SiteFile.load(options.site, hardware: options.hardware, runFolder: absolute(options.runFolder))
        } catch {
            for fault in error.faults { complain(fault.description) }
            return 78
        }
        do throws(SystemError) {
            try Folder.make(options.runFolder)
            let simulation = try Simulation(options, plan)
            let signals = FileDescriptor(
                owning: try checked(unsafe cl_signalfd([SIGTERM, SIGINT], 2), "signalfd"))
            try simulation.loop.add(signals.raw, .readable) { _ in simulation.stop() }
            let input = StandardInput { simulation.reply(to: $0) }
            input.listen(simulation.loop)
            announce(simulation)
            try simulation.run()
            return 0
        } catch {
            complain(error.description)
            return error.operation.hasPrefix("listen") || error.operation.hasPrefix("use") ? 78 : 71
        }
    }

    private static func announce(_ simulation: Simulation) {
        if simulation.options.json {
            var writer = ByteWriter()
            writer.beginObject()
            writer.beginArray("addresses")
            for address in simulation.addresses {
                writer.beginObject()
                writer.field("kind", address.kind)
                writer.field("address", address.address)
                writer.field("serves", address.what)
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
            say(writer.text + "\n")
        } else {
            for address in simulation.addresses {
                let padding = String(repeating: " ", count: max(1, 13 - address.kind.count))
                say("\(address.kind)\(padding)\(address.address)  \(address.what)\n")
            }
        }
        say("ready\n")
    }

    /// Says one command to the simulator that runs in the run folder, and shows its answer.
    private static func tell(_ words: [String], _ options: Options) -> Int32 {
        let path = options.runFolder + "/sim.sock"
        do throws(SystemError) {
            let socket = FileDescriptor(owning: try checked(unsafe cl_connect_unix(path), "connect to", path))
            let line = Array((words.joined(separator: " ") + "\n").utf8)
            let sent = unsafe line.withUnsafeBytes { unsafe cl_send(socket.raw, $0.baseAddress, $0.count, 0) }
            try checked(sent, "send to", path)
            var answer: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4096)
            while true {
                let got = unsafe chunk.withUnsafeMutableBytes {
                    unsafe cl_recv(socket.raw, $0.baseAddress, $0.count, 0)
                }
                if got <= 0 { break }
                answer += chunk[..<got]
                let text = String(decoding: answer, as: UTF8.self)
                guard text.hasSuffix("\n"), let last = text.split(separator: "\n").last else { continue }
                if last == "ok" || last.hasPrefix("error: ") || last.hasPrefix("{\"ok\":") {
                    say(last == "ok" ? String(text.dropLast(3)) : text)
                    return last.hasPrefix("error: ") || last.hasPrefix("{\"ok\":false") ? 64 : 0
                }
            }
            complain("the simulator closed the connection")
            return 69
        } catch {
            complain("\(error); is mdc-sim running with this --run-dir?")
            return 69
        }
    }

    /// The agent that reads the same site file may stand in another folder.
    private static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let buffer = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(buffer) }
        return unsafe String(cString: buffer) + "/" + path
    }

    static func say(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe cl_write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }

    private static func complain(_ text: String) {
        let bytes = Array("mdc-sim: \(text)\n".utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe cl_write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// Commands typed at the simulator's own terminal, or piped in.
private final class StandardInput {
    private var heard: [UInt8] = []
    private let reply: (String) -> String

    init(_ reply: @escaping (String) -> String) { self.reply = reply }

    /// A file or /dev/null cannot be waited for (epoll says EPERM): then the socket is the only way in.
    func listen(_ loop: EventLoop) {
        do throws(SystemError) {
            try loop.add(STDIN_FILENO, .readable) { [self] _ in
                var bytes = [UInt8](repeating: 0, count: 1024)
                let got = unsafe bytes.withUnsafeMutableBytes { unsafe cl_read(STDIN_FILENO, $0.baseAddress, $0.count) }
                if got <= 0 { return loop.remove(STDIN_FILENO) }
                heard += bytes[..<got]
                while let end = heard.firstIndex(of: 10) {
                    Simulator.say(reply(String(decoding: heard[..<end], as: UTF8.self)))
                    heard.removeFirst(end + 1)
                }
            }
        } catch {}
    }
}
