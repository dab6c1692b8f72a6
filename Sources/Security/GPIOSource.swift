internal import CGpiod
internal import CLinux
public import Platform
public import Site

/// The lines of the machine's GPIO chips. A chip that goes takes its lines into fault; one that comes
/// back is taken up again, under whatever number it has then.
public final class GPIOSource: LineSource {
    private let plan: [LinePlan]
    private let time: any TimeSource
    private let devices: String
    private let way: Way
    private var loop: EventLoop?
    private weak var listener: (any LineListener)?
    private var holdings: [Holding] = []
    private var watch: FileDescriptor?
    /// Lines not held, with the fault last told.
    private var missing: [Int: LineFault?] = [:]
    public private(set) var nextDeadline: MonotonicTime?
    private var retryDelay = Nanoseconds.zero

    /// Chips that come are announced; this is for what is not: a program that lets go of a line.
    static let retryFirst = Nanoseconds.milliseconds(250)
    static let retryMax = Nanoseconds.seconds(5)

    /// Lines of one chip held by one request.
    private final class Holding {
        let chip: String
        let lines: [Int]
        let request: any HeldLines
        var drain: LineDrain
        init(chip: String, lines: [Int], request: any HeldLines) {
            self.chip = chip
            self.lines = lines
            self.request = request
            drain = LineDrain(lines: lines, isSettled: request.isSettled)
        }
    }

    /// By which calls lines are held.
    public enum Way: Sendable {
        /// The kernel's v2 interface; libgpiod's where the kernel has none (before 5.10).
        case best
        case libgpiod
    }

    public init(_ plan: [LinePlan], time: any TimeSource, way: Way = .best, devices: String = "/dev") {
        self.plan = plan
        self.way = way
        self.time = time
        self.devices = devices
    }

    public func start(on loop: EventLoop, telling listener: any LineListener) {
        self.loop = loop
        self.listener = listener
        for line in plan.indices { missing[line] = .some(nil) }
        watchDevices(loop)
        attach()
    }

    public func tick(_ now: MonotonicTime) {
        guard let due = nextDeadline, due <= now else { return }
        attach()
    }

    public func stop() {
        for holding in holdings { forget(holding) }
        holdings = []
        if let raw = watch?.raw { loop?.remove(raw) }
        watch = nil
    }

    /// Without it (no inotify left) the retries alone find a chip that came back.
    private func watchDevices(_ loop: EventLoop) {
        let descriptor = unsafe cg_watch_devices(devices)
        guard descriptor >= 0 else { return }
        let watch = FileDescriptor(owning: descriptor)
        do throws(SystemError) {
            try loop.add(watch.raw, .readable) { [weak self] _ in self?.devicesChanged() }
            self.watch = consume watch
        } catch { Log.write(.warning, "security", "cannot watch \(devices): \(error)") }
    }

    private func devicesChanged() {
        guard let raw = watch?.raw, cg_chips_changed(raw) == 1 else { return }
        // Some kernels let a reader sleep on when its chip goes: every holding is asked.
        for holding in holdings { drain(holding) }
        if missing.isEmpty { return }
        retryDelay = .zero
        attach()
    }
}

// MARK: - Taking hold

extension GPIOSource {
    /// Tries every line that is not held; asks again later for what is left.
    private func attach() {
        let catalogue = ChipCatalogue.read(devices)
        var byChip: [String: [(line: Int, offset: Int)]] = [:]
        for line in missing.keys.sorted() {
            switch catalogue.find(plan[line].address) {
            case .line(let chip, let offset):
                let description = chip.lines[offset]
                if description.isUsed {
                    tell(
                        line,
                        LineFault(
                            .lineBusy, "held by \(description.consumer.isEmpty ? "the kernel" : description.consumer)"))
                } else {
                    byChip[chip.path, default: []].append((line, offset))
                }
            case .missing(let fault):
                // A new chip belongs to root for the moment that udev needs: worth a word only at the next try.
                if fault.reason == .noPermission, retryDelay == .zero { continue }
                tell(line, fault)
            }
        }
        for (chip, lines) in byChip.sorted(by: { $0.key < $1.key }) {
            for part in parts(lines) { hold(chip, part) }
        }
        scheduleRetry()
    }

