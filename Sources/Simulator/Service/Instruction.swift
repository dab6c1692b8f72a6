internal import Platform
internal import Site

/// What a command does, and what is said about it.
extension Simulation {
    /// The whole answer to one line, ending in `ok` or `error: ...` (or one JSON object).
    func reply(to text: String) -> String {
        var said = ""
        var problem: String?
        do throws(Command.Fault) {
            if let command = try Command.parse(text) { said = try perform(command) }
        } catch { problem = error.description }
        if options.json {
            var writer = ByteWriter()
            writer.beginObject()
            writer.field("ok", problem == nil)
            if let problem { writer.field("error", problem) } else { writer.field("text", said) }
            writer.endObject()
            return writer.text + "\n"
        }
        let body = said.isEmpty ? "" : said + "\n"
        return body + (problem.map { "error: \($0)\n" } ?? "ok\n")
    }

    func perform(_ command: Command) throws(Command.Fault) -> String {
        switch command {
        case .help: return Command.helpText
        case .status: return statusText
        case .quit:
            stop()
            return "stopping"
        case .heal:
            healAll()
            return "all well"
        case .container(let cause): apply(cause)
        case .machine(let whom, let fault): return try apply(fault, to: whom)
        case .accelerator(let number, let fault):
            guard model.accelerators.indices.contains(number) else {
                throw Command.Fault("no accelerator \(number): there are 0 to \(model.accelerators.count - 1)")
            }
            apply(fault, to: number)
            let kind = model.accelerators[number].kind
            if fault == .hot, !kind.showsTemperature {
                return "\(kind.rawValue) shows no temperature in sysfs: nobody can see this heat there"
            }
        case .line(let name, let change): try apply(change, to: name)
        case .kind(let kind, let state): return try apply(state, to: kind)
        case .chaos(let part): room.chaos = part
        case .speed(let factor): speed = factor
        }
        return ""
    }

    private func healAll() {
        model.instructor = Instructor()
        for index in model.accelerators.indices { heal(index) }
        for machine in room.machines { machine.healthy() }
        room.chaos = 0
        for index in lines.lines.indices { lines.enter(.normal, index, at: SystemTime.monotonic, queue) }
    }

    private func apply(_ cause: Command.ContainerCause) {
        switch cause {
        case .mains(let level):
            model.instructor.mainsOff = level == 0
            model.instructor.mainsLevel = level == 0 ? 1 : level
        case .genset(let fails): model.instructor.gensetRefusesToStart = fails
        case .ups(let fails): model.instructor.upsFault = fails
        case .battery(let worn): model.instructor.batteryWorn = worn
        case .crac(let off): model.instructor.cracOff = off
        case .chiller(let off): model.instructor.chillerOff = off
        case .pump(let off): model.instructor.pumpOff = off
        case .load(let part): model.instructor.load = part
        case .outdoor(let degrees): model.instructor.outdoor_C = degrees
        }
    }

    private func apply(_ command: Command.MachineCommand, to whom: String?) throws(Command.Fault) -> String {
        var chosen = room.machines
        if let whom {
            chosen = room.machines.filter { $0.name == whom }
            if chosen.isEmpty, let number = Int(whom) { chosen = room.machines.filter { $0.unitID == number } }
            if chosen.isEmpty {
                let known = room.machines.map { "\($0.name) (\($0.unitID))" }.joined(separator: ", ")
                throw Command.Fault("no unit '\(whom)'; there are \(known)")
            }
        }
        for machine in chosen {
            switch command {
            case .healthy: machine.healthy()
            case .fault(let fault, let count, let span):
                machine.show(fault, count: count, until: span.map { SystemTime.monotonic + $0 })
            case .disconnect: dropConnections()
            }
        }
        return whom == nil ? "" : chosen.map(\.name).joined(separator: ", ")
    }

    private func apply(_ command: Command.AcceleratorCommand, to number: Int) {
        switch command {
        case .hot: model.accelerators[number].isHot = true
        case .cool: model.accelerators[number].isHot = false
        case .hang: model.accelerators[number].isHung = true
        case .revive: model.accelerators[number].isHung = false
        case .lost: model.accelerators[number].link = .dead
        case .slow: model.accelerators[number].link = .degraded
        case .gone: model.accelerators[number].isPresent = false
        case .back: heal(number)
        case .errors(let count): model.accelerators[number].countErrors(correctable: count, fatal: 0)
        case .fatal(let count): model.accelerators[number].countErrors(correctable: 0, fatal: count)
        }
    }

    private func heal(_ number: Int) {
        model.accelerators[number].isHot = false
        model.accelerators[number].isHung = false
        model.accelerators[number].isPresent = true
        model.accelerators[number].link = .full
    }

    /// A line's level is its own; a state is its whole zone's.
    private func apply(_ change: Command.LineCommand, to name: String) throws(Command.Fault) {
        let all = lines.lines
        guard let line = all.firstIndex(where: { $0.name == name }) ?? all.firstIndex(where: { $0.zone == name })
        else {
            let known = all.map { $0.name == $0.zone ? $0.name : "\($0.name) (\($0.zone))" }.joined(separator: ", ")
            throw Command.Fault("no line '\(name)'; there are \(known)")
        }
        let now = SystemTime.monotonic
        switch change {
        case .level(let high): lines.set(line, high: high, at: now)
        case .state(let state): for wire in wires(of: all[line].zone) { enter(state, wire, now) }
        case .bounce: bounce(line, now)
        }
    }

    private func wires(of zone: String) -> [Int] { lines.lines.indices.filter { lines.lines[$0].zone == zone } }

    /// Twenty-one edges in 40 ms, as a loose contact makes them, and then rest.
    private func bounce(_ line: Int, _ now: MonotonicTime) {
        for index in 0..<21 {
            queue.at(now + .milliseconds(Int64(index * 2))) { [weak self] in
                guard let self else { return }
                lines.set(line, high: !lines.level(line), at: SystemTime.monotonic)
            }
        }
        queue.at(now + .milliseconds(44)) { [weak self] in
            guard let self else { return }
            lines.set(line, high: lines.lines[line].isHigh(in: lines.states[line]), at: SystemTime.monotonic)
        }
    }

    private func apply(_ state: SecurityLine.State, to kind: SecurityLine.Kind) throws(Command.Fault) -> String {
        let all = lines.lines.indices.filter { lines.lines[$0].kind == kind }
        // Coolant on the floor and smoke are the container's, lines or not.
        if kind == .leak { model.instructor.leak = state == .alarm }
        if kind == .smoke { model.instructor.smoke = state == .alarm }
        if all.isEmpty && kind != .leak && kind != .smoke {
            throw Command.Fault("this site has no \(kind.rawValue) line")
        }
        // One door opens; all close.
        let chosen = state == .alarm ? all.first.map { wires(of: lines.lines[$0].zone) } ?? [] : all
        for line in chosen { enter(state, line, SystemTime.monotonic) }
        return chosen.map { lines.lines[$0].name }.joined(separator: ", ")
    }

    private func enter(_ state: SecurityLine.State, _ line: Int, _ now: MonotonicTime) {
        lines.enter(state, line, at: now, queue)
        guard lines.lines[line].kind == .door else { return }
        if state == .normal {
            model.instructor.doorsOpen.remove(lines.lines[line].name)
        } else {
            model.instructor.doorsOpen.insert(lines.lines[line].name)
        }
    }
}
