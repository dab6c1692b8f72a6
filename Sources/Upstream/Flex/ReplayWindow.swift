internal import CLinux
internal import Glibc
internal import Platform

/// Digests of the commands that were accepted, so that none counts twice: a signature covers the data
/// only, and whoever re-wraps an old command in a fresh envelope would pass for its sender. Kept in a
/// file, because a restart must not open the door again.
final class ReplayWindow {
    /// Commands come a few times an hour; this is months of them.
    static let capacity = 4096

    private var known: Set<[UInt8]> = []
    private var order: [[UInt8]] = []
    private var next = 0
    private let path: String?
    /// Lines in the file; it is cut to what counts when it has twice as many.
    private var lineCount = 0
    private(set) var trouble: String?

    /// `path`: nil keeps them in memory only.
    init(path: String?) {
        self.path = path
        guard let path else { return }
        do throws(SystemError) {
            // 8,192 lines of 65 bytes, and room for a file that somebody else made longer.
            let lines = try readFile(path, limit: 4 << 20).split(separator: 0x0A)
            lineCount = lines.count
            for line in lines.suffix(ReplayWindow.capacity) { keep(Array(line)) }
        } catch {
            if error.code != ENOENT { trouble = error.description }
        }
    }

    func contains(_ digest: [UInt8]) -> Bool { known.contains(Array(hexText(digest).utf8)) }

    /// Durable before the command is passed on.
    func insert(_ digest: [UInt8]) {
        let line = Array(hexText(digest).utf8)
        keep(line)
        guard let path else { return }
        // What could not be written before goes with it.
        if trouble != nil || lineCount > ReplayWindow.capacity * 2 { return rewrite(path) }
        do throws(SystemError) {
            let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            try file.writeAll(line + [0x0A])
            fdatasync(file.raw)
            lineCount += 1
        } catch {
            trouble = error.description
        }
    }

    private func keep(_ line: [UInt8]) {
        guard known.insert(line).inserted else { return }
        if order.count < ReplayWindow.capacity {
            order.append(line)
        } else {
            known.remove(order[next])
            order[next] = line
            next = (next + 1) % ReplayWindow.capacity
        }
    }

    private func rewrite(_ path: String) {
        let oldestFirst = order[next...] + order[..<next]
        var file = StateFile(path)
        file.write(oldestFirst.map { String(decoding: $0, as: UTF8.self) + "\n" }.joined())
        trouble = file.trouble
        if trouble == nil { lineCount = order.count }
    }
}
