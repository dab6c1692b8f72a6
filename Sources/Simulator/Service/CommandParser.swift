internal import Platform

extension Command {
    /// Nil for an empty line or a comment.
    static func parse(_ text: String) throws(Fault) -> Command? {
        let words = text.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
        guard let first = words.first, !first.hasPrefix("#") else { return nil }
        let rest = Array(words.dropFirst())
        switch first {
        case "help", "?": return .help
        case "status": return .status
        case "heal": return .heal
        case "quit", "exit": return .quit
        case "unit": return try unit(rest)
        case "accel", "accelerator", "npu": return try accelerator(rest)
        case "line": return try line(rest)
        case "door", "motion", "smoke", "leak", "tamper": return try security(first, rest)
        case "chaos": return .chaos(try percent(rest.first, 0...100) / 100)
        case "speed":
            guard let number = rest.first.flatMap(Double.init), (0.1...1000).contains(number) else {
                throw Fault("speed: expected a number from 0.1 to 1000")
            }
            return .speed(number)
        default:
            if let cause = try cause(first, rest) { return .container(cause) }
            if let fault = try fault(words) { return .machine(whom: nil, fault) }
            throw Fault("'\(first)' is no command; help lists them")
        }
    }

    // MARK: - Container and security

    private static func choice<Value>(
        _ subject: String, _ word: String?, _ choices: [(String, Value)]
    ) throws(Fault) -> Value {
        for (name, value) in choices where name == word { return value }
        throw Fault("\(subject): expected \(choices.map(\.0).joined(separator: " or "))")
    }

    private static func percent(_ word: String?, _ range: ClosedRange<Double>) throws(Fault) -> Double {
        let digits = word.map { $0.hasSuffix("%") ? String($0.dropLast()) : $0 }
        guard let number = digits.flatMap(Double.init), range.contains(number) else {
            throw Fault("expected \(Int(range.lowerBound)) to \(Int(range.upperBound)) percent")
        }
        return number
    }

    private static func cause(_ subject: String, _ rest: [String]) throws(Fault) -> ContainerCause? {
        let word = rest.first
        switch subject {
        case "mains":
            if word?.hasSuffix("%") == true { return .mains(try percent(word, 0...120) / 100) }
            return .mains(try choice(subject, word, [("on", 1), ("off", 0), ("brownout", 0.78)]))
        case "genset": return .genset(fails: try choice(subject, word, [("fail", true), ("ok", false)]))
        case "ups": return .ups(fails: try choice(subject, word, [("fail", true), ("ok", false)]))
        case "battery": return .battery(worn: try choice(subject, word, [("worn", true), ("new", false)]))
        case "crac": return .crac(off: try choice(subject, word, [("off", true), ("on", false)]))
        case "chiller": return .chiller(off: try choice(subject, word, [("off", true), ("on", false)]))
        case "pump": return .pump(off: try choice(subject, word, [("off", true), ("on", false)]))
        case "load": return .load(word == "auto" ? nil : try percent(word, 0...100) / 100)
        case "outdoor":
            if word == "auto" { return .outdoor(nil) }
            guard let degrees = word.flatMap(Double.init), (-40...60).contains(degrees) else {
                throw Fault("outdoor: expected auto or -40 to 60")
            }
            return .outdoor(degrees)
        default: return nil
        }
    }

    private static func security(_ subject: String, _ rest: [String]) throws(Fault) -> Command {
        guard let kind = SecurityLine.Kind(rawValue: subject) else { throw Fault("no such kind of line: \(subject)") }
        let words: [(String, SecurityLine.State)] =
            subject == "door" ? [("open", .alarm), ("close", .normal)] : [("on", .alarm), ("off", .normal)]
        // `smoke` alone is smoke.
        let state = rest.isEmpty && subject != "door" ? .alarm : try choice(subject, rest.first, words)
        if rest.count > 1 { return .line(rest[1], .state(state)) }
        return .kind(kind, state)
    }

