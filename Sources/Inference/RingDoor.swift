internal import CLinux
internal import Glibc
internal import HTTP
internal import Platform
internal import Site
import Synchronization

/// The native way in: a local client and the server share a sealed memfd of the server's making, with
/// rings of requests and results in it. What is handed out is ours, so nobody can take it away.
final class RingDoor {
    private unowned let house: InferenceHouse
    private let listener: FileDescriptor
    private let path: String
    private(set) var clients: [RingClient] = []
    /// Connected, and has not said what it wants.
    private var strangers: [(descriptor: Int32, since: MonotonicTime)] = []
    private var seat: LoopSeat?

    init(_ path: String, _ house: InferenceHouse) throws(SystemError) {
        self.house = house
        self.path = path
        listener = FileDescriptor(owning: try checked(unsafe cl_listen_unix(path, 64, 0o666), "listen", path))
    }

    /// A listening socket that the service manager made.
    init(adopting listener: consuming FileDescriptor, _ house: InferenceHouse) throws(SystemError) {
        self.house = house
        path = ""
        try listener.setNonblocking(true)
        self.listener = listener
    }

    deinit { if !path.isEmpty { _ = unsafe unlink(path) } }

    func open(_ seat: LoopSeat) throws(SystemError) {
        self.seat = seat
        try seat.watch(listener.raw)
    }

    func close() {
        for client in clients { dismiss(client) }
        for stranger in strangers { turnAway(stranger.descriptor) }
        strangers.removeAll()
        seat?.unwatch(listener.raw)
    }

    func ready(_ descriptor: Int32, hangup: Bool, _ now: MonotonicTime) {
        if descriptor == listener.raw { return accept(now) }
        if let client = clients.first(where: { $0.doorbell.raw == descriptor }) {
            _ = cl_eventfd_drain(descriptor)
            client.takeSubmitted(now)
        } else if let client = clients.first(where: { $0.socket.raw == descriptor }) {
            // A client says nothing after its hello: whatever comes is the end.
            dismiss(client)
        } else if let index = strangers.firstIndex(where: { $0.descriptor == descriptor }) {
            strangers.remove(at: index)
            seat?.unwatch(descriptor)
            welcome(FileDescriptor(owning: descriptor), now)
        }
    }

    /// Every turn, before the loop sleeps: what came meanwhile costs its client no system call.
    func look(_ now: MonotonicTime) {
        for client in clients { client.takeSubmitted(now) }
        if let oldest = strangers.first, now - oldest.since > .seconds(5) {
            strangers.removeFirst()
            turnAway(oldest.descriptor)
        }
    }

    /// Before the serving thread sleeps: clients ring from now on. False: one has submitted meanwhile.
    func clientsRing() -> Bool {
        var isQuiet = true
        for client in clients where !client.rings() { isQuiet = false }
        return isQuiet
    }

    var hasSubmissions: Bool { clients.contains(where: \.hasSubmitted) }

    func clientsNeedNotRing() { for client in clients { client.needNotRing() } }

    private func turnAway(_ descriptor: Int32) {
        seat?.unwatch(descriptor)
        Glibc.close(descriptor)
    }

    private func accept(_ now: MonotonicTime) {
        for _ in 0..<16 {
            let descriptor = cl_accept(listener.raw)
            guard descriptor >= 0 else { return }
            guard strangers.count + clients.count < house.plan.limits.ringClientsMax else {
                refuse(descriptor, "too many native clients")
                Glibc.close(descriptor)
                continue
            }
            do throws(SystemError) {
                try seat?.watch(descriptor)
                strangers.append((descriptor, now))
            } catch { Glibc.close(descriptor) }
        }
    }

    // MARK: - Hello

    private func welcome(_ socket: consuming FileDescriptor, _ now: MonotonicTime) {
        do throws(RequestFault) {
            let client = try admit(consume socket)
            do throws(SystemError) {
                try seat?.watch(client.socket.raw)
                try seat?.watch(client.doorbell.raw)
                try client.sendWelcome()
                clients.append(client)
            } catch {
                seat?.unwatch(client.socket.raw)
                seat?.unwatch(client.doorbell.raw)
            }
        } catch {
            // The client was told why.
        }
    }

