internal import CLinux
internal import Glibc
internal import Platform
internal import Site
internal import Synchronization

/// A card given to a station: which one, and how it is read.
struct Assignment: Sendable {
    var generation: UInt64
    var card: PCICard
    var layout: AcceleratorLayout
    var siblings: [String]
}

/// Reads one card's files through descriptors it keeps open. Everything here may hang in the card's
/// driver, so it runs on the card's own thread and says before each call what it is about to do.
///
/// A struct with one owner, not a class: its tables are touched for every value of every card.
struct DeviceSampler: ~Copyable {
    /// A sysfs file is at most a page.
    private static let page = 4096
    /// A read this often too slow puts the file aside.
    private static let slowReadsMax = 3
    /// How much less often a file that is put aside is read.
    private static let quarantineFactor: Int64 = 10

    /// What one attribute needs at each read, apart from its parser.
    private struct Held {
        /// The whole text is one number: by far the most files, and read without a look at the parser.
        var isInteger = false
        var scale = 1.0
        var descriptor: Int32 = -1
        var due = MonotonicTime.distantPast
        var interval = Nanoseconds.zero
        var wakes = false
        var slowReads = 0
        /// In a row, while it is put aside.
        var fastReads = 0
    }

    private let root: String
    private let intervals: AcceleratorsPlan.Intervals
    private let slowRead: Nanoseconds
    let exchange: StationExchange

    private var assignment: Assignment?
    private var held: [Held] = []
    private var parsers: [AttributeParser] = []
    private var samples: [Sample] = []
    private var texts: [[UInt8]] = []
    private var textVersion: UInt64 = 0
    private var isTextChanged = false
    private var sawGone = false
    private var runtimeStatus: Int?
    private var versionAttribute: Int?
    private var nextPlacing = MonotonicTime.distantPast
    /// While above zero each call is timed by itself; else a whole sweep is, which costs no clock reading
    /// per file. A card begins timed, and is again after a sweep that took long.
    private var timedSweeps = 0
    private static let timedSweepsAtFirst = 3
    private var buffer = [UInt8](repeating: 0, count: DeviceSampler.page)

    init(root: String, intervals: AcceleratorsPlan.Intervals, slowRead: Nanoseconds, exchange: StationExchange) {
        self.root = root
        self.intervals = intervals
        self.slowRead = slowRead
        self.exchange = exchange
    }

    deinit {
        for one in held where one.descriptor >= 0 { close(one.descriptor) }
    }

    /// Takes another card, or none.
    mutating func assign(_ new: Assignment?) {
        closeAll()
        assignment = new
        let attributes = new?.layout.attributes ?? []
        held = attributes.map { attribute in
            Held(
                isInteger: attribute.parser == .integer, scale: attribute.scale,
                interval: intervals.of(attribute.tier), wakes: attribute.wakes)
        }
        parsers = attributes.map { AttributeParser($0, version: nil) }
        samples = attributes.map { _ in Sample() }
        texts = attributes.map { _ in [] }
        runtimeStatus = attributes.firstIndex { $0.role == .runtimeStatus }
        versionAttribute = attributes.firstIndex { $0.role == .driverVersion }
        nextPlacing = .distantPast
        timedSweeps = Self.timedSweepsAtFirst
        sawGone = false
        isTextChanged = true
    }

    private mutating func closeAll() {
        for index in held.indices where held[index].descriptor >= 0 {
            close(held[index].descriptor)
            held[index].descriptor = -1
        }
    }

    /// Reads what is due at `now`, hands it over, and says when something is due next.
    mutating func sweep(now: Moment) -> MonotonicTime {
        guard assignment != nil else { return .distantFuture }
        let start = SystemTime.monotonic
        if isOrphaned {
            closeAll()
            sawGone = true
            nextPlacing = now.monotonic
        }
        if now.monotonic >= nextPlacing { place(now, start) }
        if let status = runtimeStatus,
            isDue(status, now) || held.contains(where: { $0.wakes && $0.due <= now.monotonic })
        {
            _ = read(status, now: now, clock: start, start: start)
        }
        let asleep = isAsleep
        var clock = start
        for index in held.indices where held[index].due <= now.monotonic && index != runtimeStatus {
            if asleep && held[index].wakes {
                note(index, .asleep, 0, now)
                held[index].due = now.monotonic + held[index].interval
            } else {
                clock = read(index, now: now, clock: clock, start: start)
            }
        }
        exchange.endCalls()
        timedSweeps =
            SystemTime.monotonic - start > slowRead ? Self.timedSweepsAtFirst : max(0, timedSweeps - 1)
        handOver()
        var next = nextPlacing
        for one in held where one.due < next { next = one.due }
        return next
    }

