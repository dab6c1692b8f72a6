internal import Diagnostics
internal import Glibc
internal import Inference
internal import Site

/// The command line of mdc-agent: the technicians' commands and the two daemons.
public enum Program {
    public static func main(_ arguments: [String]) -> Int32 {
        // A reader that hangs up is an error value, never a signal.
        signal(SIGPIPE, SIG_IGN)
        // The hidden second life: a lane's process, started by `serve` over descriptors that it hands down.
        if arguments.count > 1, arguments[1] == "lane" { return InferenceLane.main(Array(arguments.dropFirst())) }
        return table.run(Array(arguments.dropFirst())).rawValue
    }

    static let table = CommandTable(daemons + CommandTable.diagnostics, version: agentVersion)

    private static let daemons = [
        Command(
            "run", summary: "The site plane: buses, sensors, decisions, status (started by systemd)",
            discussion: """
                Reads the site file, starts every room and stays. SIGHUP reads the site file again (a broken
                one is refused and the old one kept), SIGTERM stops within two seconds. Exit 78 when the site
                file cannot be used at start.
                """
        ) { invocation in SiteDaemon(invocation).run() },
        Command(
            "serve", summary: "The inference plane: buffer pool, lanes, Open Inference Protocol (started by systemd)",
            discussion: """
                Serves the models of the site file's `inference` section, obeying the posture page that the
                site plane writes. Without a fresh page it behaves as the section's safe posture says.
                """
        ) { invocation in InferenceDaemon(invocation).run() },
    ]
}
