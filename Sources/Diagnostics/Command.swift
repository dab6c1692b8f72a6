/// One subcommand as a value: parsing, `--help`, completion and manual pages all come from it.
public struct Command: Sendable {
    public struct Argument: Sendable {
        public let name: String
        public let summary: String
        public let isOptional: Bool
        public let isRepeated: Bool
        public init(_ name: String, _ summary: String, isOptional: Bool = false, isRepeated: Bool = false) {
            self.name = name
            self.summary = summary
            self.isOptional = isOptional
            self.isRepeated = isRepeated
        }
    }

    public struct Option: Sendable {
        /// With its dashes: "--since".
        public let name: String
        /// Nil for a switch that takes no value.
        public let valueName: String?
        public let summary: String
        public init(_ name: String, value valueName: String? = nil, _ summary: String) {
            self.name = name
            self.valueName = valueName
            self.summary = summary
        }

        var synopsis: String { valueName.map { name + " " + $0 } ?? name }
    }

    /// The words that name it: ["modbus", "scan"].
    public let path: [String]
    public let summary: String
    /// Paragraphs for `--help` and the manual page: what it does, an example, what to do next.
    public let discussion: String
    public let arguments: [Argument]
    public let options: [Option]
    let run: @Sendable (Invocation, CommandTable) -> ExitCode

    public init(
        _ path: String..., summary: String, discussion: String = "", arguments: [Argument] = [],
        options: [Option] = [], run: @escaping @Sendable (Invocation) -> ExitCode
    ) {
        self.init(path, summary, discussion, arguments, options) { invocation, _ in run(invocation) }
    }

    /// A command about the commands: it is given the table that it stands in.
    init(
        _ path: [String], _ summary: String, _ discussion: String, _ arguments: [Argument], _ options: [Option],
        run: @escaping @Sendable (Invocation, CommandTable) -> ExitCode
    ) {
        self.path = path
        self.summary = summary
        self.discussion = discussion
        self.arguments = arguments
        self.options = options
        self.run = run
    }

    public var name: String { path.joined(separator: " ") }

    public var synopsis: String {
        let parts = arguments.map { argument in
            let name = argument.name + (argument.isRepeated ? "..." : "")
            return argument.isOptional ? "[\(name)]" : name
        }
        return (["mdc-agent", name] + parts + ["[options]"]).joined(separator: " ")
    }

    /// Every command takes these.
    public static let commonOptions = [
        Option("--json", "Print JSON (the stable form; text is for people)"),
        Option("--site", value: "FILE", "The site file (default /etc/mdc-agent/site.yaml)"),
        Option("--hardware", value: "FOLDER", "The hardware library (default: beside the program, then /usr/share)"),
        Option("--run-dir", value: "FOLDER", "Where sockets and run-time state live (default /run/mdc-agent)"),
        Option("--socket", value: "PATH", "The socket to ask (default RUN-DIR/agent.sock; of infer, the site file's)"),
        Option("--help", "Explain the command"),
    ]
}
