import Glibc
internal import Platform

/// The command line.
struct Options: Equatable {
    var site: String
    var hardware: String
    var runFolder: String
    var seed: UInt64 = 1
    var speed = 1.0
    var chaos = 0.0
    var isPaced = true
    var json = false
    var accelerators: [AcceleratorKind]?
    /// Words for a simulator that runs already.
    var tell: [String]?

    static let help = """
        mdc-sim: the make-believe container. Serves the machines of a site file over real Modbus/TCP and
        serial lines, a sysfs tree with accelerators, and the security lines; breaks what it is told to.

        usage: mdc-sim [options]              serve until SIGTERM, Ctrl-C or `quit`
               mdc-sim [options] tell WORDS   say WORDS to the simulator that runs, e.g. tell mains off

          --site FILE          the site to stand in for (default $MDC_SITE or Hardware/sites/demo.yaml)
          --hardware DIR       register maps and layouts (default $MDC_HARDWARE or Hardware)
          --run-dir DIR        sockets, serial lines and the sysfs tree; `run:` in the site file
                               (default $RUN_DIR or .run)
          --seed N             the container's weather, load and random faults (default 1)
          --speed N            simulated seconds per second, 0.1 to 1000 (default 1)
          --chaos PERCENT      this part of all replies goes wrong, as the seed chooses (default 0)
          --accelerators LIST  kinds, with commas, instead of the site's:
                               \(AcceleratorKind.allCases.prefix(5).map(\.rawValue).joined(separator: " "))
                               \(AcceleratorKind.allCases.dropFirst(5).map(\.rawValue).joined(separator: " "))
          --unpaced            serial lines answer at once instead of at their speed
          --json               addresses, and replies to commands, as JSON
          --help

        Commands come by standard input, by the socket sim.sock in the run folder, or by `tell`;
        `help` lists them.

        """

    enum Parsed: Equatable {
        case options(Options)
        case help
        case wrong(String)
    }

    static func parse(_ arguments: [String]) -> Parsed {
        var options = Options(
            site: environment("MDC_SITE") ?? "Hardware/sites/demo.yaml",
            hardware: environment("MDC_HARDWARE") ?? "Hardware", runFolder: environment("RUN_DIR") ?? ".run")
        var rest = arguments[...]
        while let word = rest.popFirst() {
            switch word {
            case "--help", "-h": return .help
            case "--json": options.json = true
            case "--unpaced": options.isPaced = false
            case "tell":
                options.tell = Array(rest)
                return rest.isEmpty ? .wrong("tell: what? `mdc-sim tell help` lists the commands") : .options(options)
            case "--site", "--hardware", "--run-dir", "--seed", "--speed", "--chaos", "--accelerators":
                guard let text = rest.popFirst() else { return .wrong("\(word) needs a value") }
                if let problem = options.set(word, text) { return .wrong(problem) }
            default: return .wrong("unknown option '\(word)'; --help lists them")
            }
        }
        return .options(options)
    }

    private mutating func set(_ name: String, _ text: String) -> String? {
        switch name {
        case "--site": site = text
        case "--hardware": hardware = text
        case "--run-dir": runFolder = text
        case "--seed":
            guard let number = UInt64(text) else { return "--seed: found '\(text)', expected a whole number" }
            seed = number
        case "--speed":
            guard let number = Double(text), (0.1...1000).contains(number) else {
                return "--speed: found '\(text)', expected 0.1 to 1000"
            }
            speed = number
        case "--chaos":
            let digits = text.hasSuffix("%") ? String(text.dropLast()) : text
            guard let number = Double(digits), (0...100).contains(number) else {
                return "--chaos: found '\(text)', expected 0 to 100 percent"
            }
            chaos = number / 100
        default: return setAccelerators(text)
        }
        return nil
    }

    private mutating func setAccelerators(_ text: String) -> String? {
        var kinds: [AcceleratorKind] = []
        for word in text.split(separator: ",") {
            guard let kind = AcceleratorKind(rawValue: String(word)) else {
                return "--accelerators: '\(word)' is not known; known: "
                    + AcceleratorKind.allCases.map(\.rawValue).joined(separator: ", ")
            }
            kinds.append(kind)
        }
        accelerators = kinds
        return nil
    }

    private static func environment(_ name: String) -> String? {
        guard let text = unsafe getenv(name) else { return nil }
        let value = unsafe String(cString: text)
        return value.isEmpty ? nil : value
    }
}
