internal import Status

/// All commands, and the way from a command line to one of them.
public struct CommandTable: Sendable {
    public let commands: [Command]
    public let version: String

    public init(_ commands: [Command], version: String) {
        self.commands = commands
        self.version = version
    }

    /// Runs what the command line says; `words` exclude the program's name.
    public func run(_ words: [String]) -> ExitCode {
        let console = Console(isJSON: false)
        if words.isEmpty || words == ["--help"] || words == ["-h"] || words == ["help"] {
            console.raw(overview())
            return words.isEmpty ? .usage : .healthy
        }
        if words == ["--version"] { return run(["version"]) }
        if words[0] == "help" { return help(Array(words.dropFirst()), console) }
        guard let (command, rest) = find(words) else { return family(words, console) }
        do throws(Invocation.UsageFault) {
            let invocation = try Invocation(command, rest)
            if invocation.has("--help") {
                console.raw(help(command))
                return .healthy
            }
            return command.run(invocation, self)
        } catch {
            console.trouble(
                "\(command.name): \(error.text)",
                remedy: local("usage: %1; see mdc-agent %2 --help", command.synopsis, command.name))
            return .usage
        }
    }

    /// The command with the longest name that the words begin with.
    func find(_ words: [String]) -> (command: Command, rest: [String])? {
        commands.filter { words.starts(with: $0.path) }.max { $0.path.count < $1.path.count }
            .map { ($0, Array(words.dropFirst($0.path.count))) }
    }

    private func help(_ words: [String], _ console: Console) -> ExitCode {
        let matching = commands.filter { $0.path.starts(with: words) }
        if matching.isEmpty { return unknown(words, console) }
        console.raw(matching.map(help).joined(separator: "\n"))
        return .healthy
    }

    /// "mdc-agent modbus": a word that several commands begin with.
    private func family(_ words: [String], _ console: Console) -> ExitCode {
        let names = Array(words.prefix { !$0.hasPrefix("-") })
        let matching = commands.filter { $0.path.starts(with: names) }
        guard !names.isEmpty, !matching.isEmpty else { return unknown(words, console) }
        let isAsked = words.contains("--help") || words.contains("-h")
        let name = names.joined(separator: " ")
        console.raw("\(local("usage:")) mdc-agent \(name) COMMAND [options]\n\n\(rows(matching))\n")
        if isAsked { console.raw("\n" + local("Each explains itself: mdc-agent %1 --help", matching[0].name) + "\n") }
        return isAsked ? .healthy : .usage
    }

    private func rows(_ commands: [Command]) -> String {
        let width = commands.map(\.name.count).max() ?? 0
        let rows = commands.map { command in
            let gap = String(repeating: " ", count: width - command.name.count)
            return "  \(command.name)\(gap)  \(local(command.summary))"
        }
        return rows.joined(separator: "\n")
    }

    private func unknown(_ words: [String], _ console: Console) -> ExitCode {
        let family = commands.filter { $0.path.first == words.first }
        let remedy =
            family.isEmpty
            ? local("see mdc-agent help") : local("there is: %1", family.map(\.name).joined(separator: ", "))
        console.trouble(local("no such command: %1", words.joined(separator: " ")), remedy: remedy)
        return .usage
    }

    func overview() -> String {
        """
        mdc-agent \(version): \(local("the service inside a micro data centre"))

        \(local("usage:")) mdc-agent COMMAND [options]

        \(rows(commands))

        \(local(CommandTable.common))

        """
    }

    static let common = """
        Every command: --help, --json, --site FILE, --socket PATH.
        Exit codes: 0 healthy, 1 finding, 2 fault, 64 usage, 66 no such input, 69 agent not running,
        70 internal, 75 try again, 77 no permission, 78 bad configuration.
        """

    func help(_ command: Command) -> String {
        var text = "\(local(command.summary))\n\n\(local("usage:")) \(command.synopsis)\n"
        if !command.discussion.isEmpty { text += "\n\(local(command.discussion))\n" }
        let left =
            command.arguments.map { ($0.name, $0.summary) }
            + (command.options + Command.commonOptions).map { ($0.synopsis, $0.summary) }
        let width = left.map(\.0.count).max() ?? 0
        text += "\n"
        for (name, summary) in left {
            text += "  \(name)\(String(repeating: " ", count: width - name.count))  \(local(summary))\n"
        }
        return text
    }
}
