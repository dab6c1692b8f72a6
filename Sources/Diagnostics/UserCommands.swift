internal import CLinux
internal import Glibc
internal import Platform
internal import Site
internal import Status

/// `user`: who may log in over TLS. The file is the agent's (status.secure.users); SIGHUP makes it read.
enum UserCommands {
    static let all = [set, remove, list]

    private static let file = Command.Option(
        "--file", value: "PATH", "The file of users (default /etc/mdc-agent/users; status.secure.users names it)")

    static let set = Command(
        "user", "set", summary: "Let somebody in over TLS, or give them a new password",
        discussion: """
            Asks for the password on a terminal, or reads one line from a pipe. The file keeps its scrypt hash
            alone, and is for its owner only. The agent reads it at its start and at a reload:
            systemctl reload mdc-agent.
            """,
        arguments: [.init("NAME", "letters, digits, '.', '_' and '-'")],
        options: [
            file, .init("--authority", value: "LEVEL", "viewer, technician or engineer (default viewer)"),
            .init("--no-password", "This name comes with a client certificate only"),
        ]
    ) { invocation in
        let name = invocation.arguments[0]
        guard UserFile.isName(name) else {
            invocation.console.trouble("'\(name)' is no name", remedy: "use letters, digits, '.', '_' and '-'")
            return .usage
        }
        let level = invocation["--authority"] ?? "viewer"
        guard let authority = Authority(text: level), authority != .upstream else {
            invocation.console.trouble("'\(level)' is no authority", remedy: "viewer, technician or engineer")
            return .usage
        }
        var password: PasswordHash?
        if !invocation.has("--no-password") {
            guard let text = readPassword(), text.utf8.count >= 8 else {
                invocation.console.trouble("a password has at least eight characters", remedy: "try again")
                return .usage
            }
            password = PasswordHash.make(text)
        }
        return change(invocation) { users in
            users.users.removeAll { $0.name == name }
            users.users.append(.init(name: name, authority: authority, password: password))
            return "\(name) may log in as \(authority.text); now: systemctl reload mdc-agent"
        }
    }

    static let remove = Command(
        "user", "remove", summary: "Let somebody in no more",
        arguments: [.init("NAME", "who")], options: [file]
    ) { invocation in
        let name = invocation.arguments[0]
        return change(invocation) { users in
            guard users.user(name) != nil else { return nil }
            users.users.removeAll { $0.name == name }
            return "\(name) is removed; now: systemctl reload mdc-agent"
        }
    }

    static let list = Command("user", "list", summary: "Who may log in over TLS", options: [file]) { invocation in
        do throws(UserFile.Fault) {
            let users = try UserFile.read(path(invocation)).users
            if invocation.wantsJSON {
                invocation.console.json { writer in
                    writer.beginArray()
                    for user in users {
                        writer.beginObject()
                        writer.field("name", user.name)
                        writer.field("authority", user.authority.text)
                        writer.field("password", user.password != nil)
                        writer.endObject()
                    }
                    writer.endArray()
                }
            } else {
                invocation.console.table(
                    ["NAME", "AUTHORITY", "COMES BY"],
                    users.map { user in
                        [
                            .init(user.name, .strong), .init(user.authority.text),
                            .init(user.password == nil ? "client certificate" : "password or client certificate"),
                        ]
                    })
            }
            return .healthy
        } catch {
            invocation.console.trouble("\(error)", remedy: "'mdc-agent user set NAME' makes the file")
            return .noInput
        }
    }

    private static func path(_ invocation: Invocation) -> String {
        invocation["--file"] ?? "/etc/mdc-agent/users"
    }

    /// Reads, changes and writes the file; `body` returns what to say, or nil when there is no such user.
    private static func change(_ invocation: Invocation, _ body: (inout UserFile) -> String?) -> ExitCode {
        let path = path(invocation)
        var users = UserFile()
        if unsafe access(path, F_OK) == 0 {
            do throws(UserFile.Fault) { users = try UserFile.read(path) } catch {
                invocation.console.trouble("\(error)", remedy: "correct the file, or chmod 600 it")
                return .badConfiguration
            }
        }
        guard let text = body(&users) else {
            invocation.console.trouble("no such user in \(path)", remedy: "mdc-agent user list")
            return .noInput
        }
        do throws(SystemError) { try users.write(path) } catch {
            invocation.console.trouble("\(error)", remedy: "use sudo, or name another file with --file")
            return error.code == EACCES ? .noPermission : .fault
        }
        invocation.console.line(text)
        return .healthy
    }

    /// One line, not echoed on a terminal.
    private static func readPassword() -> String? {
        var settings = termios()
        let isTerminal = unsafe tcgetattr(STDIN_FILENO, &settings) == 0
        let before = settings
        if isTerminal {
            settings.c_lflag &= ~tcflag_t(ECHO)
            _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            let prompt = Array("password: ".utf8)
            _ = unsafe cl_write(STDERR_FILENO, prompt, prompt.count)
        }
        defer {
            if isTerminal {
                var before = before
                _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
                let end: [UInt8] = [10]
                _ = unsafe cl_write(STDERR_FILENO, end, 1)
            }
        }
        return readLine(strippingNewline: true)
    }
}
