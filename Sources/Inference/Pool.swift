internal import CLinux
internal import Glibc
internal import Platform
internal import Site

/// What a leased slot or row is doing; the counters of each size class tell how many do what.
enum LeaseState: Int, CaseIterable { case receiving, queued, running, sending }

/// The one memory that payloads live in: a sealed memfd, mapped and touched at start, cut into slots.
/// It belongs to the serving thread; lanes map the same descriptor.
final class Pool {
    /// Counters of one size class, for people.
    struct ClassStatistics: Equatable, Sendable {
        var slotBytes: Int
        var count: Int
        var leased = 0
        var leasedMax = 0
        var leases: UInt64 = 0
        var refusals: UInt64 = 0
    }

    let descriptor: FileDescriptor
    private let mapped: MappedMemory
    private(set) var classes: [ClassStatistics]
    /// Rows and single slots by what they are doing.
    fileprivate(set) var states = [Int](repeating: 0, count: LeaseState.allCases.count)
    private var free: [[Int]] = []
    private let firstSlot: [Int]
    private let offsets: [Int]

    /// The memory is the one that the process before this one had.
    let isAdopted: Bool

    /// `adopting`: memory kept over a restart; taken where it is exactly what the plan asks for.
    init(_ plan: PoolPlan, adopting kept: Int32? = nil) throws(SystemError) {
        let sorted = plan.classes.filter { $0.count > 0 }.sorted { $0.slotBytes < $1.slotBytes }
        let page = plan.hugePages ? 2 << 20 : 4096
        var offset = 0, offsets: [Int] = [], firsts: [Int] = []
        for sizeClass in sorted {
            firsts.append(offsets.count)
            let first = offsets.count
            for _ in 0..<sizeClass.count {
                offsets.append(offset)
                offset += aligned(sizeClass.slotBytes, to: 4096)
            }
            // Last in, first out: the slot that is still warm in the cache is leased next.
            free.append((first..<offsets.count).reversed())
        }
        self.offsets = offsets
        firstSlot = firsts
        classes = sorted.map { ClassStatistics(slotBytes: aligned($0.slotBytes, to: 4096), count: $0.count) }
        let byteCount = max(page, aligned(offset, to: page))
        if let kept, Pool.isUsable(kept, byteCount, plan.hugePages) {
            isAdopted = true
            descriptor = FileDescriptor(owning: try checked(fcntl(kept, F_DUPFD_CLOEXEC, 3), "dup"))
        } else {
            isAdopted = false
            descriptor = FileDescriptor(
                owning: try checked(unsafe cl_memfd("mdc-inference-pool", plan.hugePages), "memfd_create"))
            try checked(ftruncate(descriptor.raw, byteCount) == -1 ? -errno : 0, "make pool", "\(byteCount) bytes")
            try checked(cl_memfd_seal_size(descriptor.raw), "seal pool")
        }
        mapped = try MappedMemory(
            descriptor: descriptor.raw, byteCount: byteCount, access: .readWrite, populate: plan.populate)
    }

    /// F_SEAL_SHRINK | F_SEAL_GROW
    private static let sizeSeals: Int32 = 0x2 | 0x4

    /// A sealed memfd of the right size and kind of pages, and nothing else.
    private static func isUsable(_ descriptor: Int32, _ byteCount: Int, _ hugePages: Bool) -> Bool {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_size == byteCount else { return false }
        return cl_memfd_seals(descriptor) & sizeSeals == sizeSeals && (status.st_blksize > 4096) == hugePages
    }

    var memory: Memory { unsafe Memory(mapped.bytes) }
    var byteCount: Int { unsafe mapped.bytes.count }
    var leased: Int { classes.reduce(0) { $0 + $1.leased } }
    var largestSlot: Int { classes.last?.slotBytes ?? 0 }

