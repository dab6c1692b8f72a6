internal import CLinux
internal import Glibc
internal import Platform
import Synchronization

/// The memory that the serving thread and one lane share: a few job records, and a word each for
/// "submitted" and "finished". The lane sleeps on a futex, the serving thread on an eventfd; while
/// both are busy neither makes a system call.
///
/// Layout, a cache line per word so that the two sides do not disturb each other:
///   0 magic, 64 submitted, 128 finished, 192 lane sleeps, 256 serving thread sleeps,
///   320 stop, 384 region of the pool's bytes; 4096... `depth` job records of 4096 bytes.
@safe struct LaneChannel: @unchecked Sendable {
    static let depth = 4
    static let byteCount = 4096 + depth * JobRecord.byteCount
    private static let magic: UInt64 = 0x4D44_434C_0000_0001  // "MDCL", layout version 1

    private let memory: Memory

    init(_ memory: Memory) {
        precondition(memory.count >= LaneChannel.byteCount)
        self.memory = memory
    }

    func prepare() {
        memory.fill(0)
        memory.store(0, LaneChannel.magic)
    }

    var isPrepared: Bool { memory.load(0, as: UInt64.self) == LaneChannel.magic }

    private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (memory.start + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    func job(_ sequence: UInt32) -> JobRecord {
        JobRecord(memory.slice(4096 + Int(sequence) % LaneChannel.depth * JobRecord.byteCount, JobRecord.byteCount))
    }

    var submitted: UInt32 { unsafe word(64).pointee.load(ordering: .acquiring) }
    var finished: UInt32 { unsafe word(128).pointee.load(ordering: .acquiring) }
    var shouldStop: Bool { unsafe word(320).pointee.load(ordering: .acquiring) != 0 }

    // MARK: - The serving thread

    /// Room for one more job.
    var hasRoom: Bool { submitted &- finished < UInt32(LaneChannel.depth) }

    func submit() {
        unsafe word(64).pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        wakeLane()
    }

    func stop() {
        unsafe word(320).pointee.store(1, ordering: .sequentiallyConsistent)
        // The lane re-checks `submitted`; a wake without a job is harmless.
        _ = unsafe cl_futex_wake(UnsafeRawPointer(word(192)), 1)
    }

    private func wakeLane() {
        if unsafe word(192).pointee.exchange(0, ordering: .sequentiallyConsistent) == 1 {
            _ = unsafe cl_futex_wake(UnsafeRawPointer(word(192)), 1)
        }
    }

    /// Before the serving thread sleeps: a job finished from now on rings. The caller looks once more.
    func serverSleeps() { unsafe word(256).pointee.store(1, ordering: .sequentiallyConsistent) }
    func serverWakes() { unsafe word(256).pointee.store(0, ordering: .relaxed) }

    // MARK: - The lane

    func finish(signal descriptor: Int32) {
        unsafe word(128).pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if unsafe word(256).pointee.exchange(0, ordering: .sequentiallyConsistent) == 1 {
            _ = cl_eventfd_signal(descriptor)
        }
    }

    /// Waits until there is a job after `done`, or `timeout` passed; looks for a while before it sleeps,
    /// and lets others have the processor meanwhile.
    func waitForJob(after done: UInt32, lookAgain: Nanoseconds, timeout: Nanoseconds) {
        if submitted != done || shouldStop { return }
        let until = SystemTime.monotonic + lookAgain
        while SystemTime.monotonic < until {
            sched_yield()
            if submitted != done || shouldStop { return }
        }
        unsafe word(192).pointee.store(1, ordering: .sequentiallyConsistent)
        if submitted == done && !shouldStop {
            _ = unsafe cl_futex_wait(UnsafeRawPointer(word(192)), 1, timeout.count)
        }
        unsafe word(192).pointee.store(0, ordering: .relaxed)
    }
}

/// Where one tensor of a job lies.
struct TensorPlace: Equatable {
    var region: UInt32 = 0
    var offset = 0
    var byteCount = 0
    var rank = 0
    var dims = InlineArray<8, Int64>(repeating: 0)

    static func == (a: TensorPlace, b: TensorPlace) -> Bool {
        guard a.region == b.region, a.offset == b.offset, a.byteCount == b.byteCount, a.rank == b.rank
        else { return false }
        for i in 0..<a.rank where a.dims[i] != b.dims[i] { return false }
        return true
    }
}

/// One job as it lies in the channel. Both sides are ours, but a vendor's runtime runs in the other
/// process: the serving thread checks what it reads back.
@safe struct JobRecord {
    static let byteCount = 4096
    static let reasonBytesMax = 400
    private static let reasonAt = 96
    private static let tensorsAt = 512
    private static let tensorBytes = 112

