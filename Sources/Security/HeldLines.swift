internal import CGpiod
internal import Platform
internal import Site

/// Lines of one chip that we hold, by one way or another.
protocol HeldLines: LineRequest {
    /// Readable when an edge waits; hung up when the chip has gone.
    var descriptors: [Int32] { get }
    /// True where edges and levels are debounced already.
    var isSettled: Bool { get }
}

/// A line as it is asked for.
struct WantedLine {
    let offset: UInt32
    let bias: LineBias
    let debounce: Nanoseconds

    var forKernel: cg_wanted_line {
        let bias: cg_bias =
            switch bias {
            case .asIs: CG_BIAS_AS_IS
            case .pullUp: CG_BIAS_PULL_UP
            case .pullDown: CG_BIAS_PULL_DOWN
            case .disabled: CG_BIAS_DISABLED
            }
        return cg_wanted_line(
            offset: offset, bias: UInt32(bias.rawValue), debounce_us: UInt32(clamping: debounce.count / 1000))
    }
}