    /// One request describes at most 64 lines and ten kinds of them; six periods of debounce leave
    /// room for the three kinds of bias.
    private func parts(_ lines: [(line: Int, offset: Int)]) -> [[(line: Int, offset: Int)]] {
        var parts: [[(line: Int, offset: Int)]] = []
        var periods: Set<Nanoseconds> = []
        for line in lines.sorted(by: { plan[$0.line].debounce < plan[$1.line].debounce }) {
            periods.insert(plan[line.line].debounce)
            if parts.isEmpty || parts[parts.count - 1].count == CG_LINES_MAX || periods.count > 6 {
                parts.append([])
                periods = [plan[line.line].debounce]
            }
            parts[parts.count - 1].append(line)
        }
        return parts
    }

    private func hold(_ chip: String, _ lines: [(line: Int, offset: Int)]) {
        guard let loop, let listener else { return }
        let wanted = lines.map { entry in
            WantedLine(
                offset: UInt32(entry.offset), bias: plan[entry.line].bias, debounce: plan[entry.line].debounce)
        }
        do throws(SystemError) {
            let request = try take(chip, wanted)
            let holding = Holding(chip: chip, lines: lines.map(\.line), request: request)
            for descriptor in request.descriptors {
                try loop.add(descriptor, .readable) { [weak self, weak holding] happened in
                    guard let self, let holding else { return }
                    if happened.contains(.hangup) || happened.contains(.failed) { return self.lose(holding) }
                    self.drain(holding)
                }
            }
            holdings.append(holding)
            for line in holding.lines { missing[line] = nil }
            // The request queues edges from its first moment, so levels read now race with none.
            do throws(SystemError) {
                try holding.drain.resynchronise(holding.request, telling: listener) { time.now().monotonic }
            } catch { lose(holding) }
        } catch {
            // Somebody took a line between the look and the request: the next try names who it was.
            for entry in lines { tell(entry.line, fault(of: error)) }
        }
    }

    private func take(_ chip: String, _ wanted: [WantedLine]) throws(SystemError) -> any HeldLines {
        if way == .best {
            do throws(SystemError) { return try KernelLines(chip: chip, wanted, consumer: "mdc-agent") } catch {
                // ENOTTY: a kernel without the v2 interface. Everything else is an answer.
                if error.code != 25 { throw error }
            }
        }
        return try LibgpiodLines(chip: chip, wanted, consumer: "mdc-agent")
    }

    private func fault(of error: SystemError) -> LineFault {
        switch error.code {
        case 1, 13: LineFault(.noPermission, error.description)
        case 16: LineFault(.lineBusy)
        case 19, 6: LineFault(.chipGone)
        default: LineFault(.inputOutput, error.description)
        }
    }

    private func tell(_ line: Int, _ fault: LineFault) {
        if missing[line] == .some(fault) { return }
        missing[line] = .some(fault)
        listener?.lineFailed(line, fault)
    }

    private func scheduleRetry() {
        if missing.isEmpty {
            nextDeadline = nil
            retryDelay = .zero
            return
        }
        retryDelay =
            retryDelay == .zero ? GPIOSource.retryFirst : min(retryDelay * 2, GPIOSource.retryMax)
        nextDeadline = time.now().monotonic + retryDelay
    }

    // MARK: - Reading and losing

    private func drain(_ holding: Holding) {
        guard let listener else { return }
        do throws(SystemError) {
            try holding.drain.run(holding.request, telling: listener) { time.now().monotonic }
        } catch { lose(holding) }
    }

    private func forget(_ holding: Holding) {
        for descriptor in holding.request.descriptors { loop?.remove(descriptor) }
    }

    /// The chip is gone: its lines are a fault, never "closed".
    private func lose(_ holding: Holding) {
        forget(holding)
        holdings.removeAll { $0 === holding }
        for line in holding.lines {
            missing[line] = .some(nil)
            tell(line, LineFault(.chipGone, "\(holding.chip) was removed"))
        }
        retryDelay = .zero
        scheduleRetry()
    }
}