    private func admit(_ socket: consuming FileDescriptor) throws(RequestFault) -> RingClient {
        var hello = [UInt8](repeating: 0, count: RingClient.helloBytes)
        // A voice of its own: the socket may be closed by the time that a refusal is spoken.
        let voice = FileDescriptor(owning: fcntl(socket.raw, F_DUPFD_CLOEXEC, 3))
        let raw = voice.raw
        let got = unsafe hello.withUnsafeMutableBytes { unsafe cl_recv(raw, $0.baseAddress, $0.count, 0) }
        do throws(RequestFault) {
            guard got == RingClient.helloBytes, Array(hello[0..<8]) == Array("MDCRING1".utf8) else {
                throw .invalid("this is no hello of a native client")
            }
            let slots = Int(word(hello, 8)), rows = Int(word(hello, 12))
            let name = String(decoding: hello[16...].prefix { $0 != 0 }, as: UTF8.self)
            guard slots > 0, slots <= 64, slots & (slots - 1) == 0 else {
                throw .invalid("slots must be a power of two, at most 64")
            }
            guard let model = house.model(named: name, version: nil), model.state == .ready else {
                throw RequestFault(404, "no model of that name is ready")
            }
            guard let description = model.description, let whole = model.layout, rows >= 1, rows <= whole.rows,
                let layout = SlabLayout(description, maxBatchSize: whole.isBatching ? rows : 0)
            else { throw .invalid("this model has no fixed rows, or not that many in a batch") }
            do throws(SystemError) {
                return try RingClient(
                    consume socket, house, model, description, layout, slots: slots,
                    limit: house.plan.limits.ringBytesMax)
            } catch { throw RequestFault(503, "no memory for a ring: \(error)") }
        } catch {
            refuse(raw, error.text)
            throw error
        }
    }

    private func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
    }

    private func refuse(_ descriptor: Int32, _ why: String) {
        let bytes = RingClient.welcomeBytes(status: 1, why)
        _ = unsafe bytes.withUnsafeBytes {
            unsafe cl_send(descriptor, $0.baseAddress, $0.count, Int32(truncatingIfNeeded: MSG_DONTWAIT))
        }
    }

    /// The client hung up: what it had queued is dropped, what runs is nobody's, its memory goes.
    private func dismiss(_ client: RingClient) {
        seat?.unwatch(client.socket.raw)
        seat?.unwatch(client.doorbell.raw)
        clients.removeAll { $0 === client }
        client.end()
    }
}

/// One native client: its memory and its requests under way. It names its model once; a reload of the
/// model moves it to the new version, as long as the shapes stay.
final class RingClient: RequestOrigin {
    static let helloBytes = 128
    private static let firstSlot = 8192

    let socket: FileDescriptor
    let doorbell: FileDescriptor
    private let clientBell: FileDescriptor
    private unowned let house: InferenceHouse
    private let modelName: String
    private let description: ModelDescription
    private let layout: SlabLayout
    private let slots: Int
    private let slotBytes: Int
    private let mapped: MappedMemory
    private let memory: Memory
    private let region: SharedRegion
    private let memoryDescriptor: FileDescriptor
    private let client: Int
    /// The request that has each slot now, by its index; -1: the client's own.
    private var owners: [Int]
    private var hasEnded = false

