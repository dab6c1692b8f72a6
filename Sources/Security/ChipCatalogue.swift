internal import CGpiod
internal import Glibc
public import Platform
public import Site

/// One line as the kernel describes it.
public struct LineDescription: Equatable, Sendable {
    public let offset: Int
    /// Empty when the board's maker gave none.
    public let name: String
    /// The program or driver that holds it.
    public let consumer: String
    public let isUsed: Bool
    public let isOutput: Bool
    public let isActiveLow: Bool
    public let bias: LineBias
}

public struct ChipDescription: Equatable, Sendable {
    public let path: String
    public let name: String
    public let label: String
    public let lines: [LineDescription]
}

/// Every GPIO chip of the machine and its lines, by libgpiod.
public struct ChipCatalogue: Sendable {
    public let chips: [ChipDescription]
    /// Chips that are there and could not be looked at: usually for want of permission.
    public let unreadable: [SystemError]

    public static var libgpiodMajor: Int { Int(cg_libgpiod_major) }

    public static func read(_ folder: String = "/dev") -> ChipCatalogue {
        let names = ((try? namesInFolder(folder)) ?? []).filter { $0.hasPrefix("gpiochip") }
        var chips: [ChipDescription] = []
        var unreadable: [SystemError] = []
        for name in names {
            do throws(SystemError) { chips.append(try describe(folder + "/" + name)) } catch {
                unreadable.append(error)
            }
        }
        return ChipCatalogue(chips: chips, unreadable: unreadable)
    }

    private static func describe(_ path: String) throws(SystemError) -> ChipDescription {
        guard let chip = unsafe cg_chip_open(path) else { throw SystemError("open chip", path, code: errno) }
        defer { unsafe cg_chip_close(chip) }
        var info = cg_chip_info()
        try checked(unsafe cg_chip_describe(chip, &info), "describe chip", path)
        var lines: [LineDescription] = []
        for offset in 0..<info.line_count {
            var line = cg_line_info()
            try checked(unsafe cg_line_describe(chip, offset, &line), "describe a line of", path)
            lines.append(
                unsafe LineDescription(
                    offset: Int(offset), name: String(cString: cg_line_name(&line)),
                    consumer: String(cString: cg_line_consumer(&line)), isUsed: line.is_used,
                    isOutput: line.is_output, isActiveLow: line.is_active_low, bias: bias(line.bias)))
        }
        return unsafe ChipDescription(
            path: path, name: String(cString: cg_chip_name(&info)), label: String(cString: cg_chip_label(&info)),
            lines: lines)
    }

    private static func bias(_ code: UInt32) -> LineBias {
        switch code {
        case 1: .pullUp
        case 2: .pullDown
        case 3: .disabled
        default: .asIs
        }
    }

    public enum Found: Equatable, Sendable {
        case line(chip: ChipDescription, offset: Int)
        case missing(LineFault)
    }

    public func find(_ address: LineAddress) -> Found {
        switch address {
        case .name(let name):
            let hits = chips.flatMap { chip in
                chip.lines.filter { $0.name == name }.map { (chip, $0.offset) }
            }
            if hits.count == 1 { return .line(chip: hits[0].0, offset: hits[0].1) }
            if hits.count > 1 {
                let places = hits.map { "\($0.0.label):\($0.1)" }.joined(separator: " and ")
                return .missing(LineFault(.lineMissing, "\(name) stands on \(places): name chip and offset"))
            }
            return .missing(missing(name))
        case .place(let label, let offset):
            let matching = chips.filter { $0.label == label || $0.name == label }
            guard let chip = matching.first else { return .missing(missing("chip \(label)")) }
            if matching.count > 1 {
                return .missing(LineFault(.lineMissing, "\(matching.count) chips are labelled \(label)"))
            }
            guard offset < chip.lines.count else {
                return .missing(LineFault(.lineMissing, "chip \(label) has lines 0 to \(chip.lines.count - 1)"))
            }
            return .line(chip: chip, offset: offset)
        }
    }

    private func missing(_ what: String) -> LineFault {
        if let denied = unreadable.first {
            return LineFault(denied.code == EACCES ? .noPermission : .inputOutput, denied.description)
        }
        return chips.isEmpty
            ? LineFault(.chipGone, "no GPIO chip in /dev") : LineFault(.lineMissing, "no \(what) on any chip")
    }
}
