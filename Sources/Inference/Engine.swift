internal import CLinux
internal import Platform
internal import Site

/// Why a model cannot be loaded or a run failed, for the client and the technician.
struct EngineFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What runs a model, inside its lane. A crash of it costs the lane, nothing else.
protocol Engine: AnyObject {
    var description: ModelDescription { get }
    /// Runs one job over tensors where they lie; `regions` finds them.
    func run(_ job: JobRecord, _ regions: RegionTable) throws(EngineFault)
    /// Memory that is about to go away: nothing prepared over it may be used again.
    func forget(region: UInt32)
}

/// What a lane needs to know to load its model; it crosses to the child process as one JSON text.
struct EnginePlan: Equatable {
    var engine: ModelPlan.Engine
    var modelPath: String
    var libraries: [String]
    var provider: String
    var options: [LanePlan.Option]
    var threads: Int
    var delayNanoseconds: Int64
    var inputs: [TensorPlan]
    var outputs: [TensorPlan]
    /// -1: any processor.
    var processor: Int

    func makeEngine() throws(EngineFault) -> any Engine {
        switch engine {
        case .onnxruntime: try OnnxEngine(self)
        case .identity, .delay: try BuiltInEngine(self)
        }
    }
}

/// Memory that jobs may name: region 0 is the pool, others are client memory mapped on request.
final class RegionTable {
    private final class Entry {
        let mapped: MappedMemory
        let guardIndex: Int32
        init(_ mapped: consuming MappedMemory, _ guardIndex: Int32) {
            self.mapped = mapped
            self.guardIndex = guardIndex
        }
    }

    private let pool: Memory
    private var entries: [UInt32: Entry] = [:]

    init(pool: Memory) { self.pool = pool }

    func map(_ region: UInt32, descriptor: Int32, byteCount: Int) throws(SystemError) {
        let mapped = try MappedMemory(descriptor: descriptor, byteCount: byteCount, access: .readWrite)
        let guardIndex = try checked(
            unsafe cl_guard_region(mapped.bytes.baseAddress, mapped.bytes.count), "guard shared memory")
        entries[region] = Entry(mapped, guardIndex)
    }

    func forget(_ region: UInt32) {
        guard let entry = entries.removeValue(forKey: region) else { return }
        cl_unguard_region(entry.guardIndex)
    }

    /// True when the region's owner took its pages away: what was read from it is zeros.
    func isLost(_ region: UInt32) -> Bool {
        guard region != 0, let entry = entries[region] else { return false }
        return cl_guard_lost(entry.guardIndex) != 0
    }

    func memory(_ place: TensorPlace) throws(EngineFault) -> Memory {
        let whole: Memory
        if place.region == 0 {
            whole = pool
        } else if let entry = entries[place.region] {
            whole = unsafe Memory(entry.mapped.bytes)
        } else {
            throw EngineFault("a tensor lies in memory that is no longer mapped")
        }
        guard place.offset >= 0, place.byteCount >= 0, place.offset <= whole.count,
            place.byteCount <= whole.count - place.offset
        else { throw EngineFault("a tensor lies outside its memory") }
        return whole.slice(place.offset, place.byteCount)
    }

    func area(_ job: JobRecord) throws(EngineFault) -> Memory {
        var place = TensorPlace()
        place.offset = job.outputAreaOffset
        place.byteCount = job.outputAreaBytes
        return try memory(place)
    }
}

/// Puts outputs of sizes that only the run knows into the job's area, one after the other.
struct OutputArea {
    private let job: JobRecord
    private let area: Memory
    private var used = 0

    init(_ job: JobRecord, _ regions: RegionTable) throws(EngineFault) {
        self.job = job
        area = try regions.area(job)
    }

    /// What is left for the next output.
    var rest: Memory { area.slice(used, area.count - used) }

    mutating func placed(_ byteCount: Int, output index: Int, rank: Int, dims: InlineArray<8, Int64>) {
        var place = TensorPlace()
        place.offset = job.outputAreaOffset + used
        place.byteCount = byteCount
        place.rank = rank
        place.dims = dims
        job.set(job.inputCount + index, place)
        job.copiedBytes += byteCount
        used = min(area.count, aligned(used + byteCount, to: tensorAlignment))
    }
}