    init(
        _ socket: consuming FileDescriptor, _ house: InferenceHouse, _ model: ServedModel,
        _ description: ModelDescription, _ layout: SlabLayout, slots: Int, limit: Int
    ) throws(SystemError) {
        self.house = house
        self.description = description
        self.layout = layout
        self.slots = slots
        modelName = model.name
        slotBytes = aligned(layout.byteCount, to: 4096)
        let byteCount = RingClient.firstSlot + slots * slotBytes
        guard byteCount <= limit else {
            throw SystemError("make a ring", "\(byteCount) bytes, allowed \(limit)", code: ENOMEM)
        }
        memoryDescriptor = FileDescriptor(
            owning: try checked(unsafe cl_memfd("mdc-inference-ring", false), "memfd_create"))
        try checked(ftruncate(memoryDescriptor.raw, byteCount) == -1 ? -errno : 0, "make a ring")
        try checked(cl_memfd_seal_size(memoryDescriptor.raw), "seal a ring")
        mapped = try MappedMemory(
            descriptor: memoryDescriptor.raw, byteCount: byteCount, access: .readWrite, populate: true)
        memory = unsafe Memory(mapped.bytes)
        doorbell = FileDescriptor(owning: try checked(cl_eventfd(0), "eventfd"))
        clientBell = FileDescriptor(owning: try checked(cl_eventfd(0), "eventfd"))
        let copy = FileDescriptor(owning: try checked(fcntl(memoryDescriptor.raw, F_DUPFD_CLOEXEC, 3), "dup"))
        let number = house.regions.takeNumber()
        region = SharedRegion(
            number: number, name: "", descriptor: copy, offset: 0, byteCount: byteCount, mappedBytes: byteCount, key: ""
        )
        var pid: UInt32 = 0, uid: UInt32 = 0, gid: UInt32 = 0
        _ = unsafe cl_peer_credentials(socket.raw, &pid, &uid, &gid)
        client = ModelQueue.clientNumber(UInt64(uid) &+ 1 << 40)
        owners = Array(repeating: -1, count: slots)
        self.socket = socket
        describe()
    }

    /// Tells the client, in the memory itself, where everything lies.
    private func describe() {
        _ = memory.store(text: "MDCRING1", at: 0, limit: 8)
        memory.store(512, UInt32(slots))
        memory.store(516, UInt32(layout.rows))
        memory.store(520, UInt64(slotBytes))
        memory.store(528, UInt64(RingClient.firstSlot))
        memory.store(536, UInt32(layout.inputs.count))
        memory.store(540, UInt32(layout.outputs.count))
        for (i, tensor) in (layout.inputs + layout.outputs).enumerated() {
            let at = 4096 + i * 64
            let known = i < layout.inputs.count ? description.inputs[i] : description.outputs[i - layout.inputs.count]
            memory.store(at, UInt64(tensor.rowBytes))
            memory.store(at + 8, UInt64(tensor.offset))
            memory.store(at + 16, UInt32(known.type.byteCount))
            _ = memory.store(text: known.name, at: at + 24, limit: 39)
        }
        unsafe word(192).pointee.store(1, ordering: .sequentiallyConsistent)
    }

