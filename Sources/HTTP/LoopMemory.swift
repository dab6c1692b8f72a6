internal import Glibc

/// All buffers of one loop's connections, reserved once. Pages that no client has used yet are not
/// resident. It lives as long as the loop or any exchange that a late answer may still write to.
@safe final class LoopMemory: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let limits: HTTPLimits
    private let bufferBytes: Int
    private let slotBytes: Int

    init(slots: Int, limits: HTTPLimits) {
        self.limits = limits
        bufferBytes = LoopMemory.roundedUp(Connection.memoryBytes(limits))
        // Per slot: input and buffered body, the answer's head and copies, field places, send parts.
        slotBytes =
            unsafe bufferBytes + Exchange.outgoingBytes
            + LoopMemory.roundedUp(limits.fieldsMax * MemoryLayout<FieldPlace>.stride)
            + LoopMemory.roundedUp(Exchange.partsMax * MemoryLayout<iovec>.stride)
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: slotBytes * slots, alignment: 4096)
    }

    deinit { unsafe base.deallocate() }

    private static func roundedUp(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }

    func buffers(_ slot: Int) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: base + slot * slotBytes, count: Connection.memoryBytes(limits))
    }

    func outgoing(_ slot: Int) -> UnsafeMutableRawPointer { unsafe base + slot * slotBytes + bufferBytes }

    func fields(_ slot: Int) -> UnsafeMutablePointer<FieldPlace> {
        unsafe (outgoing(slot) + Exchange.outgoingBytes).bindMemory(to: FieldPlace.self, capacity: limits.fieldsMax)
    }

    func parts(_ slot: Int) -> UnsafeMutablePointer<iovec> {
        let fieldBytes = LoopMemory.roundedUp(limits.fieldsMax * MemoryLayout<FieldPlace>.stride)
        return unsafe (outgoing(slot) + Exchange.outgoingBytes + fieldBytes).bindMemory(
            to: iovec.self, capacity: Exchange.partsMax)
    }
}
