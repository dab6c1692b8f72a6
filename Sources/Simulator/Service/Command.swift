internal import Platform

/// What an instructor can say. One vocabulary for standard input, the socket and `tell`.
enum Command: Equatable {
    case help, status, heal, quit
    case container(ContainerCause)
    /// Whom: a unit's name or number; nil: all machines.
    case machine(whom: String?, MachineCommand)
    case accelerator(Int, AcceleratorCommand)
    case line(String, LineCommand)
    case kind(SecurityLine.Kind, SecurityLine.State)
    case chaos(Double)
    case speed(Double)

    enum ContainerCause: Equatable {
        case mains(Double), genset(fails: Bool), ups(fails: Bool), battery(worn: Bool)
        case crac(off: Bool), chiller(off: Bool), pump(off: Bool)
        case load(Double?), outdoor(Double?)
    }

    enum MachineCommand: Equatable {
        case healthy
        case fault(Misbehaviour, count: Int?, span: Nanoseconds?)
        case disconnect
    }

    enum AcceleratorCommand: Equatable {
        case hot, cool, hang, revive, lost, slow, gone, back
        case errors(UInt64), fatal(UInt64)
    }

    enum LineCommand: Equatable { case state(SecurityLine.State), level(Bool), bounce }

    struct Fault: Error, Equatable, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    static let helpText = """
        container    mains off|on|brownout|PERCENT%   genset fail|ok   ups fail|ok   battery worn|new
                     crac off|on   chiller off|on   pump off|on
                     load PERCENT%|auto   outdoor CELSIUS|auto
        security     door open|close [NAME]   motion on|off   smoke on|off   leak on|off   tamper on|off
                     line NAME normal|alarm|short|open|0|1|bounce
        accelerators accel N hot|cool|hang|revive|lost|slow|gone|back|ok|errors COUNT|fatal COUNT
        machines     unit NAME|NUMBER FAULT [once | COUNT times | for 10s]     FAULT alone: all machines
                     unit NAME|NUMBER ok          disconnect: closes every connection
          FAULT      late 200ms   exception CODE
                     \(Misbehaviour.words.prefix(6).map(\.word).joined(separator: "   "))
                     \(Misbehaviour.words.dropFirst(6).map(\.word).joined(separator: "   "))
        everything   chaos PERCENT%   speed N   status   heal   help   quit
        """
}
