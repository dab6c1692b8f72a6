internal import Platform

/// The command table as manual pages (man(7)), section 8: what an administrator runs.
struct ManualPages {
    private let table: CommandTable

    init(_ table: CommandTable) { self.table = table }

    /// Each command's own page.
    var each: [(name: String, text: String)] {
        table.commands.map { ("mdc-agent-" + $0.path.joined(separator: "-"), page($0)) }
    }

    /// Backslashes and leading dots mean something to troff; a minus in an option is a minus, not a hyphen.
    private func escaped(_ text: some StringProtocol) -> String {
        let safe = String(text).replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return safe.hasPrefix(".") || safe.hasPrefix("'") ? "\\&" + safe : safe
    }

    private func head(_ name: String, _ summary: String) -> String {
        """
        .TH \(name.uppercased()) 8 "" "mdc-agent \(table.version)" "mdc-agent"
        .SH NAME
        \(escaped(name)) \\- \(escaped(summary))

        """
    }

    /// Blank lines part paragraphs; an indented line is an example and stays a line.
    private func paragraphs(_ text: String) -> String {
        var out = ""
        var wasExample = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let isExample = line.hasPrefix("  ")
            if line.isEmpty {
                out += ".PP\n"
            } else {
                out += (isExample || wasExample ? ".br\n" : "") + escaped(line.drop { $0 == " " }) + "\n"
            }
            wasExample = isExample
        }
        return out
    }

    private func list(_ rows: [(name: String, text: String)]) -> String {
        rows.map { ".TP\n.B \(escaped($0.name))\n\(escaped($0.text))\n" }.joined()
    }

    private func options(_ options: [Command.Option]) -> String {
        list(options.map { ($0.synopsis, $0.summary) })
    }

    private func page(_ command: Command) -> String {
        var text = head("mdc-agent-" + command.path.joined(separator: "-"), command.summary)
        text += ".SH SYNOPSIS\n.B \(escaped(command.synopsis))\n"
        text += ".SH DESCRIPTION\n\(escaped(command.summary)).\n"
        if !command.discussion.isEmpty { text += ".PP\n" + paragraphs(command.discussion) }
        if !command.arguments.isEmpty {
            text += ".SH ARGUMENTS\n" + list(command.arguments.map { ($0.name, $0.summary) })
        }
        text += ".SH OPTIONS\n" + options(command.options + Command.commonOptions)
        text += ".SH EXIT STATUS\n" + ManualPages.exitCodes
        return text + ".SH SEE ALSO\n.BR mdc\\-agent (8)\n"
    }

    var overview: String {
        var text = head("mdc-agent", "the service inside a micro data centre")
        text += ".SH SYNOPSIS\n.B mdc\\-agent\n.I COMMAND\n[options]\n"
        text += """
            .SH DESCRIPTION
            Watches the power, cooling, security and accelerators of a container with nobody on site, decides what its
            inference may do, keeps one record of cause and effect, and reports upstream.
            .PP
            .B mdc\\-agent run
            is the site plane and
            .B mdc\\-agent serve
            the inference plane; systemd starts both. The other commands are a technician's. Each has a page of its own.
            .SH COMMANDS

            """
        text += list(table.commands.map { ("mdc-agent " + $0.name, $0.summary) })
        text += ".SH OPTIONS\nEvery command takes these.\n" + options(Command.commonOptions)
        text += ".SH EXIT STATUS\n" + ManualPages.exitCodes
        text += ".SH ENVIRONMENT\n" + list(ManualPages.environment)
        text += ".SH FILES\n" + list(ManualPages.files)
        let pages = table.commands.map { "mdc-agent-" + $0.path.joined(separator: "-") }
        return text + ".SH SEE ALSO\n" + pages.map { ".BR \(escaped($0)) (8)" }.joined(separator: ",\n") + "\n"
    }

    private static let exitCodes = """
        0 healthy or done, 1 degraded or a finding, 2 a fault, 64 wrong usage, 66 no such input, 69 the agent does not
        run, 70 an error of the program, 75 try again, 77 no permission, 78 a bad configuration.

        """
    private static let environment = [
        (
            name: "LANG",
            text: "Texts are in Korean for ko_KR.UTF-8, English otherwise. JSON is never translated."
        ),
        (name: "NO_COLOR", text: "No colour, whatever the terminal."),
        (name: "MDC_SITE, MDC_HARDWARE, RUN_DIR", text: "As --site, --hardware and --run-dir."),
    ]
    private static let files = [
        (name: "/etc/mdc-agent/site.yaml, site.d/*.yaml", text: "The container."),
        (name: "/usr/share/mdc-agent/hardware/", text: "Profiles of machines, cards and wirings."),
        (name: "/var/lib/mdc-agent/journal.sqlite", text: "Events, hash-chained."),
        (name: "/run/mdc-agent/agent.sock", text: "The running agent, for the group mdc-agent."),
    ]
}
