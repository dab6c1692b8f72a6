internal import CGpiod
internal import Platform
internal import Site

/// Lines held through libgpiod's own calls, for kernels without the v2 interface. Version 1.6 queues 16
/// edges a line and hides a loss: what saves the state is that levels are read after every drain. The
/// zones' engine debounces.
final class LibgpiodLines: HeldLines {
    let isSettled = false
    private let held: OpaqueHandle
    private var raw = [cg_edge](repeating: cg_edge(), count: LineDrain.batch)

    /// The one owner of libgpiod's handle.
    @safe private struct OpaqueHandle: ~Copyable {
        let pointer: UnsafeMutablePointer<cg_held>
        deinit { unsafe cg_release(pointer) }
    }

    init(chip: String, _ wanted: [WantedLine], consumer: String) throws(SystemError) {
        let lines = wanted.map(\.forKernel)
        var pointer: UnsafeMutablePointer<cg_held>?
        try checked(
            unsafe cg_hold(chip, lines, UInt32(lines.count), consumer, &pointer), "request lines of (libgpiod)", chip)
        guard let pointer = unsafe pointer else { throw SystemError("request lines of (libgpiod)", chip, code: 12) }
        held = unsafe OpaqueHandle(pointer: pointer)
    }

    var descriptors: [Int32] {
        unsafe (0..<cg_held_descriptors(held.pointer)).map { unsafe cg_held_descriptor(held.pointer, $0) }
    }

    func readEdges(into edges: inout [LineEdge]) throws(SystemError) {
        edges.removeAll(keepingCapacity: true)
        let got = unsafe raw.withUnsafeMutableBufferPointer { buffer in
            unsafe cg_held_read(held.pointer, buffer.baseAddress, UInt32(buffer.count))
        }
        for edge in raw.prefix(Int(try checked(got, "read line events"))) {
            edges.append(
                LineEdge(
                    index: Int(edge.index), isHigh: edge.is_rising,
                    time: MonotonicTime(nanoseconds: edge.time_ns), sequence: edge.sequence))
        }
    }

    func levels() throws(SystemError) -> UInt64 {
        var bits: UInt64 = 0
        try checked(unsafe cg_held_levels(held.pointer, &bits), "read line levels")
        return bits
    }
}