    /// A slot of the smallest class that holds `byteCount` and has one free, or nil at once.
    func lease(atLeast byteCount: Int) -> Lease? {
        var wanted = -1
        for index in classes.indices where classes[index].slotBytes >= byteCount {
            if wanted < 0 { wanted = index }
            guard let slot = free[index].popLast() else { continue }
            classes[index].leased += 1
            classes[index].leases += 1
            classes[index].leasedMax = max(classes[index].leasedMax, classes[index].leased)
            return Lease(pool: self, slot: slot, classIndex: index)
        }
        if wanted >= 0 { classes[wanted].refusals += 1 }
        return nil
    }

    fileprivate func memory(ofSlot slot: Int, _ classIndex: Int) -> Memory {
        memory.slice(offsets[slot], classes[classIndex].slotBytes)
    }

    fileprivate func offset(ofSlot slot: Int) -> Int { offsets[slot] }

    fileprivate func takeBack(_ slot: Int, _ classIndex: Int) {
        classes[classIndex].leased -= 1
        free[classIndex].append(slot)
    }

    /// Somebody may be inside the container: nothing that was asked or answered stays readable.
    func wipe() { memory.fill(0) }
}

/// One slot of the pool, from lease to return; there is no other way to have one, and letting go of
/// it gives it back.
struct Lease: ~Copyable {
    private let pool: Pool
    private let slot: Int
    private let classIndex: Int

    fileprivate init(pool: Pool, slot: Int, classIndex: Int) {
        self.pool = pool
        self.slot = slot
        self.classIndex = classIndex
    }

    deinit { pool.takeBack(slot, classIndex) }

    var memory: Memory { pool.memory(ofSlot: slot, classIndex) }
    /// Where the slot begins in the pool: what a lane is told.
    var offset: Int { pool.offset(ofSlot: slot) }
    var byteCount: Int { pool.classes[classIndex].slotBytes }
}

/// Some rows of a slab, from a request's arrival to the end of its answer.
struct RowLease: ~Copyable {
    let slab: Slab
    let first: Int
    let count: Int
    private(set) var state = LeaseState.receiving

    fileprivate init(slab: Slab, first: Int, count: Int) {
        self.slab = slab
        self.first = first
        self.count = count
        slab.pool.states[LeaseState.receiving.rawValue] += 1
    }

    deinit {
        slab.pool.states[state.rawValue] -= 1
        slab.takeBack(first, count)
    }

    mutating func move(to next: LeaseState) {
        slab.pool.states[state.rawValue] -= 1
        slab.pool.states[next.rawValue] += 1
        state = next
    }
}

/// One slot of the pool cut into rows: row i is leased to one request, every tensor of all rows is
/// contiguous, so that neighbours run as one batch without a gather.
final class Slab {
    let pool: Pool
    let lease: Lease
    let rows: Int
    private(set) var nextRow = 0
    private(set) var rowsHeld = 0
    /// The request that each row belongs to, while it waits.
    var waiting: [InferRequest?]
    /// Told when the last row came back. Not weak: every use of an object that was ever held weakly, and
    /// a model is used all the time, goes a longer way.
    private let home: any SlabHome

    init(pool: Pool, lease: consuming Lease, rows: Int, home: any SlabHome) {
        self.pool = pool
        self.lease = lease
        self.rows = rows
        self.home = home
        waiting = Array(repeating: nil, count: rows)
    }

    func take(_ count: Int) -> RowLease? {
        guard rows - nextRow >= count else { return nil }
        defer { nextRow += count }
        rowsHeld += count
        return RowLease(slab: self, first: nextRow, count: count)
    }

    fileprivate func takeBack(_ first: Int, _ count: Int) {
        for row in first..<first + count { waiting[row] = nil }
        rowsHeld -= count
        if rowsHeld == 0 {
            nextRow = 0
            home.slabIsFree(self)
        }
    }
}

/// Who leases slabs (a model) and is told when one is free again.
protocol SlabHome: AnyObject {
    func slabIsFree(_ slab: Slab)
}
