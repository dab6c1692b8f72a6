internal import Platform
internal import Site

/// HAProxy's agent-check line for a posture (2.6, tried live). `drain` sticks until `ready`, and after a
/// percentage only `up` with 100 % brings the weight back, so every line says all three. A word before `#`
/// needs a separator, or HAProxy does not understand the line and leaves the server up.
enum AgentCheckLine {
    /// Nil: nobody decides, or nobody knows: takes no work.
    static func text(_ posture: Posture?, conserveWeightPercent: Int) -> String {
        guard let posture else { return "down #no current decision\n" }
        switch posture.state {
        case .normal: return "ready up 100%\n"
        case .conserve: return "ready up \(conserveWeightPercent)%\n"
        case .drain: return "drain up 100%\n"
        case .stop, .seal: return "down #\(posture.state.text): \(plain(posture.reason))\n"
        }
    }

    /// One line of printable ASCII, short enough for HAProxy's buffer.
    private static func plain(_ text: String) -> String {
        String(decoding: text.utf8.prefix(80).map { (32...126).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
