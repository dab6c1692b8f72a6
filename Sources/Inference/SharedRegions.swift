internal import CLinux
internal import Glibc
internal import Platform
internal import Site

/// Memory of a client's that its requests may name: mapped by the lanes, never touched here.
final class SharedRegion {
    /// What lanes call it.
    let number: UInt32
    let name: String
    let descriptor: FileDescriptor
    /// The client's stretch of its object.
    let offset: Int
    let byteCount: Int
    /// All of the object that is mapped.
    let mappedBytes: Int
    let key: String
    /// Requests under way that use it: unregistering waits for them.
    var users = 0
    var isUnregistered = false

    init(
        number: UInt32, name: String, descriptor: consuming FileDescriptor, offset: Int, byteCount: Int,
        mappedBytes: Int, key: String
    ) {
        self.number = number
        self.name = name
        self.descriptor = descriptor
        self.offset = offset
        self.byteCount = byteCount
        self.mappedBytes = mappedBytes
        self.key = key
    }

    static let outside = RequestFault.invalid("a tensor lies outside its shared memory region")

    /// Sizes come from strangers: nothing here may overflow.
    func contains(_ start: Int, _ length: Int) -> Bool {
        start >= 0 && length >= 0 && start <= byteCount && length <= byteCount - start
    }
}

/// Triton's system shared memory extension, for clients that use it today. Off unless the site file
/// says so, because any client may then name an object of this host.
final class SharedRegions {
    private let plan: SharedMemoryPlan
    private let limit: Int
    private(set) var regions: [SharedRegion] = []
    /// Unregistered, but a request still uses them.
    private var leaving: [SharedRegion] = []
    private var nextNumber: UInt32 = 1
    /// Told when lanes can forget a region.
    var onForget: (SharedRegion) -> Void = { _ in }

    init(_ plan: SharedMemoryPlan, limit: Int) {
        self.plan = plan
        self.limit = limit
    }

    func find(_ memory: Memory, _ name: Range<Int>) throws(RequestFault) -> SharedRegion {
        guard let region = regions.first(where: { memory.holds($0.name, name) }) else {
            throw .invalid("Unable to find shared memory region: '\(printable(memory, name))'")
        }
        return region
    }

    /// The number for memory that is not named by clients (rings).
    func takeNumber() -> UInt32 {
        defer { nextNumber &+= 1 }
        return nextNumber
    }

    func register(_ name: String, key: String, offset: Int, byteCount: Int) throws(RequestFault) {
        guard plan.isEnabled else {
            throw RequestFault(
                501, "system shared memory is switched off here (inference.shared_memory in the site file)")
        }
        guard !regions.contains(where: { $0.name == name }) else {
            throw .invalid("shared memory region '\(name)' already in manager")
        }
        guard regions.count + leaving.count < plan.regionsMax else { throw .invalid("too many shared memory regions") }
        guard byteCount > 0, byteCount <= limit, offset >= 0, offset <= Int.max - byteCount else {
            throw .invalid("shared memory region '\(name)' has an impossible offset or byte_size")
        }
        let descriptor = try open(key, name)
        let size = try SharedRegions.size(descriptor, plan, name)
        guard offset + byteCount <= size else {
            throw .invalid("shared memory region '\(name)' reaches beyond its object")
        }
        regions.append(
            SharedRegion(
                number: takeNumber(), name: name, descriptor: descriptor, offset: offset, byteCount: byteCount,
                mappedBytes: offset + byteCount, key: key))
    }

    /// Never says which key failed, or why: that would tell which objects exist.
    private func open(_ key: String, _ name: String) throws(RequestFault) -> FileDescriptor {
        let refused = RequestFault.invalid("Unable to open shared memory region: '\(name)'")
        guard key.hasPrefix("/"), key.utf8.count <= 250, !key.dropFirst().contains("/"), !key.contains("\0"),
            plan.prefixes.contains(where: { key.hasPrefix($0) })
        else { throw refused }
        let raw = unsafe cl_open("/dev/shm" + key, O_RDWR | O_NOFOLLOW, 0)
        guard raw >= 0 else { throw refused }
        return FileDescriptor(owning: raw)
    }

    private static func size(
        _ descriptor: borrowing FileDescriptor, _ plan: SharedMemoryPlan, _ name: String
    ) throws(RequestFault) -> Int {
        var status = stat()
        let owners = plan.owners.isEmpty ? [Int(getuid())] : plan.owners
        guard unsafe fstat(descriptor.raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            owners.contains(Int(status.st_uid))
        else { throw .invalid("Unable to open shared memory region: '\(name)'") }
        return Int(status.st_size)
    }

    func unregister(_ name: String) {
        guard let index = regions.firstIndex(where: { $0.name == name }) else { return }
        let region = regions.remove(at: index)
        region.isUnregistered = true
        leaving.append(region)
        settle()
    }

    /// A ring's memory, whose client has gone.
    func leave(_ region: SharedRegion) {
        leaving.append(region)
        settle()
    }

    func unregisterAll() {
        for region in regions { unregister(region.name) }
    }

    /// Lets go of what nobody uses any more; called now and then.
    func settle() {
        if leaving.isEmpty { return }
        for region in leaving where region.users == 0 { onForget(region) }
        leaving.removeAll { $0.users == 0 }
    }
}
