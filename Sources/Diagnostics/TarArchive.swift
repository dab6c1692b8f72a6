/// A tar archive (POSIX ustar) put together in memory: what every support desk can open.
struct TarArchive {
    private(set) var bytes: [UInt8] = []
    private let seconds: Int64

    /// `seconds` since 1970 is every file's time.
    init(seconds: Int64) { self.seconds = seconds }

    /// `name` has at most 100 bytes, folders included.
    mutating func add(_ name: String, _ content: [UInt8]) {
        precondition(name.utf8.count <= 100)
        var head = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at place: Int) {
            for (index, byte) in text.utf8.enumerated() { head[place + index] = byte }
        }
        func octal(_ number: Int64, digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(name, at: 0)
        put(octal(0o600, digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        put(octal(Int64(content.count), digits: 11), at: 124)
        put(octal(seconds, digits: 11), at: 136)
        put("        0", at: 148)
        put("ustar\u{0}00root", at: 257)
        put("root", at: 297)
        let sum = head.reduce(Int64(0)) { $0 + Int64($1) }
        put(octal(sum, digits: 6) + "\u{0} ", at: 148)
        bytes += head + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// Two empty blocks end it.
    consuming func finish() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}