    static func welcomeBytes(status: UInt32, _ why: String) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 256)
        bytes[0] = UInt8(status)
        for (i, byte) in why.utf8.prefix(251).enumerated() { bytes[4 + i] = byte }
        return bytes
    }

    func sendWelcome() throws(SystemError) {
        let bytes = RingClient.welcomeBytes(status: 0, "")
        let given = [memoryDescriptor.raw, doorbell.raw, clientBell.raw]
        try checked(
            unsafe bytes.withUnsafeBytes { unsafe cl_send_descriptors(socket.raw, $0.baseAddress, $0.count, given, 3) },
            "send the ring")
    }

    private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (memory.start + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    // MARK: - Requests

    /// Asks for the doorbell. False: something was submitted meanwhile.
    func rings() -> Bool {
        unsafe word(192).pointee.store(1, ordering: .sequentiallyConsistent)
        return !hasSubmitted
    }

    var hasSubmitted: Bool { unsafe word(64).pointee.load(ordering: .sequentiallyConsistent) != taken }

    func needNotRing() { unsafe word(192).pointee.store(0, ordering: .relaxed) }

    private var taken: UInt32 = 0

    func takeSubmitted(_ now: MonotonicTime) {
        // At most a ring full at once: a client that counts nonsense only harms itself.
        for _ in 0..<slots {
            guard unsafe word(64).pointee.load(ordering: .acquiring) != taken else { return }
            let at = 1024 + Int(taken) % slots * 16
            let slot = Int(memory.load(at, as: UInt32.self)), rows = Int(memory.load(at + 4, as: UInt32.self))
            let number = memory.load(at + 8, as: UInt64.self)
            taken &+= 1
            unsafe word(128).pointee.store(taken, ordering: .releasing)
            begin(slot, rows, number, now)
        }
    }

    private func begin(_ slot: Int, _ rows: Int, _ number: UInt64, _ now: MonotonicTime) {
        guard slot < slots, owners[slot] < 0, rows >= 1, rows <= layout.rows else {
            return complete(UInt32(truncatingIfNeeded: slot), 400, number, .zero)
        }
        guard !house.isStopping, house.postureRefusal() == nil,
            let model = house.model(named: modelName, version: nil),
            house.laneRefusal(model) == nil, model.state == .ready, model.description == description,
            model.queue.hasRoom(for: client),
            let request = house.requests.take(model, now)
        else { return complete(UInt32(slot), 503, number, .zero) }
        house.hasWorked = true
        owners[slot] = request.index
        request.origin = self
        request.note = UInt64(slot)
        request.number = number
        request.client = client
        request.rowCount = rows
        request.priority = model.plan.defaultPriority
        request.usesSharedMemory = true
        request.hasFixedOutputs = true
        region.users += 1
        request.inputRegions.append(region)
        for i in layout.inputs.indices {
            request.inputs.append(place(layout.inputs[i], slot, rows, description.inputs[i]))
        }
        for o in layout.outputs.indices {
            request.outputs.append(place(layout.outputs[o], slot, rows, description.outputs[o]))
        }
        if model.plan.defaultTimeout > .zero { request.deadline = now + model.plan.defaultTimeout }
        request.state = .queued
        model.queue.add(request)
    }

    private func place(_ tensor: SlabLayout.Tensor, _ slot: Int, _ rows: Int, _ known: TensorDescription) -> TensorPlace
    {
        var place = TensorPlace()
        place.region = region.number
        place.offset = RingClient.firstSlot + slot * slotBytes + tensor.offset
        place.byteCount = rows * tensor.rowBytes
        place.rank = known.shape.count
        for (d, size) in known.shape.enumerated() { place.dims[d] = Int64(layout.isBatching && d == 0 ? rows : size) }
        return place
    }

    func completed(_ request: InferRequest, _ fault: RequestFault?) {
        let slot = Int(request.note), number = request.number
        let took = SystemTime.monotonic - request.arrived
        owners[slot] = -1
        house.requests.release(request)
        complete(UInt32(slot), UInt32(fault?.status ?? 0), number, took)
    }

    private func complete(_ slot: UInt32, _ status: UInt32, _ number: UInt64, _ took: Nanoseconds) {
        if hasEnded { return }
        let tail = unsafe word(256).pointee.load(ordering: .relaxed)
        let at = 2048 + Int(tail) % slots * 32
        memory.store(at, slot)
        memory.store(at + 4, status)
        memory.store(at + 8, number)
        memory.store(at + 16, UInt64(max(0, took.count)))
        unsafe word(256).pointee.store(tail &+ 1, ordering: .sequentiallyConsistent)
        if unsafe word(384).pointee.exchange(0, ordering: .sequentiallyConsistent) != 0 {
            _ = cl_eventfd_signal(clientBell.raw)
        }
    }

    func end() {
        hasEnded = true
        for slot in owners.indices where owners[slot] >= 0 {
            let request = house.requests.all[owners[slot]]
            owners[slot] = -1
            if request.state == .queued {
                request.model?.queue.remove(request)
                request.model?.statistics.cancelled += 1
                house.requests.release(request)
            } else {
                request.isAbandoned = true
            }
        }
        house.regions.leave(region)
    }
}