    /// Another file stands in the place of the one that is held: what it says is of the past.
    private var isOrphaned: Bool {
        guard let descriptor = held.first(where: { $0.descriptor >= 0 })?.descriptor else { return false }
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 && status.st_nlink == 0
    }

    private func isDue(_ index: Int, _ now: Moment) -> Bool { held[index].due <= now.monotonic }

    // MARK: - For power caps

    func attribute(_ index: Int) -> AcceleratorAttribute? {
        guard let attributes = assignment?.layout.attributes, attributes.indices.contains(index) else { return nil }
        return attributes[index]
    }

    func path(of index: Int) -> String? {
        guard let assignment, let attribute = attribute(index) else { return nil }
        let resolver = PlaceResolver(
            root: root, card: assignment.card, layout: assignment.layout, siblings: assignment.siblings)
        return resolver.file(attribute, in: resolver.paths())
    }

    /// The value as the card says it now.
    mutating func readBack(_ index: Int, now: Moment) -> Double? {
        let before = samples[index].sequence
        _ = read(index, now: now, clock: SystemTime.monotonic, start: SystemTime.monotonic)
        guard samples[index].sequence != before, samples[index].outcome == .number else { return nil }
        return samples[index].value
    }

    private var isAsleep: Bool {
        guard let status = runtimeStatus, let layout = assignment?.layout, samples[status].outcome == .state
        else { return false }
        let word = layout.attributes[status].states[Int(samples[status].detail)].value
        return word == "suspended" || word == "suspending"
    }

    /// One single raw read, never repeated: a driver that says EAGAIN would keep us here for ever.
    private mutating func read(_ index: Int, now: Moment, clock: MonotonicTime, start: MonotonicTime) -> MonotonicTime {
        let interval = held[index].interval
        held[index].due = interval == .zero ? .distantFuture : nextDue(held[index].due, interval, now.monotonic)
        guard held[index].descriptor >= 0 else { return clock }
        exchange.beginCall(index, at: clock)
        let descriptor = held[index].descriptor
        let got = unsafe buffer.withUnsafeMutableBytes { bytes in
            let got = unsafe cl_pread(descriptor, bytes.baseAddress, bytes.count, 0)
            // Pipes and some debug files know no offsets.
            return got == -Int(ESPIPE) ? unsafe cl_read(descriptor, bytes.baseAddress, bytes.count) : got
        }
        let end = timedSweeps > 0 || samples[index].isQuarantined ? SystemTime.monotonic : clock
        let asked = now.advanced(by: clock - start)
        if got < 0 { fail(index, Int32(truncatingIfNeeded: -got), asked) } else { understand(index, got, asked) }
        if end - clock > slowRead {
            countSlowRead(index, now.monotonic)
        } else if end > clock {
            countFastRead(index, now.monotonic)
        }
        return end
    }

    /// On the interval's grid, so that a late sweep does not shift all later ones.
    private func nextDue(_ due: MonotonicTime, _ interval: Nanoseconds, _ now: MonotonicTime) -> MonotonicTime {
        let next = due + interval
        return next > now ? next : now + interval
    }

    private mutating func understand(_ index: Int, _ count: Int, _ asked: Moment) {
        if held[index].isInteger, let whole = wholeNumber(trimmed(buffer.span.extracting(0..<count))) {
            return note(index, .number, whole * held[index].scale, asked)
        }
        let result = parsers[index].parse(buffer.span.extracting(0..<count))
        switch result {
        case .number(let number): note(index, .number, number, asked)
        case .state(let state):
            let code = assignment?.layout.attributes[index].states[state].code ?? 0
            note(index, .state, Double(code), asked, detail: Int32(state))
        case .text:
            keepText(index, count)
            note(index, .text, 0, asked)
            if index == versionAttribute { chooseStates() }
        case .malformed:
            keepText(index, count)
            note(index, .malformed, 0, asked)
        }
    }

    private mutating func note(
        _ index: Int, _ outcome: Sample.Outcome, _ value: Double, _ time: Moment, detail: Int32 = 0
    ) {
        samples[index].value = value
        samples[index].time = time
        samples[index].sequence &+= 1
        samples[index].outcome = outcome
        samples[index].detail = detail
    }

    private mutating func fail(_ index: Int, _ code: Int32, _ asked: Moment) {
        if code == ENODEV || code == ENXIO {
            // A held file never binds to a successor: everything is opened anew.
            closeAll()
            sawGone = true
            nextPlacing = asked.monotonic + intervals.liveness
        }
        note(index, code == EOPNOTSUPP ? .unsupported : .failed, 0, asked, detail: code)
    }