    enum Kind: UInt32 { case run = 1, mapRegion, forgetRegion }
    enum Outcome: UInt32 { case done = 0, failed = 1 }

    let memory: Memory
    init(_ memory: Memory) { self.memory = memory }

    var kind: Kind? {
        get { Kind(rawValue: memory.load(0, as: UInt32.self)) }
        nonmutating set { memory.store(0, newValue?.rawValue ?? 0) }
    }
    var outcome: Outcome {
        get { Outcome(rawValue: memory.load(4, as: UInt32.self)) ?? .failed }
        nonmutating set { memory.store(4, newValue.rawValue) }
    }
    var inputCount: Int {
        get { min(Int(memory.load(8, as: UInt32.self)), ModelDescription.tensorsMax) }
        nonmutating set { memory.store(8, UInt32(newValue)) }
    }
    var outputCount: Int {
        get { min(Int(memory.load(12, as: UInt32.self)), ModelDescription.tensorsMax) }
        nonmutating set { memory.store(12, UInt32(newValue)) }
    }
    /// For `mapRegion` and `forgetRegion`.
    var region: UInt32 {
        get { memory.load(16, as: UInt32.self) }
        nonmutating set { memory.store(16, newValue) }
    }
    var regionBytes: Int {
        get { memory.load(24, as: Int.self) }
        nonmutating set { memory.store(24, newValue) }
    }
    /// CLOCK_MONOTONIC nanoseconds at the borders of the engine's work.
    var begun: Int64 {
        get { memory.load(32, as: Int64.self) }
        nonmutating set { memory.store(32, newValue) }
    }
    var inputsReady: Int64 {
        get { memory.load(40, as: Int64.self) }
        nonmutating set { memory.store(40, newValue) }
    }
    var computed: Int64 {
        get { memory.load(48, as: Int64.self) }
        nonmutating set { memory.store(48, newValue) }
    }
    var ended: Int64 {
        get { memory.load(56, as: Int64.self) }
        nonmutating set { memory.store(56, newValue) }
    }
    /// Payload bytes that the engine's side had to copy (outputs whose size the model does not say).
    var copiedBytes: Int {
        get { memory.load(64, as: Int.self) }
        nonmutating set { memory.store(64, newValue) }
    }
    /// Where outputs of unknown size go, one after the other; in region 0.
    var outputAreaOffset: Int {
        get { memory.load(72, as: Int.self) }
        nonmutating set { memory.store(72, newValue) }
    }
    var outputAreaBytes: Int {
        get { memory.load(80, as: Int.self) }
        nonmutating set { memory.store(80, newValue) }
    }
    /// True: the outputs' places are prepared and their sizes fixed. False: use the area.
    var outputsAreFixed: Bool {
        get { memory.load(88, as: UInt8.self) != 0 }
        nonmutating set { memory.store(88, UInt8(newValue ? 1 : 0)) }
    }
    var reason: String {
        get {
            let count = min(Int(memory.load(92, as: UInt32.self)), JobRecord.reasonBytesMax)
            return memory.text(JobRecord.reasonAt..<JobRecord.reasonAt + count)
        }
        nonmutating set {
            let count = memory.store(text: newValue, at: JobRecord.reasonAt, limit: JobRecord.reasonBytesMax)
            memory.store(92, UInt32(count))
        }
    }

    /// Inputs first, then outputs.
    func place(_ index: Int) -> TensorPlace {
        let at = JobRecord.tensorsAt + index * JobRecord.tensorBytes
        var place = TensorPlace()
        place.region = memory.load(at, as: UInt32.self)
        place.rank = min(Int(memory.load(at + 4, as: UInt32.self)), ModelDescription.rankMax)
        place.offset = memory.load(at + 8, as: Int.self)
        place.byteCount = memory.load(at + 16, as: Int.self)
        for i in 0..<place.rank { place.dims[i] = memory.load(at + 24 + i * 8, as: Int64.self) }
        return place
    }

    func set(_ index: Int, _ place: TensorPlace) {
        let at = JobRecord.tensorsAt + index * JobRecord.tensorBytes
        memory.store(at, place.region)
        memory.store(at + 4, UInt32(place.rank))
        memory.store(at + 8, place.offset)
        memory.store(at + 16, place.byteCount)
        for i in 0..<place.rank { memory.store(at + 24 + i * 8, place.dims[i]) }
    }
}
