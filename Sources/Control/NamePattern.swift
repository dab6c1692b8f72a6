/// "zone.*.fire": `*` stands for any run of characters within one word of a dotted name.
struct NamePattern: Sendable {
    private let pattern: [UInt8]

    init(_ pattern: String) { self.pattern = Array(pattern.utf8) }

    func matches(_ name: String) -> Bool {
        let name = Array(name.utf8)
        // Remembers the last star, so that a mismatch costs a step back and not a search tree.
        var at = 0, p = 0
        var star: (pattern: Int, name: Int)?
        while at < name.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = (p, at)
                p += 1
            } else if p < pattern.count, pattern[p] == name[at] {
                p += 1
                at += 1
            } else if let last = star, name[last.name] != UInt8(ascii: ".") {
                star = (last.pattern, last.name + 1)
                p = last.pattern + 1
                at = last.name + 1
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
