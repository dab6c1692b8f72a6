internal import Glibc

/// A command with what the user gave it, checked against its declaration.
public struct Invocation: Sendable {
    public let command: Command
    public let arguments: [String]
    private let values: [String: String]
    public let console: Console

    public struct UsageFault: Error, Equatable { public let text: String }

    /// `words` are what follows the command's own name.
    public init(_ command: Command, _ words: [String]) throws(UsageFault) {
        let known = command.options + Command.commonOptions
        var values: [String: String] = [:]
        var arguments: [String] = []
        var onlyArguments = false
        var rest = words[...]
        while let word = rest.popFirst() {
            guard !onlyArguments, word.hasPrefix("-"), word != "-" else {
                arguments.append(word)
                continue
            }
            if word == "--" {
                onlyArguments = true
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let option = known.first(where: { $0.name == parts[0] || (word == "-h" && $0.name == "--help") })
            else {
                throw UsageFault(text: "unknown option \(parts[0])")
            }
            if let valueName = option.valueName {
                guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                    throw UsageFault(text: "\(option.name) needs a value: \(option.name) \(valueName)")
                }
                values[option.name] = value
            } else if parts.count == 2 {
                throw UsageFault(text: "\(option.name) takes no value")
            } else {
                values[option.name] = ""
            }
        }
        self.command = command
        self.arguments = arguments
        self.values = values
        console = Console(isJSON: values["--json"] != nil)
        if values["--help"] == nil { try checkArguments() }
    }

    private func checkArguments() throws(UsageFault) {
        let needed = command.arguments.filter { !$0.isOptional }
        if arguments.count < needed.count {
            throw UsageFault(text: "\(needed[arguments.count].name) is missing")
        }
        if arguments.count > command.arguments.count, command.arguments.last?.isRepeated != true {
            throw UsageFault(text: "too many arguments: '\(arguments[command.arguments.count])'")
        }
    }

    public func has(_ option: String) -> Bool { values[option] != nil }
    public subscript(option: String) -> String? { values[option] }
    public var wantsJSON: Bool { has("--json") }

    public var sitePath: String {
        self["--site"] ?? environment("MDC_SITE") ?? "/etc/mdc-agent/site.yaml"
    }
    /// Absolute, as the paths in it must be: "run:state" in a site file is a path of ours.
    public var runFolder: String {
        let told = self["--run-dir"] ?? environment("RUN_DIR") ?? "/run/mdc-agent"
        return told.hasPrefix("/") ? told : (currentFolder() ?? "") + "/" + told
    }
    public var socketPath: String { self["--socket"] ?? runFolder + "/agent.sock" }

    /// The hardware library: as told, else beside a checkout's build, else as installed.
    public var hardwareFolder: String {
        if let told = self["--hardware"] ?? environment("MDC_HARDWARE") { return told }
        let installed = "/usr/share/mdc-agent/hardware"
        guard let program = programFolder() else { return installed }
        // .build/<triple>/release/mdc-agent or .build/release/mdc-agent in a checkout
        for up in ["/../..", "/../../.."] {
            let candidate = program + up + "/Hardware"
            if unsafe access(candidate + "/equipment", R_OK) == 0 { return candidate }
        }
        return installed
    }

    /// A whole number option within a range, or a usage fault that names both.
    public func integer(_ option: String, _ range: ClosedRange<Int>, default fallback: Int) throws(UsageFault) -> Int {
        guard let text = self[option] else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw UsageFault(
                text:
                    "\(option): found '\(text)', expected \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }
}

/// An environment variable that is set and not empty.
public func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
}

func currentFolder() -> String? {
    guard let path = unsafe getcwd(nil, 0) else { return nil }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
}

/// The folder that holds the running program.
public func programFolder() -> String? {
    realPath("/proc/self/exe").flatMap { text in text.lastIndex(of: "/").map { String(text[..<$0]) } }
}

/// Where a path leads when its links are followed; nil: nowhere.
func realPath(_ path: String) -> String? {
    guard let real = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
}