    private mutating func keepText(_ index: Int, _ count: Int) {
        var text: [UInt8] = []
        swap(&text, &texts[index])
        if keep(trimmed(buffer.span.extracting(0..<count)), in: &text) { isTextChanged = true }
        swap(&text, &texts[index])
    }

    /// A sensor behind a bus that was held for a while is not put aside for ever.
    private mutating func countFastRead(_ index: Int, _ now: MonotonicTime) {
        held[index].slowReads = max(0, held[index].slowReads - 1)
        guard samples[index].isQuarantined else { return }
        held[index].fastReads += 1
        guard held[index].fastReads >= Self.slowReadsMax, let attribute = attribute(index) else { return }
        samples[index].isQuarantined = false
        held[index].slowReads = 0
        held[index].interval = intervals.of(attribute.tier)
        held[index].due = now + held[index].interval
    }

    private mutating func countSlowRead(_ index: Int, _ now: MonotonicTime) {
        held[index].slowReads += 1
        held[index].fastReads = 0
        guard held[index].slowReads >= Self.slowReadsMax, !samples[index].isQuarantined else { return }
        samples[index].isQuarantined = true
        held[index].interval = intervals.slow * Self.quarantineFactor
        held[index].due = now + held[index].interval
    }

    /// Codes that moved between drivers can be told only once the version is known.
    private mutating func chooseStates() {
        guard let assignment, let versionAttribute else { return }
        let version = VersionRange.numbers(String(decoding: texts[versionAttribute], as: UTF8.self))
        for (index, attribute) in assignment.layout.attributes.enumerated() {
            if attribute.states.contains(where: { $0.versions != nil }) {
                parsers[index] = AttributeParser(attribute, version: version)
                held[index].due = .distantPast
            }
            if let range = attribute.versions, !range.contains(version) {
                if held[index].descriptor >= 0 { close(held[index].descriptor) }
                held[index].descriptor = -1
                held[index].due = .distantFuture
                samples[index].outcome = .unsupported
            }
        }
    }

    /// Opens what is not open yet. A driver that is bound later brings files later: looked for again.
    private mutating func place(_ now: Moment, _ start: MonotonicTime) {
        nextPlacing = now.monotonic + intervals.rescan
        guard let assignment, held.contains(where: { $0.descriptor < 0 }) else { return }
        exchange.beginCall(-1, at: start)
        let resolver = PlaceResolver(
            root: root, card: assignment.card, layout: assignment.layout, siblings: assignment.siblings)
        let paths = resolver.paths()
        for (index, attribute) in assignment.layout.attributes.enumerated() where held[index].descriptor < 0 {
            if attribute.exceptDevices.contains(assignment.card.deviceID) {
                note(index, .unsupported, 0, now)
                held[index].due = .distantFuture
                continue
            }
            guard let path = resolver.file(attribute, in: paths) else {
                note(index, .unsupported, 0, now)
                continue
            }
            exchange.beginCall(index, at: SystemTime.monotonic)
            let descriptor = unsafe cl_open(path, O_RDONLY, 0)
            if descriptor >= 0 {
                held[index].descriptor = descriptor
                held[index].due = .distantPast
            } else {
                note(index, descriptor == -ENOENT ? .unsupported : .failed, 0, now, detail: -descriptor)
            }
        }
    }

    private mutating func handOver() {
        guard let generation = assignment?.generation else { return }
        let newTexts = isTextChanged ? texts.map { String(decoding: $0, as: UTF8.self) } : nil
        if isTextChanged { textVersion += 1 }
        isTextChanged = false
        exchange.content.withLock { content in
            content.generation = generation
            if content.samples.count == samples.count {
                for index in samples.indices { content.samples[index] = samples[index] }
            } else {
                content.samples = samples
            }
            if let newTexts { content.texts = newTexts }
            content.textVersion = textVersion
            content.sweeps += 1
            if sawGone { content.sawGone = true }
            sawGone = false
        }
    }
}

/// Copies bytes that differ; true when they did. 200 at most: more than any name, less than a page of
/// garbage in a log.
private func keep(_ bytes: Span<UInt8>, in text: inout [UInt8]) -> Bool {
    let kept = bytes.extracting(0..<min(bytes.count, 200))
    if equal(kept, text) { return false }
    text.removeAll(keepingCapacity: true)
    for at in 0..<kept.count { text.append(kept[at]) }
    return true
}
