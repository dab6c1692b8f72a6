internal import CGpiod
internal import CLinux
internal import Platform
internal import Site

/// Lines held through the kernel's v2 interface: one descriptor, a queue of 1,024 edges with sequence
/// numbers, debounce in the kernel.
final class KernelLines: HeldLines {
    let isSettled = true
    private let descriptor: FileDescriptor
    private let offsets: [UInt32]
    private var raw = [gpio_v2_line_event](repeating: gpio_v2_line_event(), count: LineDrain.batch)

    /// `chip` is a path such as /dev/gpiochip0.
    init(chip: String, _ wanted: [WantedLine], consumer: String) throws(SystemError) {
        let chipDescriptor = try FileDescriptor.open(chip, 2 /* O_RDWR */)
        offsets = wanted.map(\.offset)
        let lines = wanted.map(\.forKernel)
        let result = unsafe cg_request(chipDescriptor.raw, lines, UInt32(lines.count), consumer)
        descriptor = FileDescriptor(owning: try checked(result, "request lines of", chip))
    }

    var descriptors: [Int32] { [descriptor.raw] }

    func readEdges(into edges: inout [LineEdge]) throws(SystemError) {
        edges.removeAll(keepingCapacity: true)
        let got = unsafe raw.withUnsafeMutableBufferPointer { buffer in
            unsafe cg_read_events(descriptor.raw, buffer.baseAddress, UInt32(buffer.count))
        }
        for event in raw.prefix(Int(try checked(got, "read line events"))) {
            guard let index = offsets.firstIndex(of: event.offset) else { continue }
            let isRising = unsafe withUnsafePointer(to: event) { unsafe cg_is_rising($0) }
            edges.append(
                LineEdge(
                    index: index, isHigh: isRising,
                    time: MonotonicTime(nanoseconds: Int64(clamping: event.timestamp_ns)), sequence: event.seqno))
        }
    }

    func levels() throws(SystemError) -> UInt64 {
        var bits: UInt64 = 0
        try checked(unsafe cg_levels(descriptor.raw, UInt32(offsets.count), &bits), "read line levels")
        return bits
    }
}