    private static func line(_ rest: [String]) throws(Fault) -> Command {
        guard rest.count == 2 else {
            throw Fault("line: expected a name and normal, alarm, short, open, 0, 1 or bounce")
        }
        if let state = SecurityLine.State(rawValue: rest[1]) { return .line(rest[0], .state(state)) }
        let levels: [(String, LineCommand)] = [("0", .level(false)), ("1", .level(true)), ("bounce", .bounce)]
        return .line(rest[0], try choice("line \(rest[0])", rest[1], levels))
    }

    // MARK: - Accelerators

    private static func accelerator(_ rest: [String]) throws(Fault) -> Command {
        guard let number = rest.first.flatMap(Int.init), rest.count >= 2 else {
            throw Fault("accel: expected a number and what happens to it, e.g. accel 2 hot")
        }
        if rest[1] == "errors" || rest[1] == "fatal" {
            guard let count = rest.count > 2 ? UInt64(rest[2]) : 1 else { throw Fault("accel: expected a count") }
            return .accelerator(number, rest[1] == "fatal" ? .fatal(count) : .errors(count))
        }
        let words: [(String, AcceleratorCommand)] = [
            ("hot", .hot), ("cool", .cool), ("hang", .hang), ("revive", .revive), ("lost", .lost), ("slow", .slow),
            ("gone", .gone), ("back", .back), ("ok", .back),
        ]
        return .accelerator(number, try choice("accel \(number)", rest[1], words))
    }

    // MARK: - Machines

    private static func unit(_ rest: [String]) throws(Fault) -> Command {
        guard rest.count >= 2 else { throw Fault("unit: expected a unit and a fault, e.g. unit 3 mute") }
        guard let command = try fault(Array(rest.dropFirst())) else {
            throw Fault("'\(rest[1])' is no fault; help lists them")
        }
        return .machine(whom: rest[0], command)
    }

    private static func fault(_ words: [String]) throws(Fault) -> MachineCommand? {
        guard let first = words.first else { return nil }
        var rest = words.dropFirst()
        if first == "ok" || first == "healthy" { return .healthy }
        if first == "disconnect" { return .disconnect }
        let fault: Misbehaviour
        switch first {
        case "late":
            guard let span = rest.popFirst().flatMap(duration), span > .zero else {
                throw Fault("late: expected a time, e.g. 200ms")
            }
            fault = .late(span)
        case "exception":
            guard let code = rest.popFirst().flatMap({ UInt8($0) }), code > 0 else {
                throw Fault("exception: expected a code from 1 to 255")
            }
            fault = .exception(code)
        default:
            guard let known = Misbehaviour.words.first(where: { $0.word == first })?.1 else { return nil }
            fault = known
        }
        switch (rest.first, rest.count) {
        case (nil, _): return .fault(fault, count: nil, span: nil)
        case ("once", 1): return .fault(fault, count: 1, span: nil)
        case ("for", 2):
            guard let span = rest.last.flatMap(duration) else { throw Fault("for: expected a time, e.g. 10s") }
            return .fault(fault, count: nil, span: span)
        case (let count?, 2) where rest.last == "times":
            guard let number = Int(count), number > 0 else { throw Fault("times: expected a count") }
            return .fault(fault, count: number, span: nil)
        default: throw Fault("'\(rest.joined(separator: " "))': expected once, COUNT times, or for 10s")
        }
    }

    static func duration(_ text: String) -> Nanoseconds? {
        let units = [("ms", 1e-3), ("us", 1e-6), ("min", 60), ("s", 1), ("h", 3600)]
        for (suffix, scale) in units where text.hasSuffix(suffix) {
            guard let number = Double(text.dropLast(suffix.count)), number >= 0, number * scale < 1e6 else {
                return nil
            }
            return Nanoseconds(seconds: number * scale)
        }
        return nil
    }
}
